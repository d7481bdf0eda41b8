"""The monthly appraisal (domain.md section 5): result, grade, talk time, volume, complaints, and what each figure rests on.

Two handbooks, kept apart. One: result = (assessment + monitoring) / 2, its grade, two low months, and what complaints do to the
bonus. The other: points for talk time and volume, less points for complaints. Figures are rounded to two decimals, halves up, before
anything is computed from them or compared with them, so that whoever reads the table can work all of it out by hand.
"""
from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from insight import delivered
from insight.delivered import Read
from records import Problem
from settings import Appraisal
from store.tables import UNKNOWN_DAY

GRADES = (("A", 95.0, 100.0, 2.0, 5.0), ("B", 85.0, 95.0, 80.0, 90.0), ("C", 80.0, 85.0, 5.0, 10.0), ("D", 0.0, 80.0, 2.0, 5.0))
"""Grade, from, to, and the expected share of agents in percent, from and to (S0). The handbook writes whole numbers (A from 95, B 85-94,
C 80-84): a grade begins at its lower number and reaches to the next one's, so 94.5 is a B and 84.99 a C."""
LOW = 70.0                                                  # two months running under it are flagged (S0)
TALK = ((0.0, 5), (40.0, 3), (80.0, 1))                     # seconds over the centre's mean at most: points (S3)
VOLUME = ((0.0, 10), (100.0, 6), (200.0, 2))                # calls under the centre's mean at most: points (S3)
PER_COMPLAINT, PER_MAJOR = 5, 10                            # points (S3)
BONUS = {0: 1.0, 1: 0.5}                                    # complaints: share of the bonus that is left; more: none (S0)
DISMISSAL = 3                                               # complaints from which the handbook asks for dismissal (S0)
ZONE = "Asia/Shanghai"


@dataclass(frozen=True)
class Month:
    """A calendar month of the centre."""

    year: int
    month: int

    @classmethod
    def of(cls, text: str) -> Month:
        """2026-10; Problem for what is no month."""
        if (match := re.fullmatch(r"(\d{4})-(\d{1,2})", text.strip())) and int(match[1]) >= 1900 and 1 <= int(match[2]) <= 12:
            return cls(int(match[1]), int(match[2]))
        raise Problem(f"{text} is no month; write it as 2026-10.")

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        return date(self.year, self.month, monthrange(self.year, self.month)[1])

    @property
    def before(self) -> Month:
        day = self.first - timedelta(days=1)
        return Month(day.year, day.month)

    @property
    def inside(self) -> pl.Expr:
        """The condition on `day` by which the lake reads no other partitions."""
        return (pl.col("day") != UNKNOWN_DAY) & pl.col("day").is_between(pl.lit(str(self.first)), pl.lit(str(self.last)))


@dataclass(frozen=True)
class Sources:
    """What an appraisal is made of: the lake's `calls`, reviewed cards (`reviewed.cards`) of this month and the one before, and
    delivered files, empty where none was given."""

    calls: pl.LazyFrame
    cards: pl.DataFrame
    agents: Read = field(default_factory=lambda: delivered.nothing(delivered.AGENTS))
    assessments: Read = field(default_factory=lambda: delivered.nothing(delivered.ASSESSMENTS))
    volumes: Read = field(default_factory=lambda: delivered.nothing(delivered.VOLUMES))
    orders: Read = field(default_factory=lambda: delivered.nothing(delivered.WORK_ORDERS))


def in_folder(folder: Path, named: bool = False) -> dict[str, Path]:
    """The delivered files of a directory, by the sheet's name: agents.csv, assessments.csv, volumes.csv, work_orders.csv. Of one that
    somebody `named`, Problem where it is no directory."""
    if named and not folder.is_dir():
        raise Problem(f"{folder} is no directory; name the one that holds agents.csv, assessments.csv, volumes.csv, work_orders.csv.")
    return {sheet.name: file for sheet in delivered.SHEETS if (file := folder / f"{sheet.name}.csv").is_file()}


