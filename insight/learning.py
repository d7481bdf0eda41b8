"""Proposals from reviewers' overrides: another number for a rule, a phrase to add or to except. Each shows the calls that speak for it and
those that speak against; a person accepts it, or does not.
"""
from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy.stats import binomtest

from insight.agreement import gwet_ac1
from rules.overriding import limits_of
from rules.schema import Rule
from rules.text import light

LEAST_FOR = 3               # calls that speak for a phrase
SURE = 0.05                 # of chance making as many calls better than worse
FITS = 0.95                 # of decided verdicts that a limit must explain before it is taken for the one that decides
SHORTEST, LONGEST = 2, 8    # characters of a phrase
SURE_Z = 1.96               # log-odds in standard errors
PRIOR = 10.0                # calls that the prior is worth
PER_RULE = 5                # phrases proposed of a rule and kind
SHOWN = 5                   # calls named on each side

Kind = Literal["limit", "add", "except"]


@dataclass(frozen=True)
class Proposal:
    """`change` in words; `name` and `value` of a limit, `phrase` of the others. `better` are calls in which rule and reviewer would then
    agree, `worse` those in which they no longer would; `said` has an example sentence by call where there is one."""

    rule: str
    kind: Kind
    change: str
    better: tuple[str, ...]
    worse: tuple[str, ...]
    name: str = ""
    value: float | None = None
    phrase: str = ""
    said: Mapping[str, str] | None = None

    @property
    def id(self) -> str:
        """The same for the same change."""
        return hashlib.sha256(f"{self.rule}\0{self.kind}\0{self.name}\0{self.value}\0{self.phrase}".encode()).hexdigest()[:8]


def agreement(items: pl.DataFrame, every: str = "1w") -> pl.DataFrame:
    """Machine and reviewer over time, by rule and by the week (or other span of `every`) in which the review was published:
    rule, since, reviews, agreed, share, ac1 (Gwet), alarms (machine fails, human passes), missed (the other way round).

    An item of several rules counts for each of them. `items` as `reviewed.items(…, decided=True)` gives them."""
    rows = items.filter(pl.col("human").is_not_null()).explode("rules").rename({"rules": "rule"}).filter(pl.col("rule").is_not_null())
    rows = rows.with_columns(since=pl.col("published_at").dt.truncate(every).dt.date())
    both = rows.group_by("rule", "since").agg(
        reviews=pl.len(), agreed=(pl.col("machine") == pl.col("human")).sum(),
        alarms=((pl.col("machine") == "fail") & (pl.col("human") == "pass")).sum(),
        missed=((pl.col("machine") == "pass") & (pl.col("human") == "fail")).sum(),
        pairs=pl.struct("machine", "human"))
    ac1 = [gwet_ac1([(pair["machine"], pair["human"]) for pair in pairs], 3) for pairs in both["pairs"]]
    return both.with_columns(share=pl.col("agreed") / pl.col("reviews"), ac1=pl.Series(ac1, dtype=pl.Float64)).select(
        "rule", "since", "reviews", "agreed", "share", "ac1", "alarms", "missed").sort("rule", "since")


def limits(lessons: pl.DataFrame, rules: Mapping[str, Rule]) -> list[Proposal]:
    """Other numbers for rules whose verdict one number decides, where more reviews agree with the new than with the old by more than chance."""
    told = []
    decided = lessons.filter(pl.col("value").is_not_null() & pl.col("verdict").is_in(["pass", "fail"]) & pl.col("truth").is_in(["pass", "fail"]))
    for (rule_id,), rows in sorted(decided.group_by(["rule"]), key=lambda one: str(one[0])):
        rule = rules.get(str(rule_id))
        if rule is not None and (made := _limit(rule, rows)) is not None:
            told.append(made)
    return told


