"""Phrases that rose without anybody naming them: what is said in more calls now than before.

Words are jieba's, phrases up to four of them in a row within a clause. A phrase counts once a call, however often it is said, so
that one talkative customer is no trend. Weighed by the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and
Quinn 2008, Fightin' Words): the prior is what both periods say together, so a phrase of five calls needs more than one of
five hundred. Over the many phrases the false discovery rate is held (Benjamini and Hochberg).
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import rjieba
from scipy.stats import false_discovery_control, norm

from insight.comparing import SURE
from insight.wanted import GROUPS, By, Span, Who
from rules.text import PARTICLES, light
from store.lake import Lake

Hide = Callable[[Sequence[str], Sequence[str], Sequence[str], Sequence[str]], Sequence[str]]
"""A call's turns (texts, speakers, names of staff, names of customers) → the texts with personal data as stars."""
MOST_WORDS = 4
SHORTEST, LONGEST = 2, 12           # characters
PRIOR = 100.0                       # calls that the prior is worth
MOST_CALLS = 10_000                 # calls of each period that are read; more are sampled by a hash of their ids
LEAST_CALLS = 5                     # calls now in which a phrase is said
LEAST_AGENTS = 2                    # whose calls they are, where agents are known: one agent's habit is no trend
LEAST_TIMES = 1.5                   # times as often as before
SAME = 0.7                          # of the rarer one's calls shared: two phrases are one thing said
LOOKED_AT = 30                      # calls of a phrase that are masked to see whether it is personal
PERSONAL = 0.2                      # of its places hidden from which on a phrase is somebody's data
_CLAUSE = "|"


@dataclass(frozen=True)
class Rise:
    """One phrase. `now` and `before` are calls with it of `calls_now` and `calls_before`; `z` the log-odds in standard errors, `q`
    after correction; `variants` longer and shorter phrases of the same calls; `examples` call ids."""

    phrase: str
    now: int
    before: int
    calls_now: int
    calls_before: int
    z: float
    q: float
    variants: tuple[str, ...]
    examples: tuple[str, ...]

    @property
    def times(self) -> float | None:
        """How many times as often; None for a phrase that is new."""
        return (self.now / self.calls_now) / (self.before / self.calls_before) if self.before else None


def rising(lake: Lake, now: Span, before: Span, hide: Hide, who: Who = "customer", only: tuple[tuple[By, str], ...] = (),
           most: int = 20, most_calls: int = MOST_CALLS) -> list[Rise]:
    """The phrases that rose from `before` to `now`, the surest first; none where either has fewer than 30 calls."""
    calls = pl.concat([_sampled(lake, span, only, most_calls).with_columns(recent=pl.lit(recent)) for span, recent in ((now, True), (before, False))])
    numbers = {recent: calls.filter(recent=recent).height for recent in (True, False)}
    if min(numbers.values()) < 30:
        return []
    said = _counted(_words(lake, calls, Span(min(now.since, before.since), max(now.until, before.until)), who))
    told = _weighed(said, numbers[True], numbers[False])
    if told.is_empty():
        return []
    places = _places(said.filter(pl.col("recent"), pl.col("phrase").is_in(told["phrase"].implode())), calls)
    candidates = list(_folded(told, places, numbers[True] / numbers[False]).items())[:2 * most]
    heard = _heard(lake, {call for phrase, _ in candidates for call in sorted(places[phrase])[:LOOKED_AT]}, now)
    rises: list[Rise] = []
    for phrase, variants in candidates:
        one = told.row(by_predicate=pl.col("phrase") == phrase, named=True)
        if not _personal(phrase, [heard[call] for call in sorted(places[phrase])[:LOOKED_AT]], hide):
            rises.append(Rise(phrase, one["now"], one["before"], numbers[True], numbers[False], one["z"], one["q"], variants,
                              tuple(sorted(places[phrase])[:3])))
    return rises[:most]


