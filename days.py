"""What day it is: public holidays, weekends worked in exchange, and what the centre writes down in `[calendar]`.

The State Council settles a year's holidays in the autumn before it, and chinesecalendar learns them with its next release. Of a year
that neither it nor the settings know nobody may say which weekday is a holiday, and which weekend is worked: `Day.known` is false.
"""
from __future__ import annotations

import hashlib
from datetime import date
from functools import cache, cached_property
from typing import NamedTuple

from settings import Calendar

HOLIDAYS = {"New Year's Day": "元旦", "Spring Festival": "春节", "Tomb-sweeping Day": "清明", "Labour Day": "劳动节",
            "Dragon Boat Festival": "端午", "Mid-autumn Festival": "中秋", "National Day": "国庆"}
"""The public holidays by chinesecalendar's names; a year in the settings counts as known when it has all of them."""
WARN_DAYS = 60
"""So long before the known days end `tingjian doctor` begins to say so; the notice for the next year comes in November."""


class Day(NamedTuple):
    """Whether nobody works on it but for those on duty, its holiday's name if it has one, and whether that is known or a guess."""

    off: bool
    holiday: str | None
    known: bool


class Days:
    """The calendar of one installation: the centre's own days go before the published ones."""

    def __init__(self, own: Calendar | None = None) -> None:
        self._own = own or Calendar()
        self._named: dict[date, str] = {}
        self._worked: set[date] = set()
        for year in self._own.years.values():
            self._worked.update(year.working_days)
            for name, days in year.holidays.items():
                for day in days:
                    self._named[day] = f"{self._named[day]}、{name}" if day in self._named else name

    def of(self, day: date) -> Day:
        """What is known of a day; where nothing is, weekends are taken for days off and the rest for working days."""
        if day in self._worked:
            return Day(False, None, True)
        if day in self._named:
            return Day(True, self._named[day], True)
        if day.year in _published():
            import chinese_calendar

            off, name = chinese_calendar.get_holiday_detail(day)
            return Day(off, HOLIDAYS.get(str(name)) if off else None, True)
        return Day(day.weekday() >= 5, None, self._complete(day.year))

    def off(self, day: date) -> bool:
        """Whether it is a day off, for deadlines, which need an answer of every day."""
        return self.of(day).off

    def missing(self, year: int) -> list[str]:
        """Public holidays of a year that nothing here tells."""
        if year in _published():
            return []
        named = [*self._own.years[year].holidays] if year in self._own.years else []
        return [holiday for holiday in HOLIDAYS.values() if not any(holiday in name for name in named)]

    def written(self, year: int) -> bool:
        """Whether the settings say anything of a year."""
        return year in self._own.years

    def _complete(self, year: int) -> bool:
        return not self.missing(year)

    @cached_property
    def until(self) -> date:
        """The last day of the years that are known without a gap."""
        year = max(_published())
        while self._complete(year + 1):
            year += 1
        return date(year, 12, 31)

    @cached_property
    def version(self) -> str:
        """Another one whenever a day may be another: part of every draft's rules_version."""
        return hashlib.sha256(f"{max(_published())} {self._own.model_dump_json()}".encode()).hexdigest()[:12]

    def remedy(self, year: int) -> str:
        """What makes a year known."""
        lacks = f" (still missing there: {', '.join(self.missing(year))})" if self.written(year) else ""
        return (f"pip install --upgrade chinesecalendar, or write the days of the State Council's notice under "
                f"[calendar.years.{year}] of tingjian.toml{lacks}: docs/settings.md")

    def ending(self, today: date) -> str | None:
        """The warning that the known days end soon, or have ended; None where it is still long until then."""
        left = (self.until - today).days
        if left > WARN_DAYS:
            return None
        year = self.until.year + 1
        when = f"end on {self.until}, in {left} days" if left >= 0 else f"ended on {self.until}"
        return (f"The public holidays known here {when}: of {year} greeting.festival cannot be judged, and deadlines in working days "
                f"count weekends alone. As soon as they are announced: {self.remedy(year)}")


@cache
def _published() -> range:
    """Years whose days chinesecalendar knows; it has every holiday of a year or none."""
    from chinese_calendar import constants

    return range(min(constants.holidays).year, max(constants.holidays).year + 1)