def gather(calls: pl.LazyFrame, cards: pl.DataFrame, files: Mapping[str, Path]) -> tuple[Sources, list[Read]]:
    """The sources with the delivered files read, and how each of them read. Problem for a file that is no table of its kind."""
    read = {sheet.name: delivered.read(files[sheet.name], sheet) if sheet.name in files else delivered.nothing(sheet)
            for sheet in delivered.SHEETS}
    return Sources(calls, cards, read["agents"], read["assessments"], read["volumes"], read["work_orders"]), list(read.values())


def appraise(sources: Sources, month: Month, policy: Appraisal) -> pl.DataFrame:
    """An agent a row, by agent_id: agent_id, agent_name, team; assessment, monitoring, cards, appeals (cards under appeal),
    result, grade, result_before, two_low; complaints, major, deduction, bonus_share, dismissal; calls, volume_mean, volume_under,
    volume_points; talk_seconds, talk_mean, talk_over, talk_points; points; lacks (stable words: assessment, monitoring,
    volume, talk). Null where something is lacking."""
    work = _work(sources, month)
    table = _people(sources, month, work)
    for part in (_results(sources, month, policy), _complaints(sources, month), work):
        table = table.join(part, on="agent_id", how="left")
    before = _results(sources, month.before, policy).join(_complaints(sources, month.before), on="agent_id", how="left")
    before = before.with_columns(pl.col("deduction").fill_null(0)).select(
        "agent_id", result_before=_after_complaints(policy))
    table = table.join(before, on="agent_id", how="left").with_columns(
        pl.col("cards", "appeals", "complaints", "major", "deduction").fill_null(0))
    table = table.with_columns(result=_after_complaints(policy)).with_columns(grade=grade(pl.col("result")))
    low = (pl.col("result") < LOW) & (pl.col("result_before") < LOW)
    means = table.select(
        volume_mean=rounded(pl.col("calls").filter(pl.col("calls") > 0).mean()),
        talk_mean=rounded((pl.col("talk_seconds") * pl.col("talk_calls")).sum()
                          / pl.col("talk_calls").filter(pl.col("talk_seconds").is_not_null()).sum()).fill_nan(None))
    table = table.join(means, how="cross").with_columns(
        two_low=low.fill_null(False), volume_under=rounded(pl.col("volume_mean") - pl.col("calls")),
        talk_over=rounded(pl.col("talk_seconds") - pl.col("talk_mean")),
        bonus_share=pl.col("complaints").replace_strict(BONUS, default=0.0, return_dtype=pl.Float64),
        dismissal=pl.col("complaints") >= DISMISSAL)
    table = table.with_columns(volume_points=tier(pl.col("volume_under"), VOLUME), talk_points=tier(pl.col("talk_over"), TALK))
    lacks = [pl.when(pl.col(column).is_null()).then(pl.lit(word)) for column, word in
             (("assessment", "assessment"), ("monitoring", "monitoring"), ("calls", "volume"), ("talk_seconds", "talk"))]
    return table.with_columns(points=pl.col("volume_points") + pl.col("talk_points") - pl.col("deduction"),
                              lacks=pl.concat_list(lacks).list.drop_nulls()).select(COLUMNS).sort("agent_id")


COLUMNS = ("agent_id", "agent_name", "team", "assessment", "monitoring", "cards", "appeals", "result", "grade", "result_before", "two_low",
           "complaints", "major", "deduction", "bonus_share", "dismissal", "calls", "volume_mean", "volume_under", "volume_points",
           "talk_seconds", "talk_mean", "talk_over", "talk_points", "points", "lacks")


def spread(table: pl.DataFrame) -> pl.DataFrame:
    """How the grades lie against the expected spread: grade, agents, share (percent), low, high, inside (null where nobody has a grade)."""
    graded = table.filter(pl.col("grade").is_not_null())
    rows = [(name, int((graded["grade"] == name).sum()), low, high) for name, _, _, low, high in GRADES]
    made = pl.DataFrame(rows, schema={"grade": pl.String, "agents": pl.Int64, "low": pl.Float64, "high": pl.Float64}, orient="row")
    share = rounded(100.0 * pl.col("agents") / pl.lit(max(graded.height, 1)))
    return made.with_columns(share=share).with_columns(inside=pl.when(pl.lit(graded.height > 0)).then(pl.col("share").is_between("low", "high"))).select(
        "grade", "agents", "share", "low", "high", "inside")


