"""A backtest for people: tables in the terminal, and a page that opens from a disk without asking the network anything."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from insight.backtest import Backtest, Change, Kind, OfRule, Scores
from records import Evidence
from review.card import COLOURS
from review.page import marked
from review.wording import Language, clock, number, say

if TYPE_CHECKING:
    from review.backtest import About

WIDTH = 140             # columns where the output has no width of its own
IN_TERMINAL = 2         # examples a kind of change; the page has all that are kept
MOST_ROWS = 12          # agents and calls in the terminal
RULES_OF_AGENT = 3      # rules named beside an agent


def tables(result: Backtest, titles: Mapping[str, str], about: About, language: Language = "zh") -> RenderableType:
    """The whole backtest as a rich renderable. Call data is never read as markup."""
    head = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in figures(result, about, language):
        head.add_row(Text(name, "dim"), value)
    if not result.changed:
        return Group(head, Text(), Text(say("no_change", language), "bold"))
    return Group(head, Text(), _rules(result, titles, language), Text(), _agents(result, titles, language), Text(),
                 _shifted(result, titles, language))


def figures(result: Backtest, about: About, language: Language) -> list[tuple[str, str]]:
    """Names and values of what is true of the whole, in the order in which they are shown."""
    scores, means = result.scores, result.scores.means
    rows = [("pack", about.pack), ("workspace", about.workspace), ("since", about.since),
            ("undated", str(about.undated or "")), ("calls", str(scores.calls)), ("calls_changed", str(result.changed)),
            ("findings_changed", str(result.findings)), ("up", str(scores.up)), ("down", str(scores.down)),
            ("mean", f"{means[0]:.1f} → {means[1]:.1f}" if means else ""), ("newly_fatal", str(scores.newly_fatal)),
            ("no_longer_fatal", str(scores.no_longer_fatal)), ("other_form", str(result.other_form or "")),
            ("bands_moved", "；".join(bands(scores, language)))]
    return [(say(name, language), value) for name, value in rows if value]


def bands(scores: Scores, language: Language) -> list[str]:
    """`良好 → 优秀 3` for each pair of bands between which calls moved."""
    return [f"{say(old or 'not_scored', language)} → {say(new or 'not_scored', language)} {count}"
            for old, new, count in scores.moved]


def _rules(result: Backtest, titles: Mapping[str, str], language: Language) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column(say("change", language), no_wrap=True)
    table.add_column(say("call_count", language), justify="right", no_wrap=True)
    table.add_column(f"{say('rule', language)} · {say('examples', language)}", ratio=1, overflow="fold")
    for name, rule in result.changed_rules.items():
        hits = f"  {say('hits', language)} {rule.hits_before} → {rule.hits_after}"
        table.add_row("", str(rule.changed), Text.assemble(
            (titles.get(name, ""), "bold"), (f"  {name}", "bright_black"), (hits, "bold")))
        for kind, count in rule.kinds.most_common():
            lines = Text("\n").join(_example(one, language) for one in rule.examples[kind][:IN_TERMINAL])
            table.add_row(_kind(kind, language), str(count), lines)
    return table


def _kind(kind: Kind, language: Language) -> Text:
    if kind[0] == kind[1]:
        return Text.assemble((say(kind[0], language), COLOURS.get(kind[0] or "", "")), f" · {say('measured', language)}")
    text = Text()
    for at, verdict in enumerate(kind):
        text.append(" → " if at else "")
        text.append(say(verdict or "no_rule", language), COLOURS.get(verdict or "", "bright_black"))
    return text


def _example(change: Change, language: Language) -> Text:
    line = Text.assemble((f"{change.call_id} ", "bold"), (f"{clock(change.start)} ", "cyan"))
    if change.text:
        line.append(f"{say(change.speaker, language)}：" if change.speaker else "").append(change.text)
    for name, why in whys(change, language):
        line.append(f"\n  {name}：{why}", "dim")
    return line


def whys(change: Change, language: Language) -> list[tuple[str, str]]:
    """Why each side decides so: its reason and, where only the measured value differs, that value."""
    measured = change.before == change.after
    sides = (("before", change.value_before, change.reason_before), ("after", change.value_after, change.reason_after))
    found = [(name, " ".join(part for part in (number(value) if measured else "", reason) if part))
             for name, value, reason in sides]
    return [(say(name, language), why) for name, why in found if why]


def agents(result: Backtest, titles: Mapping[str, str], language: Language) -> Iterator[list[str]]:
    """Rows of agent, calls, changed calls, mean scores, up, down, and the rules that change most."""
    for name, agent in result.changed_agents.items():
        means = agent.scores.means
        mean = f"{means[0]:.1f} → {means[1]:.1f}" if means else "–"
        rules = [f"{titles.get(rule, rule)} {count}" for rule, count in agent.rules.most_common(RULES_OF_AGENT)]
        who = " ".join(part for part in (name, agent.name) if part) or say("no_agent", language)
        yield [who, str(agent.scores.calls), str(agent.changed), mean, str(agent.scores.up), str(agent.scores.down),
               "、".join(rules)]


def shifted(result: Backtest, titles: Mapping[str, str]) -> Iterator[list[str]]:
    """Rows of call, agent, scores, the difference, and the rules behind it."""
    for call in result.shifted:
        rules = "、".join(titles.get(change.rule, change.rule) for change in call.changes)
        who = " ".join(part for part in (call.agent_id, call.agent_name) if part)
        yield [call.call_id, who, f"{number(call.before.score)} → {number(call.after.score)}", f"{call.shift:+g}", rules]


AGENT_HEADS = ("agent", "calls", "calls_changed", "mean", "up", "down", "rule")
SHIFTED_HEADS = ("call_id", "agent", "score", "shift", "rule")


def _agents(result: Backtest, titles: Mapping[str, str], language: Language) -> RenderableType:
    rows = list(agents(result, titles, language))
    table = _plain("by_agent", AGENT_HEADS, rows[:MOST_ROWS], language)
    return Group(table, Text(f" … +{len(rows) - MOST_ROWS}", "dim")) if len(rows) > MOST_ROWS else table


def _shifted(result: Backtest, titles: Mapping[str, str], language: Language) -> RenderableType:
    rows = list(shifted(result, titles))
    return _plain("shifted", SHIFTED_HEADS, rows[:MOST_ROWS], language) if rows else Text()


def _plain(title: str, heads: tuple[str, ...], rows: Sequence[list[str]], language: Language) -> Table:
    table = Table(title=say(title, language), title_justify="left", title_style="bold", box=None, padding=(0, 1),
                  header_style="dim")
    for head in heads:
        table.add_column(say(head, language), overflow="fold", justify="right" if head in ("calls", "calls_changed", "up",
                         "down", "shift") else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def backtest_page(result: Backtest, titles: Mapping[str, str], about: About, language: Language = "zh") -> str:
    """The page as text: figures, every changed rule with its examples, agents, calls whose score moves most."""
    rules = [(name, titles.get(name, name), rule, _kinds(rule, language)) for name, rule in result.changed_rules.items()]
    return _environment().get_template("backtest.html").render(
        result=result, about=about, rules=rules, figures=figures(result, about, language)[2:], language=language,
        lang="zh-CN" if language == "zh" else "en", say=lambda word: say(word, language), clock=clock,
        agents=list(agents(result, titles, language)), agent_heads=AGENT_HEADS, shifted=list(shifted(result, titles)),
        shifted_heads=SHIFTED_HEADS, whys=lambda change: whys(change, language), said=_said)


def _kinds(rule: OfRule, language: Language) -> list[dict[str, Any]]:
    return [{"before": kind[0] or "no_rule", "after": kind[1] or "no_rule", "same": kind[0] == kind[1], "calls": count,
             "examples": rule.examples[kind]} for kind, count in rule.kinds.most_common()]


def _said(change: Change) -> Markup:
    """The turn, escaped, with what was heard marked in the colour of the verdict that rests on it."""
    verdict = change.after if change.heard_by == "after" else change.before
    return marked(change.text, [(verdict or "none", Evidence(rule=change.rule, text=change.heard))])


@cache
def _environment() -> Environment:
    environment = Environment(loader=PackageLoader("review"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)
    style = (Path(__file__).parent / "static" / "backtest.css").read_text(encoding="utf-8")
    environment.globals["style"] = Markup(style)
    return environment