def _sampled(lake: Lake, span: Span, only: tuple[tuple[By, str], ...], most: int) -> pl.DataFrame:
    rows = lake.rows("calls").filter(span.holds, *(pl.col(GROUPS[by]) == value for by, value in only))
    found = rows.select("call_id", "agent_id", drawn=pl.col("call_id").hash(20261125))
    return found.bottom_k(most, by="drawn").drop("drawn").collect(engine="streaming")


def _words(lake: Lake, calls: pl.DataFrame, span: Span, who: Who) -> pl.DataFrame:
    """The words in order: `call` (its row in `calls`), `recent`, `word`; a clause ends with a row `|`."""
    turns = lake.rows("turns").filter(span.holds)
    if who != "any":
        turns = turns.filter(pl.col("speaker") == who)
    numbered = calls.with_row_index("call").select("call", "call_id", "recent")
    texts = turns.select("call_id", "text").join(numbered.lazy(), on="call_id").group_by("call", "recent").agg(
        pl.col("text").str.join("\n")).collect(engine="streaming")
    words = pl.Series("word", [_clauses(text) for text in texts["text"]], dtype=pl.List(pl.String))
    return texts.select("call", "recent").with_columns(words).explode("word", empty_as_null=False).drop_nulls()


def _clauses(text: str) -> list[str]:
    """Words, with | for whatever ends a phrase: marks, numbers, particles, line ends."""
    return [word if "\u4e00" <= word[0] <= "\u9fff" and word not in PARTICLES else _CLAUSE for word in rjieba.cut(light(text))] + [_CLAUSE]


def _counted(words: pl.DataFrame) -> pl.DataFrame:
    """Each phrase once a call: `phrase`, `call`, `recent`. Phrases are built of phrases that are frequent enough, as in Apriori."""
    found: list[pl.DataFrame] = []
    grown = words.with_columns(frequent=pl.lit(True))
    for length in range(1, MOST_WORDS + 1):
        phrase = pl.concat_str([pl.col("word").shift(-at) for at in range(length)])
        parts = pl.all_horizontal([pl.col("word").shift(-at) != _CLAUSE for at in range(length)])
        same = pl.col("call") == pl.col("call").shift(1 - length)
        both = pl.col("frequent") if length == 1 else pl.col("frequent") & pl.col("frequent").shift(-1)
        there = grown.select("call", "recent", phrase=phrase, ok=parts & same & both)
        once = there.filter(pl.col("ok")).select("phrase", "call", "recent").unique()
        enough = once.filter("recent").group_by("phrase").len().filter(pl.col("len") >= LEAST_CALLS)["phrase"]
        once = once.filter(pl.col("phrase").is_in(enough.implode()))
        if once.is_empty():
            break
        letters = pl.col("phrase").str.len_chars()
        found.append(once.filter(letters.is_between(SHORTEST, LONGEST)))
        grown = grown.with_columns(frequent=there["ok"] & there["phrase"].is_in(enough.implode()).fill_null(False))
    return pl.concat(found) if found else pl.DataFrame(schema={"phrase": pl.String, "call": pl.UInt32, "recent": pl.Boolean})


def _weighed(said: pl.DataFrame, calls_now: int, calls_before: int) -> pl.DataFrame:
    """Phrases that rose: `phrase`, `now`, `before`, `z`, `q`, the surest first."""
    told = said.group_by("phrase").agg(now=pl.col("recent").sum(), before=(~pl.col("recent")).sum())
    if told.is_empty():
        return told.with_columns(z=pl.lit(0.0), q=pl.lit(1.0))
    y1, y0 = told["now"].to_numpy().astype(float), told["before"].to_numpy().astype(float)
    prior = PRIOR * (y1 + y0) / (calls_now + calls_before)
    odds1 = np.log((y1 + prior) / (calls_now + PRIOR - y1 - prior + 0.5))
    odds0 = np.log((y0 + prior) / (calls_before + PRIOR - y0 - prior + 0.5))
    z = (odds1 - odds0) / np.sqrt(1 / (y1 + prior) + 1 / (y0 + prior))
    times = (y1 / calls_now) / np.maximum(y0 / calls_before, 1e-12)
    told = told.with_columns(z=pl.Series(z), q=pl.Series(false_discovery_control(2 * norm.sf(np.abs(z)))), times=pl.Series(times))
    return told.filter(pl.col("q") < SURE, pl.col("z") > 0, pl.col("times") >= LEAST_TIMES, pl.col("now") >= LEAST_CALLS).drop(
        "times").sort("z", "phrase", descending=[True, False])


