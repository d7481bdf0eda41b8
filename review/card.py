"""A card in the terminal: items with verdict, points and confidence, what they rest on, then the rules that did not pass."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from records import Draft, Evidence, Finding, Item, Transcript
from review.wording import Language, clock, number, say

COLOURS = {"pass": "green", "fail": "red", "needs_review": "yellow", "not_applicable": "bright_black", "found": "cyan"}
MOST_EVIDENCE = 4       # lines an item; the page and the exports have all


def card(draft: Draft, transcript: Transcript, language: Language = "zh",
         titles: Mapping[str, str] | None = None) -> RenderableType:
    """Everything a reviewer wants to see first, as a rich renderable. Call data is never read as markup.

    `titles` has the rules' titles by id.
    """
    return Group(_head(draft, transcript, language), Text(), _items(draft.items, language), Text(),
                 _findings(draft.findings, language, titles or {}))


def _head(draft: Draft, transcript: Transcript, language: Language) -> Text:
    score = "–" if draft.score is None else number(draft.score)
    line = Text()
    line.append(f"{draft.call_id}  ", "bold")
    line.append(f"{say('score', language)} {score}  {say(draft.band, language)}", "bold")
    if draft.fatal:
        line.append(f"  {say('fatal', language)}", "bold red")
    who = [transcript.agent_id, transcript.agent_name, *transcript.organisation, transcript.started_at,
           clock(transcript.duration), f"{say('form', language)} {say(draft.form, language)} {draft.form_version}"]
    line.append("\n" + " · ".join(part for part in who if part), "dim")
    line.append(f"\n{say('draft_note', language)}", "dim italic")
    if draft.open_points:
        line.append(f"\n{number(draft.open_points)} {say('open_points', language)}", "dim italic")
    return line


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
        table.add_row(Text(say(item.verdict, language), COLOURS[item.verdict]),
                      f"{number(item.points) or '–'}/{number(item.max_points)}", f"{item.confidence:.2f}",
                      Text.assemble(item.title, (f"  {item.id}", "bright_black"), _evidence(item.evidence, item.reason)))
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
                                    _evidence(one.evidence, one.reason)))
    return Group(table, Text(f" {say('all_passed', language)}", "dim"))


def _evidence(evidence: Sequence[Evidence], reason: str) -> Text:
    lines = Text()
    if reason:
        lines.append(f"\n{reason}", "dim")
    for piece in evidence[:MOST_EVIDENCE]:
        lines.append(f"\n{clock(piece.start) or '     '} ", "cyan")
        lines.append(piece.text or piece.note)
    if len(evidence) > MOST_EVIDENCE:
        lines.append(f"\n… +{len(evidence) - MOST_EVIDENCE}", "dim")
    return lines
