"""What day it is: weekends and the State Council's holidays; weekends worked in exchange are working days."""
from __future__ import annotations

from datetime import date, datetime, timedelta

from rules.schema import Entry, Rule
from rules.view import Outcome, View

WEEKEND = ("周末", "周六", "周日", "星期六", "星期天", "星期日", "礼拜六", "礼拜天", "礼拜日", "双休")
ANY_DAY_OFF = ("节日快乐", "节日好", "假期", "过节", "节日愉快", "佳节", "长假", "小长假")
WORDS = {
    "New Year's Day": ("元旦", "新年"),
    "Spring Festival": ("春节", "新年", "过年", "新春", "拜年", "大年", "除夕", "恭喜发财", "新岁",
                        *(f"初{n}" for n in "一二三四五六七"), *(f"{animal}年" for animal in "鼠牛虎兔龙蛇马羊猴鸡狗猪")),
    "Tomb-sweeping Day": ("清明", "安康"),
    "Labour Day": ("五一", "劳动节", "51节"),
    "Dragon Boat Festival": ("端午",),
    "Mid-autumn Festival": ("中秋",),
    "National Day": ("国庆", "十一", "双节"),
}


class FitsTheDay(Entry):
    """Nothing to set."""


def fits_the_day(view: View, rule: Rule, params: FitsTheDay) -> Outcome:
    """N/A on working days and without a date; on a day off one of the rule's hits must name the right day."""
    day = day_of(view.call.started_at)
    if day is None:
        return Outcome("not_applicable", reason="没有通话时间")
    names = day_off(day)
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


def day_off(day: date) -> tuple[str, ...] | None:
    """Words that fit a day off, the day's own first; None on working days.

    In one run of days off the words of all its holidays fit (National Day and Mid-autumn Festival often share one).
    Years that chinesecalendar does not know yet count weekends only.
    """
    if not _detail(day)[0]:
        return None
    words: dict[str, None] = dict.fromkeys(WORDS.get(str(_detail(day)[1]), ()))
    for step in (timedelta(1), timedelta(-1)):
        near = day + step
        while _detail(near)[0]:
            words.update(dict.fromkeys(WORDS.get(str(_detail(near)[1]), ())))
            near += step
    if words:
        words.update(dict.fromkeys(ANY_DAY_OFF))
    return (*words, *(WEEKEND if day.weekday() >= 5 or not words else ()))


def _detail(day: date) -> tuple[bool, str | None]:
    """Whether it is a day off, and the holiday's English name."""
    import chinese_calendar

    try:
        return chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:      # the library's word for a year whose holidays are not published yet, or before 2004
        return day.weekday() >= 5, None
