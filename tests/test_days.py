"""Which days are days off: published ones, the centre's own, and years of which nobody knows it yet."""
from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

import days
from days import Days
from insight.planning import check_days
from insight.sampling import Period
from records import Transcript
from review.workbench.intake import feedback_due, working_day
from rules.engine import Engine
from rules.pack import BUILT_IN, Pack, load
from rules.view import Outcome
from settings import Calendar, Settings
from tingjian import app

# What a centre would write in the autumn of 2030, when chinesecalendar does not know 2031 yet. The days are invented.
WRITTEN: dict[str, Any] = {"years": {2031: {
    "holidays": {"元旦": ["2031-01-01"], "春节": ["2031-01-23/2031-01-29"], "清明": ["2031-04-05"], "劳动节": ["2031-05-01/2031-05-05"],
                 "端午": ["2031-06-24"], "国庆中秋": ["2031-10-01/2031-10-07"], "店庆": ["2031-11-11"]},
    "working_days": ["2031-01-19"]}}}
OWN = Days(Calendar.model_validate(WRITTEN))
PART = Days(Calendar.model_validate({"years": {2031: {"holidays": {"元旦": ["2031-01-01"]}}}}))


@pytest.fixture(autouse=True)
def _published(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests hold too when chinesecalendar knows more years than it does today."""
    monkeypatch.setattr(days, "_published", lambda: range(2004, 2027))


@pytest.fixture(scope="module")
def greetings(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The rules of the greeting alone: the whole pack takes seconds to open."""
    home = tmp_path_factory.mktemp("pack")
    shutil.copy(BUILT_IN / "greeting.yaml", home)
    return load(home)


def greeted(pack: Pack, calendar: Days | None, day: str, said: str) -> Outcome:
    call = Transcript.model_validate({"call_id": "c", "started_at": f"{day}T10:00:00+08:00", "turns": [
        {"speaker": "agent", "text": said}, {"speaker": "customer", "text": "你好我想查下话费"}]})
    return Engine(pack, days=calendar).view(call).outcome("greeting.festival")


@pytest.mark.parametrize(("known", "day", "expected"), [
    (Days(), "2026-10-01", (True, "国庆", True)),
    (Days(), "2026-10-10", (False, None, True)),        # a Saturday worked in exchange
    (Days(), "2026-11-21", (True, None, True)),
    (Days(), "2031-01-01", (False, None, False)),       # a guess: a Wednesday
    (Days(), "2031-01-19", (True, None, False)),        # a guess: a Sunday
    (OWN, "2031-01-01", (True, "元旦", True)),
    (OWN, "2031-01-19", (False, None, True)),
    (OWN, "2031-01-29", (True, "春节", True)),
    (OWN, "2031-01-30", (False, None, True)),
    (PART, "2031-01-01", (True, "元旦", True)),
    (PART, "2031-01-30", (False, None, False)),         # the other holidays of the year are still missing
])
def test_what_is_known_of_a_day(known: Days, day: str, expected: tuple[bool, str | None, bool]) -> None:
    assert known.of(date.fromisoformat(day)) == expected


@pytest.mark.parametrize(("calendar", "day", "said", "verdict", "told"), [
    (None, "2031-01-01", "您好，客服中心", "not_applicable", "[calendar.years.2031]"),
    (None, "2031-01-01", "元旦快乐，客服中心", "not_applicable", "升级 chinesecalendar"),
    (None, "2031-01-25", "周末愉快，客服中心", "not_applicable", "不能判断"),
    (PART, "2031-01-02", "您好，客服中心", "not_applicable", "还缺春节、清明"),
    (PART, "2031-01-01", "您好，客服中心", "fail", "元旦"),
    (OWN, "2031-01-01", "元旦快乐，客服中心", "pass", "元旦"),
    (OWN, "2031-01-02", "您好，客服中心", "not_applicable", "工作日"),
    (OWN, "2031-10-03", "中秋快乐，客服中心", "pass", "中秋"),
    (OWN, "2031-10-03", "国庆快乐，客服中心", "pass", "与当天"),
    (OWN, "2031-10-03", "端午安康，客服中心", "fail", "不是这一天"),
    (OWN, "2031-01-19", "您好，客服中心", "not_applicable", "工作日"),
])
def test_the_greeting_is_judged_where_the_day_is_known(
        greetings: Pack, calendar: Days | None, day: str, said: str, verdict: str, told: str) -> None:
    outcome = greeted(greetings, calendar, day, said)
    assert (outcome.verdict, told in outcome.reason) == (verdict, True)


def test_a_holiday_of_the_centres_own_is_greeted_by_its_name(greetings: Pack) -> None:
    assert "当天是店庆" in greeted(greetings, OWN, "2031-11-11", "您好，客服中心").reason


def test_deadlines_and_plans_go_by_the_same_days() -> None:
    friday = datetime(2031, 1, 17, 4, tzinfo=UTC)
    assert feedback_due(OWN, friday).date() == date(2031, 1, 19)       # the Sunday is worked
    assert feedback_due(Days(), friday).date() == date(2031, 1, 20)
    assert working_day(1, OWN, date(2031, 1, 22)) == date(2031, 1, 30)
    week = Period(date(2031, 1, 20), date(2031, 1, 26))
    assert check_days(week, OWN) == [date(2031, 1, 30), date(2031, 1, 31), date(2031, 2, 3)]


def test_the_known_days_end_where_the_first_year_is_unknown() -> None:
    gap = Days(Calendar.model_validate(WRITTEN))        # 2027 to 2030 are unknown
    assert gap.until == date(2026, 12, 31)
    moved = {name: [day.replace("2031", "2027") for day in told] for name, told in WRITTEN["years"][2031]["holidays"].items()}
    assert Days(Calendar.model_validate({"years": {2027: {"holidays": moved}}})).until == date(2027, 12, 31)


@pytest.mark.parametrize(("today", "told"), [
    (date(2026, 10, 31), None), (date(2026, 11, 1), "in 60 days"), (date(2027, 2, 1), "ended on 2026-12-31")])
def test_the_end_of_the_known_days_is_told_in_time(today: date, told: str | None) -> None:
    warning = Days().ending(today)
    assert warning is None if told is None else told in str(warning) and "[calendar.years.2027]" in str(warning)


def test_doctor_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models import doctor

    monkeypatch.setenv("TINGJIAN_MODELS__CACHE", str(tmp_path))
    assert any("chinesecalendar" in line for line in doctor.examine(Settings(), date(2026, 12, 1))["advice"])
    assert not any("chinesecalendar" in line for line in doctor.examine(Settings(), date(2026, 6, 1))["advice"])


def test_other_days_are_other_rules() -> None:
    assert len({Days().version, OWN.version, PART.version}) == 3


@pytest.mark.parametrize(("years", "told"), [
    ({2031: {"holidays": {"元旦": ["2032-01-01"]}}}, "[calendar.years.2032]"),
    ({2031: {"holidays": {"春节": ["2031-01-29/2031-01-23"]}}}, "goes backwards"),
    ({2031: {"holidays": {"春节": ["2031-01-23/29"]}}}, "write it as"),
    ({2031: {"holidays": {"春节": ["2031-02-30"]}}}, "years.2031.holidays.春节.0"),
    ({2031: {"working_days": ["2031-01-20"]}}, "is a Monday"),
    ({2031: {"holidays": {"春节": ["2031-01-19"]}, "working_days": ["2031-01-19"]}}, "take it out of one"),
    ({2031: {"holiday": {}}}, "years.2031.holiday"),
])
def test_mistakes_are_refused_with_place_and_remedy(years: dict[int, Any], told: str) -> None:
    with pytest.raises(ValidationError, match="years") as fault:
        Calendar.model_validate({"years": years})
    assert told in str(fault.value)


def test_the_settings_file_is_read_and_its_mistakes_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tingjian.toml"
    monkeypatch.setenv("TINGJIAN_SETTINGS", str(file))
    file.write_text('[calendar.years.2031]\nworking_days = [2031-01-19]\nholidays."春节" = ["2031-01-23/2031-01-29"]\n', "utf-8")
    assert Days(Settings().calendar).of(date(2031, 1, 24)).holiday == "春节"
    file.write_text('[calendar.years.2031]\nworking_days = [2031-01-20]\n', "utf-8")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code != 0 and "is a Monday" in str(result.output) + str(result.exception)
