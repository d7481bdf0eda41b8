"""A card in the terminal: the taboos broken, items with verdict, points and confidence, what they rest on, other rules."""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from records import Draft, Evidence, Finding, Item, Transcript
from review.handbook import UNKNOWN, Handbook
from review.wording import Language, clock, moment, number, say

COLOURS = {"pass": "green", "fail": "red", "needs_review": "yellow", "not_applicable": "bright_black", "found": "cyan"}
MOST_EVIDENCE = 4       # lines an item; the page and the exports have all


def card(draft: Draft, transcript: Transcript, language: Language = "zh",
         handbook: Handbook = UNKNOWN) -> RenderableType:
    """Everything a reviewer wants to see first, as a rich renderable: broken taboos, the form's items, what else was found.

    Call data is never read as markup.
    """
    broken = handbook.broken(draft)
    others = [one for one in draft.findings if one not in broken]
    words = _Words(draft, handbook, language, [one.rule for one in broken])
    first = [_taboos(broken, words), Text()] if broken else []
    return Group(_head(draft, transcript, language), Text(), *first, _items(draft.items, words), Text(),
                 _findings(others, words), *_measures(others, words))


def removed(transcript: Transcript, language: Language = "zh") -> RenderableType:
    """What guards took out after recognition: when, on which channel, why, and the words."""
    table = Table(box=None, padding=(0, 1), header_style="dim", title=f"{say('removed', language)} · {len(transcript.removed)}",
                  title_justify="left")
    for heading in ("time", "channel", "reason"):
        table.add_column(say(heading, language), no_wrap=True)
    table.add_column(say("transcript", language), ratio=1, overflow="fold")
    mono = transcript.recognition.get("layout", {}).get("kind") == "mono"
    for one in transcript.removed:
        side = {0: "left", 1: "right"}.get(-1 if mono or one.channel is None else one.channel)
        table.add_row(f"{clock(one.start)}–{clock(one.end)}", say(side, language), say(f"removed_{one.reason}", language),
                      Text.assemble(one.text, (f"  {one.detail}" if one.detail else "", "dim")))
    return Group(table, Text(f" {say('removed_note', language)}", "dim"))


class _Words(NamedTuple):
    """What every line needs beside its own data; what to coach about the taboos `told` first is not said again."""

    draft: Draft
    handbook: Handbook
    language: Language
    told: list[str]

    def coach(self, rules: Sequence[str], repeat: bool = False) -> Text:
        """A line for each failed rule that has something to coach, beginning with a line break; empty without any."""
        advice = self.handbook.advice(self.draft, rules, () if repeat else self.told)
        lines = Text()
        for title, coach in advice:
            about = f"（{title}）" if len(rules) > 1 else ""
            lines.append(f"\n{say('coach', self.language)}{about}：", "green").append(coach, "green")
        return lines


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


def _taboos(broken: Sequence[Finding], words: _Words) -> RenderableType:
    """What the agent must not say and said, in full: a rule a row, each quotation with its time beside it."""
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for one in broken:
        said = _quotes(one.evidence, words) or Text(one.reason)
        table.add_row(Text(words.handbook.title(one.rule), "bold red"), said + words.coach([one.rule], repeat=True))
    return Group(Text(f" {say('taboos_hit', words.language)} · {len(broken)}", "bold white on red"), table)


def _items(items: Sequence[Item], words: _Words) -> Table:
    language = words.language
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
                                    _evidence(item.evidence, "" if judged else item.reason, words, len(item.rules) > 1),
                                    words.coach(item.rules)))
    return table


def _findings(findings: Sequence[Finding], words: _Words) -> RenderableType:
    language, used = words.language, {rule for item in words.draft.items for rule in item.rules}
    order = {"fail": 0, "needs_review": 1, "found": 2}
    telling = sorted((one for one in findings if one.verdict in order), key=lambda one: order[one.verdict])
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column(say("verdict", language), no_wrap=True)
    table.add_column(say("value", language), justify="right", no_wrap=True)
    table.add_column(say("confidence", language), justify="right", no_wrap=True)
    table.add_column(f"{say('rule', language)} · {say('evidence', language)}", ratio=1, overflow="fold")
    for one in telling:
        table.add_row(Text(say(one.verdict, language), COLOURS[one.verdict]), number(one.value), f"{one.confidence:.2f}",
                      Text.assemble(words.handbook.titles.get(one.rule, ""), (f"  {one.rule}", "bright_black"),
                                    _evidence(one.evidence, one.reason, words, inline=True),
                                    words.coach([one.rule] if one.rule not in used else [])))
    return Group(table, Text(f" {say('all_passed', language)}", "dim"))


def _measures(findings: Sequence[Finding], words: _Words) -> list[RenderableType]:
    """What was measured of voice and time and is within its limits: a line each, its value and limits in words."""
    good = [one for one in findings if one.verdict in ("pass", "none") and one.value is not None
            and one.rule.startswith(("voice.", "call."))]
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for one in good:
        table.add_row(Text(words.handbook.title(one.rule)), Text(one.reason, "dim"))
    return [Text(), Text(f" {say('measures', words.language)}", "bold"), table] if good else []


def _evidence(evidence: Sequence[Evidence], reason: str, words: _Words, several: bool = False, inline: bool = False) -> Text:
    """What is written under a title: the reason, beside the title if `inline`, and the quotations."""
    lines = Text()
    if reason:
        lines.append(f"  {reason}" if inline else f"\n{reason}", "dim")
    if evidence:
        lines.append("\n").append(_quotes(evidence[:MOST_EVIDENCE], words, several))
    if len(evidence) > MOST_EVIDENCE:
        lines.append("\n" + say("more", words.language).format(len(evidence) - MOST_EVIDENCE), "dim")
    return lines


def _quotes(evidence: Sequence[Evidence], words: _Words, several: bool = False) -> Text:
    lines = []
    for piece in evidence:
        line = Text(clock(piece.start) or "     ", "cyan")
        line.append(f" {piece.text or piece.note}", "default")
        line.append(f"  {words.handbook.origin(piece, several, words.language)}", "dim")
        lines.append(line)
    return Text("\n").join(lines)