def trail(sources: Sources, month: Month, policy: Appraisal, agent: str | None = None) -> pl.DataFrame:
    """What the figures rest on, of one agent or of all: agent_id, figure, source, value, counted, note.

    `source` is a call's id, a file's line ("assessments line 7") or a work order with its line. What was looked at and does not count is
    there too, with its reason."""
    cards = _cards(sources, month, policy)
    parts = [
        cards.select("agent_id", figure=pl.lit("monitoring"), source=pl.col("call_id"), value=pl.col("score"), counted="counted",
                     note=pl.when(~pl.col("counted")).then(pl.format("{}-picked, not counted", "picked"))
                     .when(pl.col("state") == "appealed").then(pl.lit("under appeal")).otherwise(pl.lit(""))),
        _lines(sources.assessments.rows, month, "assessment", "assessments", "score"),
        _lines(sources.volumes.rows, month, "volume", "volumes", "calls"),
        _lines(sources.volumes.rows.filter(pl.col("talk_seconds").is_not_null()), month, "talk", "volumes", "talk_seconds"),
        _orders(sources, month).select(
            "agent_id", figure=pl.lit("complaint"), source=pl.format("{} (work_orders line {})", "order_id", "line"),
            value=pl.col("worth").cast(pl.Float64), counted="counted",
            note=pl.concat_str(pl.when(pl.col("counted")).then(pl.lit("")).otherwise(pl.lit("not upheld, not counted ")),
                               pl.when(pl.col("major")).then(pl.lit("major ")).otherwise(pl.lit("")),
                               pl.col("call_id").fill_null("")).str.strip_chars())]
    told = pl.concat(parts).filter(pl.col("agent_id").is_not_null())
    return (told if agent is None else told.filter(pl.col("agent_id") == agent)).sort("agent_id", "figure", "source")


def calls_of(sources: Sources, month: Month, agent: str) -> pl.DataFrame:
    """The calls that volume and talk time of an agent rest on where no file says them: call_id, started_at, duration."""
    mine = sources.calls.filter(month.inside & (pl.col("agent_id") == agent))
    return mine.select("call_id", "started_at", "duration").collect().sort("started_at", "call_id")


def grade(result: pl.Expr) -> pl.Expr:
    """The grade of a result, null of none."""
    chain = pl.when(result.is_null()).then(pl.lit(None, dtype=pl.String))
    for name, low, *_ in GRADES:
        chain = chain.when(result >= low).then(pl.lit(name))
    return chain


def tier(over: pl.Expr, tiers: tuple[tuple[float, int], ...]) -> pl.Expr:
    """Points of the first tier whose limit is not passed, 0 past the last; null of null."""
    chain = pl.when(over.is_null()).then(pl.lit(None, dtype=pl.Int64))
    for limit, points in tiers:
        chain = chain.when(over <= limit).then(pl.lit(points, dtype=pl.Int64))
    return chain.otherwise(pl.lit(0, dtype=pl.Int64))


def rounded(value: pl.Expr) -> pl.Expr:
    """To two decimals, halves up (as people round); what binary fractions lack is made good first."""
    return ((value * 100 + 0.5 + 1e-6).floor() / 100).round(2)


def _after_complaints(policy: Appraisal) -> pl.Expr:
    if policy.complaint_points == "apart":
        return pl.col("result")
    return (pl.col("result") - pl.col("deduction")).clip(0)


def _results(sources: Sources, month: Month, policy: Appraisal) -> pl.DataFrame:
    """agent_id, assessment, monitoring, cards, appeals, result of a month; the result wants both."""
    assessed = sources.assessments.rows.filter(pl.col("month") == str(month)).select("agent_id", assessment=rounded(pl.col("score")))
    cards = _cards(sources, month, policy).filter("counted")
    monitored = cards.group_by("agent_id").agg(
        monitoring=rounded(pl.col("score").mean()), cards=pl.len().cast(pl.Int64), appeals=(pl.col("state") == "appealed").sum().cast(pl.Int64))
    both = assessed.join(monitored, on="agent_id", how="full", coalesce=True)
    return both.with_columns(result=rounded((pl.col("assessment") + pl.col("monitoring")) / 2))


