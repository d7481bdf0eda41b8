"""Sampling plans as they were drawn, kept in the workspace's `plans/`: the calls as Parquet, what made them as JSON.

A plan is never overwritten. Another one for the same days is refused unless somebody says why; the earlier one then stays as
NAME.1, NAME.2 …, so that nobody can draw until the calls please.
"""
from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from records import Problem

FOLDER = "plans"
ERASED = "erased"
"""Stands in a plan where a call or an agent was erased."""
RANDOM, RISK, LINE = "random", "risk", "line"
CALLS: dict[str, Any] = {
    "call_id": pl.String, "day": pl.String, "hour": pl.Int8, "agent_id": pl.String, "agent_name": pl.String, "team": pl.String,
    "line": pl.String, "picked": pl.String, "probability": pl.Float64, "risk": pl.Float64, "reasons": pl.List(pl.String),
    "risky": pl.Boolean, "monitor": pl.String, "check_on": pl.Date}
QUOTAS: dict[str, Any] = {
    "agent_id": pl.String, "agent_name": pl.String, "team": pl.String, "calls": pl.Int64, "share": pl.Float64,
    "quota": pl.Int64, "why": pl.List(pl.String)}


@dataclass(frozen=True)
class Plan:
    """`calls` has the columns of CALLS: those drawn at random with their chance, then the riskiest (`risky`, also where drawn at
    random) and one call of each line left out. `quotas` has every agent. `population` is the SHA-256 of what was drawn from."""

    name: str
    first: date
    last: date
    seed: str
    population: str
    calls: pl.DataFrame
    quotas: pl.DataFrame
    policy: dict[str, Any] = field(default_factory=dict)
    made_at: str = ""
    reason: str = ""

    @property
    def random(self) -> pl.DataFrame:
        return self.calls.filter(pl.col("picked") == RANDOM)

    def same_draw(self, other: Plan) -> bool:
        return self.calls.select("call_id", "picked", "probability").equals(other.calls.select("call_id", "picked", "probability"))


class Plans:
    """The plans of one workspace."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER

    def names(self) -> list[str]:
        """The names of the plans in force, in the order of their days."""
        return sorted(file.stem for file in self.folder.glob("*.json") if not file.stem.rpartition(".")[2].isdigit())

    def __iter__(self) -> Iterator[Plan]:
        """The plans in force."""
        for name in self.names():
            yield self.named(name)

    def named(self, name: str) -> Plan:
        """Problem where there is no such plan."""
        try:
            told = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
            calls, quotas = (pl.read_parquet(self.folder / f"{name}.{part}.parquet") for part in ("calls", "quotas"))
        except (OSError, ValueError) as fault:
            known = ", ".join(sorted(file.stem for file in self.folder.glob("*.json"))) or "none"
            raise Problem(f"There is no plan {name} in {self.folder} (kept: {known}); `tingjian sample --keep` keeps one.") from fault
        first, last = date.fromisoformat(told.pop("first")), date.fromisoformat(told.pop("last"))
        return Plan(**told, first=first, last=last, calls=calls, quotas=quotas)

    def has(self, name: str) -> bool:
        return (self.folder / f"{name}.json").is_file()

    def keep(self, plan: Plan) -> bool:
        """Keeps a plan; False where the same calls stand there already. Problem where another draw does and no reason is given,
        or where its days overlap with those of a plan of another name: a call has one chance, not two."""
        if self.has(plan.name):
            if self.named(plan.name).same_draw(plan):
                return False
            if not plan.reason:
                raise Problem(f"Another plan for {plan.name} is kept already. Drawing until it pleases is no sample: say why "
                              'with --again "reason"; the earlier plan is kept beside it.')
        for other in self:
            if other.name != plan.name and other.first <= plan.last and plan.first <= other.last:
                raise Problem(f"The plan {other.name} covers days of {plan.name} too; plans may not overlap. Choose other days.")
        self.folder.mkdir(exist_ok=True)
        if self.has(plan.name):
            self._set_aside(plan.name)
        for part, frame, schema in (("calls", plan.calls, CALLS), ("quotas", plan.quotas, QUOTAS)):
            frame.select(pl.col(name).cast(kind) for name, kind in schema.items()).write_parquet(
                self.folder / f"{plan.name}.{part}.parquet")
        told = {"name": plan.name, "first": str(plan.first), "last": str(plan.last), "seed": plan.seed,
                "population": plan.population, "policy": plan.policy, "made_at": plan.made_at, "reason": plan.reason}
        part = self.folder / f"{plan.name}.json.part"           # the JSON makes the plan count, so it comes last and whole
        part.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        part.replace(self.folder / f"{plan.name}.json")
        return True

    def picked(self) -> Picked:
        return Picked(list(self))

    def forget(self, call_ids: Collection[str], agent_id: str | None = None) -> int:
        """Takes these calls and this agent out of every plan, those set aside too; how many rows were changed. The rows stay, with a
        made-up id, since a plan's chances hold for all that it drew. Needs `writing()` of the lake; safe to repeat."""
        return sum(self._forget(file, call_ids, agent_id) for file in sorted(self.folder.glob("*.parquet")))

    def _forget(self, file: Path, call_ids: Collection[str], agent_id: str | None) -> int:
        rows, changed = pl.read_parquet(file), 0
        made: list[dict[str, Any]] = []
        for row in rows.iter_rows(named=True):
            fresh: dict[str, Any] = {}
            if row.get("call_id") in call_ids:
                fresh |= {"call_id": f"{ERASED}-{secrets.token_hex(6)}", "hour": None, "reasons": []}
            if agent_id and row["agent_id"] == agent_id:
                fresh |= {"agent_id": ERASED, "agent_name": None}
            changed += bool(fresh)
            made.append(row | fresh)
        if changed:
            part = file.with_name(file.name + ".part")
            pl.DataFrame(made, schema=rows.schema).write_parquet(part)
            part.replace(file)
        return changed

    def _set_aside(self, name: str) -> None:
        number = 1
        while self.has(f"{name}.{number}"):
            number += 1
        for ending in ("json", "calls.parquet", "quotas.parquet"):
            (self.folder / f"{name}.{ending}").replace(self.folder / f"{name}.{number}.{ending}")


class Picked:
    """Whether kept plans drew a call: `of` says "random" or "risk", None for a day that no plan covers."""

    def __init__(self, plans: list[Plan]) -> None:
        self._days = [(str(plan.first), str(plan.last)) for plan in plans]
        self._random = frozenset(call_id for plan in plans for call_id in plan.random["call_id"])

    def of(self, call_id: str, day: str) -> str | None:
        if not any(first <= day <= last for first, last in self._days):
            return None
        return RANDOM if call_id in self._random else RISK
