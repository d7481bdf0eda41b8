"""An agent's month worked out in words: the rules of the handbook with the agent's numbers in them."""
from __future__ import annotations

import re
from typing import Any

from insight.appraisal import GRADES
from review.reasons import Translator
from review.wording import Language
from settings import Appraisal

LINES: dict[str, tuple[str, str]] = {
    "result": ("月度绩效 =（考核 {assessment} + 监听 {monitoring}）/ 2{less} = {result}", "result = ({assessment} + {monitoring}) / 2{less} = {result}"),
    "grade": ("等级 {grade}：{low} ≤ {result} {sign} {high}", "grade {grade}: {low} ≤ {result} {sign} {high}"),
    "no_assessment": ("没有绩效：缺考核得分", "no result: no assessment"),
    "no_monitoring": ("没有绩效：没有已评的随机录音", "no result: no reviewed random card"),
    "before": ("上月绩效 {result_before}{both}", "the month before: {result_before}{both}"),
    "both_low": ("，连续两月低于 70", "; both under 70"),
    "complaints": ("投诉 {complaints} 件，其中重大 {major} 件：扣 {deduction} 分，奖金 {bonus}{flag}",
                   "complaints: {complaints}, of them {major} major: {deduction} points less, {bonus} of the bonus{flag}"),
    "dismissal": ("；投诉达三件，按手册列入辞退名单，由人决定", "; three complaints: flagged for dismissal, which a person decides"),
    "talk": ("平均通话时长 {talk_seconds} 秒，全中心 {talk_mean} 秒，{talk_side} {talk_apart} 秒：{talk_points} 分",
             "talk time: {talk_seconds} s, the centre's mean {talk_mean} s, {talk_apart} s {talk_side} it: {talk_points} points"),
    "volume": ("话务量 {calls}，平均 {volume_mean}，{volume_side}均值 {volume_apart}：{volume_points} 分",
               "volume: {calls}, the mean {volume_mean}, {volume_apart} {volume_side} it: {volume_points} points"),
    "points": ("得分合计 = {talk_points} + {volume_points} − {deduction} = {points}", "points = {talk_points} + {volume_points} − {deduction} = {points}"),
}
LACKING = {"assessment": ("缺考核得分", "no assessment"), "monitoring": ("没有已评的随机录音", "no reviewed random card"),
           "volume": ("缺话务量", "no volume"), "talk": ("缺通话时长", "no talk time")}
FLAGS = {"two_low": ("连续两月低于 70", "two months under 70"), "dismissal": ("投诉三件以上", "three complaints or more")}
FIGURES = {"assessment": ("考核", "assessment"), "monitoring": ("监听", "monitoring"), "complaint": ("投诉", "complaint"),
           "volume": ("话务量", "volume"), "talk": ("通话时长", "talk time")}

# What insight/delivered.py says of rows that cannot be used.
REFUSED: tuple[tuple[str, str], ...] = (
    ("{} line {}: {} {}; {}", "{} 第 {} 行：{} {}；{}"), ("The other {} rows are used.", "其余 {} 行照用。"),
    ("is empty", "是空的"), ('is "{}", not {}', "是“{}”，应为{}"), ('is "{}", before {}', "是“{}”，早于 {}"), ('{} is "{}" as on line {} already', "{} “{}”与第 {} 行重复"),
    ('is "{}" as on line {} already', "“{}”与第 {} 行重复"), ("a number", "数字"), ("a month", "月份"), ("a date", "日期"), ("a time", "时间"), ("yes or no", "是或否"),
    ("a whole number", "整数"), ("one of {}", " {} 之一"), ("{} from {} to {}", "{}（{} 到 {}）"), ("{} from {} up", "{}（不小于 {}）"),
    ("fill it in", "请填上"), ("write it as 2026-11-20", "请写成 2026-11-20"), ("write it as 2026-11", "请写成 2026-11"),
    ("write it as 2026-11-20T09:12:00+08:00 (without an offset it is +08:00)", "请写成 2026-11-20T09:12:00+08:00（不写时区按 +08:00）"),
    ("write a number", "请写数字"), ("write a whole number, 0 or more", "请写不小于 0 的整数"), ("write yes or no", "请写 是 或 否"), ("write one of {}", "请写 {} 之一"),
    ("see which of the two is wrong, {} or {}", "请核对 {} 和 {} 哪个写错了"), ("remove one of the two; the first is used", "请删去一行，现按前一行计"))
in_chinese = Translator(REFUSED).of

NOTES = {"risk-picked, not counted": "风险录音，不计", "chosen-picked, not counted": "点选，不计", "under appeal": "申诉中", "not upheld, not counted": "无责，不计", "major": "重大"}


def noted(note: str, language: Language) -> str:
    """A note of `appraisal.trail` in the reader's language."""
    if language == "zh":
        for english, chinese in NOTES.items():
            note = note.replace(english, chinese)
    return note


def sourced(source: str, language: Language) -> str:
    """Where a figure of `appraisal.trail` comes from, in the reader's language; a call's id stays as it is."""
    if language == "en" or not (found := re.fullmatch(r"(?:(.+) \()?(\w+) line (\d+)\)?", source)):
        return source
    order, file, line = found.groups()
    place = f"{file}.csv 第 {line} 行"
    return f"{order}（{place}）" if order else place


def worked_out(row: dict[str, Any], policy: Appraisal, language: Language) -> list[str]:
    """A line a figure, of a row of `appraisal.appraise`."""
    english = language == "en"
    row = row | _apart(row, english)
    shown = {name: shown_number(value) if isinstance(value, int | float) else value for name, value in row.items()}

    def line(name: str, **more: str) -> str:
        return LINES[name][english].format(**{**shown, **more})
    lines = []
    if row["result"] is not None:
        less = f" − {row['deduction']}" if policy.complaint_points == "result" and row["deduction"] else ""
        low, high = next((low, high) for name, low, high, *_ in GRADES if name == row["grade"])
        lines += [line("result", less=less), line("grade", low=f"{low:g}", high=f"{high:g}", sign="≤" if high == 100 else "<")]
    lines += [line(f"no_{word}") for word in row["lacks"] if word in ("assessment", "monitoring")]
    if row["result_before"] is not None:
        lines.append(line("before", both=LINES["both_low"][english] if row["two_low"] else ""))
    lines.append(line("complaints", bonus=f"{row['bonus_share']:.0%}", flag=LINES["dismissal"][english] if row["dismissal"] else ""))
    lines += [line(name) for name in ("talk", "volume") if row[f"{name}_points"] is not None]
    return lines + ([line("points")] if row["points"] is not None else [])


def _apart(row: dict[str, Any], english: bool) -> dict[str, Any]:
    """How far from the mean, without a sign: nobody reads -258 under it."""
    over, under = row["talk_over"] or 0.0, row["volume_under"] or 0.0
    return {"talk_apart": abs(over), "talk_side": (("低于" if over < 0 else "超出"), ("under" if over < 0 else "over"))[english],
            "volume_apart": abs(under), "volume_side": (("高于" if under < 0 else "低于"), ("over" if under < 0 else "under"))[english]}


def to_note(row: dict[str, Any], language: Language) -> list[str]:
    """What somebody should look at: flags, what is lacking."""
    english = language == "en"
    appeals = [(f"{row['appeals']} 张评分卡申诉中", f"{row['appeals']} cards under appeal")[english]] if row["appeals"] else []
    return [words[english] for name, words in FLAGS.items() if row[name]] + [LACKING[word][english] for word in row["lacks"]] + appeals


def shown_number(value: float | None) -> str:
    """At most two decimals, none that say nothing; a dash for None."""
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")