def _places(said: pl.DataFrame, calls: pl.DataFrame) -> dict[str, set[str]]:
    """The call ids of each phrase now; phrases of one agent alone are left out."""
    told = said.join(calls.with_row_index("call").select("call", "call_id", "agent_id"), on="call").group_by("phrase").agg(
        "call_id", agents=pl.col("agent_id").n_unique(), known=pl.col("agent_id").is_not_null().any())
    return {row["phrase"]: set(row["call_id"]) for row in told.iter_rows(named=True)
            if row["agents"] >= LEAST_AGENTS or not row["known"]}


def _folded(told: pl.DataFrame, places: dict[str, set[str]], size: float) -> dict[str, tuple[str, ...]]:
    """Phrases that are one thing said, under the longest that explains the rise of the others: 套餐, 新套餐, 新套餐退订 → 新套餐退订.

    `size`: calls now a call before. A longer phrase explains a shorter one where it brought SAME of the calls that are more now."""
    more = {row["phrase"]: row["now"] - row["before"] * size for row in told.iter_rows(named=True)}
    kept: dict[str, list[str]] = {}
    for phrase in (one for one in told["phrase"] if one in places):
        home = next((one for one in kept if _same(phrase, one, places)), None)
        if home is None:
            kept[phrase] = []
        elif len(phrase) > len(home) and more[phrase] >= SAME * more[home]:
            kept = {phrase if one == home else one: [*variants, home] if one == home else variants for one, variants in kept.items()}
        else:
            kept[home].append(phrase)
    for phrase in sorted(kept, key=len):            # what a longer one has since taken in
        longer = [one for one in kept if len(one) > len(phrase)]
        if home := next((one for one in longer if any(_same(phrase, said, places) for said in (one, *kept[one]))), None):
            kept[home] += [phrase, *kept.pop(phrase)]
    return {phrase: tuple(variants) for phrase, variants in kept.items()}


def _same(one: str, other: str, places: dict[str, set[str]]) -> bool:
    """Whether two phrases are one thing said: they overlap, and so do their calls."""
    overlap = one in other or other in one or one[-1] == other[0] or other[-1] == one[0] or any(
        one[at:at + 2] in other for at in range(len(one) - 1))
    return overlap and len(places[one] & places[other]) >= SAME * min(len(places[one]), len(places[other]))


@dataclass
class _Call:
    """A call's turns, and whose names are known in it."""

    texts: list[str] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)
    staff: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)


def _heard(lake: Lake, calls: set[str], span: Span) -> dict[str, _Call]:
    """The calls in full, read at once."""
    some = pl.col("call_id").is_in(sorted(calls))
    heard = {call: _Call() for call in calls}
    for call, agent, customer in lake.rows("calls").filter(span.holds, some).select("call_id", "agent_name", "customer_name").collect(
            engine="streaming").iter_rows():
        heard[call].staff, heard[call].customers = [agent] if agent else [], [customer] if customer else []
    turns = lake.rows("turns").filter(span.holds, some).select("call_id", "turn", "speaker", "text").collect(engine="streaming")
    for call, _, speaker, text in turns.sort("call_id", "turn").iter_rows():
        heard[call].texts.append(text)
        heard[call].speakers.append(speaker)
    return heard


def _personal(phrase: str, calls: Sequence[_Call], hide: Hide) -> bool:
    """Whether a phrase is somebody's name, address or number: masked, it disappears from the calls it came from."""
    seen = left = 0
    for call in calls:
        seen += sum(light(text).count(phrase) for text in call.texts)
        left += sum(light(text).count(phrase) for text in hide(call.texts, call.speakers, call.staff, call.customers))
    return seen > 0 and seen - left >= PERSONAL * seen