def _cards(sources: Sources, month: Month, policy: Appraisal) -> pl.DataFrame:
    """The month's reviewed cards that have a score, with `counted`."""
    counted = pl.lit(True) if policy.monitoring == "all" else pl.col("picked") == "random"
    return sources.cards.filter(month.inside & pl.col("score").is_not_null()).with_columns(counted=counted)


def _orders(sources: Sources, month: Month) -> pl.DataFrame:
    """The month's complaints about agents, with `counted` and what each is `worth` in points."""
    local = pl.col("opened_at").dt.convert_time_zone(ZONE).dt.strftime("%Y-%m")
    about = sources.orders.rows.filter((local == str(month)) & pl.col("complaint").fill_null(True) & pl.col("agent_id").is_not_null())
    major = pl.col("major").fill_null(False)
    return about.with_columns(counted=pl.col("upheld").fill_null(True), major=major,
                              worth=pl.when(major).then(PER_MAJOR).otherwise(PER_COMPLAINT))


def _complaints(sources: Sources, month: Month) -> pl.DataFrame:
    counted = _orders(sources, month).filter("counted")
    return counted.group_by("agent_id").agg(complaints=pl.len().cast(pl.Int64), major=pl.col("major").sum().cast(pl.Int64),
                                            deduction=pl.col("worth").sum().cast(pl.Int64))


def _work(sources: Sources, month: Month) -> pl.DataFrame:
    """agent_id, calls, talk_seconds, talk_calls (calls that the average stands for): from the file, else from the lake. Of no calls
    there is no talk time, whatever a file says."""
    lake = (sources.calls.filter(month.inside & pl.col("agent_id").is_not_null()).group_by("agent_id").agg(
        here=pl.len().cast(pl.Int64), here_talk=rounded(pl.col("duration").mean()), here_timed=pl.col("duration").count().cast(pl.Int64))
        .collect())
    told = sources.volumes.rows.filter(pl.col("month") == str(month)).select("agent_id", "calls", "talk_seconds")
    both = lake.join(told, on="agent_id", how="full", coalesce=True)
    file_talk = pl.col("talk_seconds").is_not_null()
    return both.select(
        "agent_id", calls=pl.coalesce("calls", "here"), talk_seconds=pl.when(pl.coalesce("calls", "here") > 0).then(pl.coalesce(rounded(pl.col("talk_seconds")), "here_talk")),
        talk_calls=pl.when(file_talk).then("calls").otherwise("here_timed"))


def _people(sources: Sources, month: Month, work: pl.DataFrame) -> pl.DataFrame:
    """Whoever worked in the month by any source: agent_id, agent_name, team; the file of agents knows names best."""
    there = (pl.col("left_on").is_null() | (pl.col("left_on") >= month.first)) & (
        pl.col("hired_on").is_null() | (pl.col("hired_on") <= month.last))
    listed = sources.agents.rows
    named = pl.concat([
        listed.select("agent_id", "agent_name", "team"),
        sources.cards.filter(month.inside).select("agent_id", "agent_name", "team"),
        sources.calls.filter(month.inside).select("agent_id", "agent_name", "team").unique(maintain_order=False).collect().sort(
            "agent_id", "agent_name", "team")])
    names = named.group_by("agent_id", maintain_order=True).agg(pl.col("agent_name", "team").drop_nulls().first())
    ids = pl.concat([
        listed.filter(there).select("agent_id"), work.select("agent_id"),
        sources.assessments.rows.filter(pl.col("month") == str(month)).select("agent_id"),
        sources.cards.filter(month.inside).select("agent_id"), _orders(sources, month).select("agent_id")])
    return ids.drop_nulls().unique().join(names, on="agent_id", how="left")


def _lines(rows: pl.DataFrame, month: Month, figure: str, file: str, column: str) -> pl.DataFrame:
    return rows.filter(pl.col("month") == str(month)).select(
        "agent_id", figure=pl.lit(figure), source=pl.format(file + " line {}", "line"), value=pl.col(column).cast(pl.Float64),
        counted=pl.lit(True), note=pl.lit(""))
