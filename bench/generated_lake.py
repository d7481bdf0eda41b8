"""A year of a call centre out of a seed, written straight into the lake's tables: for benches, tests and examples of questions over
many calls. Nothing was said by anybody; what is to be found is put in:

- in the last whole week team B2 breaks `taboo.refusal` five times as often;
- in the last whole week customers of all teams ask 新套餐怎么退订, which nobody did before;
- calls with a complaint are scored lower and last longer.

Ids are as incompressible as those of a real switch.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from deltalake import write_deltalake
from numpy.random import Generator, default_rng

from store import tables
from store.lake import Lake

TEAMS = ("A1", "A2", "B1", "B2", "C1", "C2", "D1", "D2")
LINES = ("broadband", "mobile", "billing", "repair", "sales")
TIERS = ("VIP", "全球通", "普通")
RULES = {                           # rule → verdict and share of calls
    "greeting.organisation": ("fail", 0.08), "greeting.identity": ("fail", 0.12), "greeting.offer": ("fail", 0.05),
    "hold.request": ("found", 0.35), "hold.permission": ("fail", 0.10), "hold.reason": ("fail", 0.20), "hold.return": ("fail", 0.14),
    "closing.anything_else": ("fail", 0.30), "closing.farewell": ("fail", 0.06), "closing.thanks": ("fail", 0.18),
    "taboo.refusal": ("fail", 0.03), "taboo.vague": ("fail", 0.09), "taboo.blame": ("fail", 0.012), "taboo.impatience": ("fail", 0.008),
    "taboo.filler": ("needs_review", 0.15), "complaint.raised": ("found", 0.04), "complaint.empathy": ("fail", 0.02),
    "voice.silence": ("fail", 0.11), "voice.rate": ("fail", 0.07), "voice.interruption": ("fail", 0.05),
    **{f"voice.measure_{number}": ("found", 0.98) for number in range(4)}}
ALL_RULES = 40
"""Findings a call; those not in RULES pass or do not apply."""
SAID = ("您好请问有什么可以帮您", "我想查一下这个月的话费", "宽带从昨天晚上开始就上不去网", "请您稍等我帮您查询一下", "好的麻烦你快一点",
        "已经帮您登记了会有师傅上门", "上次也是这么说的结果没有人来", "给您带来不便非常抱歉", "我理解您的心情", "请问还有其他需要吗",
        "没有了谢谢", "感谢您的来电再见", "套餐里的流量用完了怎么办", "我要投诉你们", "可以把账单发到我邮箱吗", "积分什么时候过期")
NAMES = ("王建国", "李秀英", "张伟民", "刘淑珍", "陈志强", "杨桂兰", "赵文博", "黄丽华")
NEW = "新套餐怎么退订"


@dataclass(frozen=True)
class Plan:
    """How large a lake: `calls` over `days` days up to `last`, by `agents`; turns only for the last `spoken` days (texts are by far
    the largest), `turns` a call, at least 5; `findings`: the full table too, ALL_RULES rows a call."""

    calls: int
    last: date = date(2026, 11, 22)
    days: int = 365
    agents: int = 400
    spoken: int = 0
    turns: int = 12
    findings: bool = False
    seed: int = 7


def generate(root: Path, plan: Plan) -> Lake:
    """The workspace at `root`, which must be new or empty; a month in memory at a time."""
    lake = Lake.create(root)
    draw = default_rng(plan.seed)
    first = plan.last - timedelta(days=plan.days - 1)
    busy = np.array([0.6 if (first + timedelta(days=day)).weekday() >= 5 else 1.0 for day in range(plan.days)])
    counts = np.floor(plan.calls * busy / busy.sum()).astype(int)
    counts[-1] += plan.calls - counts.sum()
    number = 0
    for start in range(0, plan.days, 31):
        made: dict[str, list[pl.DataFrame]] = {name: [] for name in ("calls", "hits", "turns", "findings")}
        for day in range(start, min(start + 31, plan.days)):
            for name, frame in _day(draw, plan, first + timedelta(days=day), int(counts[day]), number):
                made[name].append(frame)
            number += int(counts[day])
        for name, frames in made.items():
            if frames:
                write_deltalake(str(root / name), pl.concat(frames), mode="append", partition_by=["day"])
    return lake


def _day(draw: Generator, plan: Plan, day: date, calls: int, number: int) -> Iterator[tuple[str, pl.DataFrame]]:
    last_week = plan.last - timedelta(days=plan.last.weekday() + (7 if plan.last.weekday() < 6 else 0))
    planted = last_week <= day < last_week + timedelta(days=7)
    agent = draw.integers(plan.agents, size=calls)
    told = pl.DataFrame({
        "call_id": [f"g-{(number + one) * 0x9E3779B97F4A7C15 % 2**64:016x}" for one in range(calls)], "day": [day.isoformat()] * calls,
        "agent_id": [str(7000 + one) for one in agent], "agent_name": [f"坐席{7000 + one}" for one in agent],
        "team": [TEAMS[one % len(TEAMS)] for one in agent], "line": draw.choice(LINES, calls),
        "customer_tier": draw.choice(TIERS, calls, p=[0.1, 0.2, 0.7]), "customer_name": draw.choice(NAMES, calls)})
    chance = np.array([share for _, share in RULES.values()])
    heard = draw.random((calls, len(RULES))) < chance
    refusal = list(RULES).index("taboo.refusal")
    if planted:
        heard[:, refusal] |= (np.array(told["team"]) == "B2") & (draw.random(calls) < 0.12)
    complaint = heard[:, list(RULES).index("complaint.raised")]
    score = np.clip(100 - 6 * heard[:, :-4].sum(axis=1) - 15 * complaint + draw.normal(8, 4, calls), 0, 100).round(1)
    duration = np.exp(draw.normal(5.0, 0.6, calls) + 0.5 * complaint).round(1)
    yield "calls", _calls(told, day, score, duration, draw)
    row, rule = np.nonzero(heard)
    names, verdicts = list(RULES), [verdict for verdict, _ in RULES.values()]
    hits = told.select("call_id", "day", "agent_id", "team", "line", "customer_tier")[row].with_columns(
        rule=pl.Series([names[one] for one in rule]), verdict=pl.Series([verdicts[one] for one in rule]),
        hits=pl.Series(1 + draw.poisson(0.4, len(row)), dtype=pl.Int32), batch_id=pl.lit("generated"))
    yield "hits", hits.select(*tables.HITS).cast(tables.HITS)
    if (plan.last - day).days < plan.spoken:
        yield "turns", _turns(draw, told, plan.turns, planted)
    if plan.findings:
        yield "findings", _findings(told, heard)


def _calls(told: pl.DataFrame, day: date, score: np.ndarray, duration: np.ndarray, draw: Generator) -> pl.DataFrame:
    calls = told.height
    band = np.select([score >= 95, score >= 90, score >= 80], ["excellent", "good", "needs_improvement"], "below_standard")
    began = draw.integers(8 * 3600, 21 * 3600, calls)
    known = told.with_columns(
        started_at=pl.Series([f"{day}T{one // 3600:02}:{one // 60 % 60:02}:{one % 60:02}+08:00" for one in began.tolist()]),
        duration=pl.Series(duration), score=pl.Series(score), band=pl.Series(band), fatal=pl.lit(False), form=pl.lit("inbound"),
        direction=pl.lit("inbound"), turns=pl.lit(12, pl.Int32), items=pl.lit(20, pl.Int32), recognition_batch=pl.lit("generated"),
        scoring_batch=pl.lit("generated"), scorer_version=pl.lit("generated"), transcriber_version=pl.lit("generated"))
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in tables.CALLS.items() if name not in known.columns]
    return known.with_columns(missing).select(*tables.CALLS).cast(tables.CALLS)


def _turns(draw: Generator, told: pl.DataFrame, each: int, planted: bool) -> pl.DataFrame:
    calls = told.height
    texts = draw.choice(SAID, (calls, each)).astype(object)
    texts[:, 2] = [f"我叫{name}" for name in told["customer_name"]]
    if planted:
        asks = draw.random(calls) < 0.15
        texts[asks, 4] = np.array([f"{lead}{NEW}" for lead in draw.choice(["请问", "我想问", "那个"], int(asks.sum()))], dtype=object)
    rows = told.select("call_id", "day")[np.repeat(np.arange(calls), each)]
    turn = np.tile(np.arange(each), calls)
    frame = rows.with_columns(turn=pl.Series(turn), speaker=pl.Series(np.where(turn % 2 == 0, "customer", "agent")),
                              text=pl.Series(texts.reshape(-1).tolist()),
                              silence=pl.Series(draw.gamma(1.2, 1.5, calls * each)), latency=pl.Series(draw.normal(1.1, 0.5, calls * each)), batch_id=pl.lit("generated"))
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in tables.TURNS.items() if name not in frame.columns]
    return frame.with_columns(missing).select(*tables.TURNS).cast(tables.TURNS)


def _findings(told: pl.DataFrame, heard: np.ndarray) -> pl.DataFrame:
    """ALL_RULES rows a call; evidence where something was heard, as the lake has it."""
    calls = told.height
    names: Sequence[str] = [*RULES, *(f"other.rule_{number}" for number in range(ALL_RULES - len(RULES)))]
    verdicts = np.full((calls, ALL_RULES), "pass", dtype=object)
    for at, (verdict, _) in enumerate(RULES.values()):
        verdicts[heard[:, at], at] = verdict
    frame = told.select("call_id", "day")[np.repeat(np.arange(calls), ALL_RULES)].with_columns(
        position=pl.Series(np.tile(np.arange(ALL_RULES), calls)), rule=pl.Series(list(names) * calls),
        verdict=pl.Series(verdicts.reshape(-1).tolist()), confidence=pl.lit(0.95), batch_id=pl.lit("generated"))
    piece = pl.struct(rule=pl.col("rule"), turn=pl.col("position"), speaker=pl.lit("agent"), start=pl.lit(1.0), end=pl.lit(2.0),
                      text=pl.lit("这个我不知道"), match=pl.lit("exact"), confidence=pl.lit(0.9), note=pl.lit(""))
    evidence = pl.when(pl.col("verdict") != "pass").then(pl.concat_list(piece)).otherwise(pl.lit([]))
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in tables.FINDINGS.items()
               if name not in (*frame.columns, "evidence")]
    return frame.with_columns(evidence=evidence).with_columns(missing).select(*tables.FINDINGS).cast(tables.FINDINGS)
