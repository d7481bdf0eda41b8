"""A card in the terminal: the taboos broken, items with verdict, points and confidence, what they rest on, other rules."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from records import Draft, Evidence, Finding, Item, Transcript
from review.page import broken_taboos
from review.wording import Language, clock, moment, number, say

COLOURS = {"pass": "green", "fail": "red", "needs_review": "yellow", "not_applicable": "bright_black", "found": "cyan"}
MOST_EVIDENCE = 4       # lines an item; the page and the exports have all


def card(draft: Draft, transcript: Transcript, language: Language = "zh",
         titles: Mapping[str, str] | None = None, taboos: Sequence[str] = ()) -> RenderableType:
    """Everything a reviewer wants to see first, as a rich renderable. Call data is never read as markup.

    `titles` has the rules' titles by id, `taboos` the ids of the rules whose failures stand first, the gravest first.
    """
    broken = broken_taboos(draft, taboos)
    others = [one for one in draft.findings if one not in broken]
    first = [_taboos(broken, language, titles or {}), Text()] if broken else []
    return Group(_head(draft, transcript, language), Text(), *first, _items(draft.items, language), Text(),
                 _findings(others, language, titles or {}))


def _head(draft: Draft, transcript: Transcript, language: Language) -> Text:
    score = "–" if draft.score is None else number(draft.score)
    line = Text()
    line.append(f"{draft.call_id}  ", "bold")
    line.append(f"{say('score', language)} {score}  {say(draft.band, language)}", "bold")
    if draft.fatal:
        line.append(f"  {say('fatal', language)}", "bold red")
    who = [transcript.agent_id, transcript.agent_name, *transcript.organisation, moment(transcript.started_at),
           clock(transcript.duration), f"{say('form', language)} {say(draft.form, language)} {draft.form_version}"]
    line.append("\n" + " · ".join(part for part in who if part), "dim")
    line.append(f"\n{say('draft_note', language)}", "dim italic")
    if draft.open_points:
        line.append(f"\n{number(draft.open_points)} {say('open_points', language)}", "dim italic")
    return line


def _taboos(broken: Sequence[Finding], language: Language, titles: Mapping[str, str]) -> RenderableType:
    """What the agent must not say and said, in full: a rule a row, each quotation with its time beside it."""
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for one in broken:
        table.add_row(Text(titles.get(one.rule, one.rule), "bold red"), _quotes(one.evidence) or Text(one.reason))
    return Group(Text(f" {say('taboos_hit', language)} · {len(broken)}", "bold white on red"), table)


def _items(items: Sequence[Item], language: Language) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column(say("verdict", language), no_wrap=True)
    table.add_column(say("points", language), justify="right", no_wrap=True)
    table.add_column(say("confidence", language), justify="right", no_wrap=True)
    table.add_column(f"{say('title', language)} · {say('evidence', language)}", ratio=1, overflow="fold")
    section = None
    for item in items:
        if item.section != section:
            section = item.section
            table.add_row("", "", "", Text(section, "bold"))
        judged = item.mode == "human"       # nothing a rule could be sure of
        points = number(item.points) or "–"
        table.add_row(Text(say("to_judge" if judged else item.verdict, language), COLOURS[item.verdict]),
                      f"{points}/{number(item.max_points)}" if item.max_points else points,
                      "" if judged else f"{item.confidence:.2f}",
                      Text.assemble(item.title, (f"  {item.id}", "bright_black"),
                                    _evidence(item.evidence, "" if judged else item.reason)))
    return table


def _findings(findings: Sequence[Finding], language: Language, titles: Mapping[str, str]) -> RenderableType:
    order = {"fail": 0, "needs_review": 1, "found": 2}
    telling = sorted((one for one in findings if one.verdict in order), key=lambda one: order[one.verdict])
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column(say("verdict", language), no_wrap=True)
    table.add_column(say("value", language), justify="right", no_wrap=True)
    table.add_column(say("confidence", language), justify="right", no_wrap=True)
    table.add_column(f"{say('rule', language)} · {say('evidence', language)}", ratio=1, overflow="fold")
    for one in telling:
        table.add_row(Text(say(one.verdict, language), COLOURS[one.verdict]), number(one.value), f"{one.confidence:.2f}",
                      Text.assemble(titles.get(one.rule, ""), (f"  {one.rule}", "bright_black"),
                                    _evidence(one.evidence, one.reason, inline=True)))
    return Group(table, Text(f" {say('all_passed', language)}", "dim"))


def _evidence(evidence: Sequence[Evidence], reason: str, inline: bool = False) -> Text:
    """What is written under a title: the reason, beside the title if `inline`, and the quotations."""
    lines = Text()
    if reason:
        lines.append(f"  {reason}" if inline else f"\n{reason}", "dim")
    if evidence:
        lines.append("\n").append(_quotes(evidence[:MOST_EVIDENCE]))
    if len(evidence) > MOST_EVIDENCE:
        lines.append(f"\n… +{len(evidence) - MOST_EVIDENCE}", "dim")
    return lines


def _quotes(evidence: Sequence[Evidence]) -> Text:
    lines = []
    for piece in evidence:
        line = Text(clock(piece.start) or "     ", "cyan")
        line.append(f" {piece.text or piece.note}", "default")
        if piece.text and piece.note:
            line.append(f"  {piece.note}", "dim")
        lines.append(line)
    return Text("\n").join(lines)