def phrases(lessons: pl.DataFrame, turns: pl.DataFrame, rules: Mapping[str, Rule]) -> list[Proposal]:
    """Phrases to add where rules missed what reviewers heard, and to except where they heard what was none. `turns` has call_id, turn,
    speaker and text of the lessons' calls."""
    told: list[Proposal] = []
    clean = turns.with_columns(text=pl.Series("text", [light(text) for text in turns["text"]], dtype=pl.String), said=pl.col("text"))
    for (rule_id,), rows in sorted(lessons.group_by(["rule"]), key=lambda one: str(one[0])):
        rule = rules.get(str(rule_id))
        if rule is None or rule.kind == "signal" or (rule.decide is not None and rule.decide.operator):
            continue
        there = "fail" if rule.kind == "taboo" else "pass"
        absent = "pass" if rule.kind == "taboo" else "fail"
        heard, missed = rows.filter(pl.col("verdict") == there), rows.filter(pl.col("verdict") == absent)
        told += _wrong(rule, heard, there, clean) + _missed(rule, missed, there, absent, clean)
    return told


def _limit(rule: Rule, rows: pl.DataFrame) -> Proposal | None:
    value, fails = rows["value"].to_numpy(), (rows["verdict"] == "fail").to_numpy()
    truth = (rows["truth"] == "fail").to_numpy()
    best: tuple[float, Proposal] | None = None
    for name, limit in limits_of(rule).items():
        for above in (True, False):
            if fails.all() or not fails.any() or np.mean(_fails(value, limit, above) == fails) < FITS:
                continue
            for cut in _cuts(value):
                after = _fails(value, cut, above)
                better, worse = (after == truth) & (fails != truth), (after != truth) & (fails == truth)
                gain = int(better.sum()) - int(worse.sum())
                if gain <= 0 or binomtest(int(better.sum()), int(better.sum() + worse.sum()), alternative="greater").pvalue > SURE:
                    continue
                weight = gain - abs(cut - limit) / (abs(limit) + 1) / 1000      # of equal ones the nearest
                if best is None or weight > best[0]:
                    calls = rows["call_id"]
                    best = weight, Proposal(rule.id, "limit", f"{name}: {cut:g} instead of {limit:g}", tuple(calls.filter(pl.Series(better))),
                                            tuple(calls.filter(pl.Series(worse))), name, float(cut))
    return None if best is None else best[1]


def _fails(value: np.ndarray, limit: float, above: bool) -> np.ndarray:
    return value > limit if above else value < limit


def _cuts(value: np.ndarray) -> np.ndarray:
    """Limits worth a try: between neighbouring values, as round as the distance allows; whole numbers for counts."""
    known = np.unique(value)
    if np.all(known == known.round()):
        return np.arange(known[0] - 1, known[-1] + 2) if known[-1] - known[0] <= 200 else np.linspace(known[0], known[-1], 200).round()
    middles = (known[1:] + known[:-1]) / 2
    picked = middles if len(middles) <= 200 else np.quantile(middles, np.linspace(0, 1, 200))
    digits = max(0, 2 - int(np.floor(np.log10(max(np.ptp(known), 1e-9)))))
    return np.unique(picked.round(min(digits, 4)))


def _wrong(rule: Rule, heard: pl.DataFrame, there: str, turns: pl.DataFrame) -> list[Proposal]:
    """What is said where the rule heard what was none, and not where it was right."""
    places = heard.explode("turns").rename({"turns": "turn"}).filter(pl.col("turn").is_not_null()).select(
        "call_id", "turn", wrong=pl.col("truth") != there)
    said = places.join(turns.with_columns(pl.col("turn").cast(pl.Int64)), on=["call_id", "turn"])
    return [Proposal(rule.id, "except", f"not where “{phrase}” is said", better, worse, phrase=phrase, said=_examples(said, phrase, better + worse))
            for phrase, better, worse in _telling(said, "wrong")]


