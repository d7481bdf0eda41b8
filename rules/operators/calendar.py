"""Whether a greeting fits the day: weekends and public holidays; weekends worked in exchange are working days."""
from __future__ import annotations

from datetime import date, datetime, timedelta

from days import Days
from rules.schema import Entry, Rule
from rules.view import Outcome, View

WEEKEND = ("周末", "周六", "周日", "星期六", "星期天", "星期日", "礼拜六", "礼拜天", "礼拜日", "双休")
ANY_DAY_OFF = ("节日快乐", "节日好", "假期", "过节", "节日愉快", "佳节", "长假", "小长假")
WORDS = {
    "元旦": ("元旦", "新年"),
    "春节": ("春节", "新年", "过年", "新春", "拜年", "大年", "除夕", "恭喜发财", "新岁",
           *(f"初{n}" for n in "一二三四五六七"), *(f"{animal}年" for animal in "鼠牛虎兔龙蛇马羊猴鸡狗猪")),
    "清明": ("清明", "安康"),
    "劳动节": ("五一", "劳动节", "51节"),
    "端午": ("端午",),
    "中秋": ("中秋",),
    "国庆": ("国庆", "十一", "双节"),
}


class FitsTheDay(Entry):
    """Nothing to set."""


def fits_the_day(view: View, rule: Rule, params: FitsTheDay) -> Outcome:
    """N/A on working days, without a date and in years whose holidays are not known here; on a day off one of the rule's hits must
    name the right day."""
    day, days = day_of(view.call.started_at), view.knowledge.days
    if day is None:
        return Outcome("not_applicable", reason="没有通话时间")
    if not days.of(day).known:
        return Outcome("not_applicable", reason=f"不知道 {day.year} 年的放假和调休安排，不能判断 {day} 是不是休息日："
                       f"请升级 chinesecalendar，或在 tingjian.toml 的 [calendar.years.{day.year}] 写明"
                       + (f"（还缺{'、'.join(days.missing(day.year))}）" if days.written(day.year) else ""))
    names = day_off(day, days)
    if names is None:
        return Outcome("not_applicable", reason=f"{day} 是工作日")
    hits = view.hits(rule.id)
    light = view.text.light
    right = [h for h in hits if any(word in light[max(0, h.start - 4):h.end + 2] for word in names)]
    if right:
        best = max(right, key=lambda h: h.confidence)
        return Outcome("pass", best.confidence, (best,), f"问候与当天（{names[0]}）相符")
    if hits:
        return Outcome("fail", max(h.confidence for h in hits), hits[:1], f"当天是{names[0]}，问候的不是这一天")
    window = view.window(rule.where, rule.who)
    return Outcome("fail", view.absent(sorted(window or ())), reason=f"当天是{names[0]}，开头没有应景的问候")


def day_of(started_at: str | None) -> date | None:
    """The calendar day of an ISO 8601 time, in its own offset; None where it cannot be read."""
    try:
        return datetime.fromisoformat(started_at).date() if started_at else None
    except ValueError:
        return None


def day_off(day: date, days: Days) -> tuple[str, ...] | None:
    """Words that fit a day off, the day's own first; None on working days.

    In one run of days off the words of all its holidays fit (National Day and Mid-autumn Festival often share one).
    """
    if not days.off(day):
        return None
    words: dict[str, None] = dict.fromkeys(_words(days.of(day).holiday))
    for step in (timedelta(1), timedelta(-1)):
        near = day + step
        while days.off(near):
            words.update(dict.fromkeys(_words(days.of(near).holiday)))
            near += step
    if words:
        words.update(dict.fromkeys(ANY_DAY_OFF))
    return (*words, *(WEEKEND if day.weekday() >= 5 or not words else ()))


def _words(holiday: str | None) -> tuple[str, ...]:
    """Words that name a holiday: those of the public ones in its name (国庆中秋 has two), else the name itself (店庆)."""
    if holiday is None:
        return ()
    public = [words for name, words in WORDS.items() if name in holiday]
    return tuple(word for words in public for word in words) or tuple(holiday.split("、"))