def _missed(rule: Rule, missed: pl.DataFrame, there: str, absent: str, turns: pl.DataFrame) -> list[Proposal]:
    """What is said in calls in which a reviewer heard it and the rule did not, and not in those where both heard nothing."""
    calls = missed.filter(pl.col("truth").is_in([there, absent])).select("call_id", wrong=pl.col("truth") == there).unique("call_id")
    speaker = pl.lit(True) if rule.who == "any" else pl.col("speaker") == rule.who
    said = turns.filter(speaker).join(calls, on="call_id")
    return [Proposal(rule.id, "add", f"“{phrase}” is it too", better, worse, phrase=phrase, said=_examples(said, phrase, better + worse))
            for phrase, better, worse in _telling(said, "wrong")]


def _telling(said: pl.DataFrame, mark: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Phrases said more in calls where `mark` holds: phrase, calls with it that are marked, calls that are not. Log-odds with an informative
    Dirichlet prior (Monroe, Colaresi and Quinn 2008), a phrase counted once a call; of phrases of the same calls the longest."""
    total, other = (said.filter(pl.col(mark) == one)["call_id"].n_unique() for one in (True, False))
    if total < LEAST_FOR:
        return []
    counts = pl.concat(_grams(said, mark, length) for length in range(SHORTEST, LONGEST + 1)).filter(pl.col("hits") >= LEAST_FOR)
    y1, y0 = counts["hits"].to_numpy().astype(float), counts["others"].to_numpy().astype(float)
    prior = PRIOR * (y1 + y0) / (total + other)
    odds = np.log((y1 + prior) / (total - y1 + PRIOR - prior + 0.5)) - np.log((y0 + prior) / (other - y0 + PRIOR - prior + 0.5))
    z = odds / np.sqrt(1 / (y1 + prior) + 1 / (y0 + prior))
    likely = counts.with_columns(z=pl.Series(z, dtype=pl.Float64), letters=pl.col("phrase").str.len_chars()).filter(
        (pl.col("z") >= SURE_Z) & (pl.col("hits") > pl.col("others"))).sort(["z", "letters", "phrase"], descending=[True, True, False])
    chosen: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
    for row in likely.sort(["hits", "letters"], descending=True, maintain_order=True).head(400).iter_rows(named=True):
        calls = set(row["calls"])
        if any(calls <= set(other_calls) and (row["phrase"] in phrase or phrase in row["phrase"] or _overlaps(row["phrase"], phrase))
               for phrase, other_calls, _ in chosen):
            continue
        chosen.append((row["phrase"], tuple(sorted(calls)), tuple(sorted(row["other_calls"]))))
        if len(chosen) == PER_RULE:
            break
    return chosen


def _grams(said: pl.DataFrame, mark: str, length: int) -> pl.DataFrame:
    """Sequences of so many Chinese characters: phrase, hits and others (calls), calls, other_calls."""
    long = said.select("call_id", mark, "text").filter(pl.col("text").str.len_chars() >= length)
    cut = long.with_columns(at=pl.int_ranges(0, pl.col("text").str.len_chars() - length + 1)).explode("at").with_columns(
        phrase=pl.col("text").str.slice(pl.col("at"), length)).filter(pl.col("phrase").str.contains(r"^\p{Han}+$"))
    once = cut.select("call_id", mark, "phrase").unique()
    return once.group_by("phrase").agg(
        hits=pl.col(mark).sum(), others=(~pl.col(mark)).sum(), calls=pl.col("call_id").filter(pl.col(mark)),
        other_calls=pl.col("call_id").filter(~pl.col(mark)))


def _overlaps(one: str, other: str) -> bool:
    """Whether the end of one is the beginning of the other, by two characters or more."""
    shortest = min(len(one), len(other))
    return any(one[-n:] == other[:n] or other[-n:] == one[:n] for n in range(2, shortest))


def _examples(said: pl.DataFrame, phrase: str, calls: tuple[str, ...]) -> dict[str, str]:
    rows = said.filter(pl.col("text").str.contains(phrase, literal=True) & pl.col("call_id").is_in(list(calls))).unique("call_id", keep="first", maintain_order=True)
    return dict(rows.select("call_id", "said").iter_rows())
