"""docs/accuracy.md: how it was measured, the tables, what is still bad (worded from the figures), and what no figure shows."""
from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.speech import tables
from bench.speech.contenders import BATCHED, OURS
from bench.speech.report import JUDGED, Report
from bench.speech.scoring import Score, total
from bench.speech.tables import percent
from bench.speech.truth import Truth
from bench.speech.verdicts import DRAWS, OFTEN, Lost, Mean, Rules

# What the benchmark asks for: name, the figure that counts, what it must reach. Missed ones are listed on the page.
TARGETS = (
    ("times the speed of faster-whisper's batched pipeline", 1.3, True),
    ("CER above that of faster-whisper's batched pipeline", 0.0, False),
    ("characters kept of the files in which nobody speaks", 0.0, False),
    ("stereo calls with the roles right", 1.0, True),
    ("mono calls with the roles right", 0.95, True),
    ("WDER in mono, a woman and a man", 0.10, False),
    ("WDER in mono, two women", 0.20, False),
    ("WDER in mono, two men", 0.20, False),
    ("rule F1 lost at 20 dB, stereo, macro", 0.05, False),
    ("rule F1 lost at 20 dB, stereo, micro", 0.05, False),
)

INTRODUCTION = """\
# Accuracy of speech

Written by `bench/speech` (`make bench-speech`); no figure here is typed by hand. How it is done: [bench/speech/README.md](../bench/speech/README.md).
"""

LIMITS = """\
## What no figure here shows

- **The voices are synthetic.** Kokoro reads scripts: no stammer, no dialect, no two people who know each other, hardly any emotion. Real calls are
  harder; how much harder these figures cannot tell. The shifted voices share the articulation of the eight that they are made of. The real
  clips are three sentences read into good microphones: a sign of life, not a measure.
- **Some voices are spoken in an accent** that the recogniser hears badly, and the text-to-speech model misreads a word now and then; its mistakes count
  as the recogniser's.
- **The line is simulated**: band, A-law, losses, echo and noise are models of such, not recordings of them. No mobile codec, no transcoding chain.
- **The rules' gold comes from the scripts**, written by few people with the handbook at hand. Calls of `data/scripts` were at hand when the rules were
  written; those of `bench/speech/scripts` were not.
- **The calibration of confidences was fitted on recordings of this very corpus** (`bench/confidence.py`, seed 1): the table of confidences shows how well
  it fits what it has seen. For voices that the fit has not heard see what `python -m bench.confidence` prints; or run this with another `--seed`.
- **Those who built the product had some seeds of this corpus at hand** (1 to 5) to see what their changes did, so figures of these lean to the good
  side. The scripts are the same under every seed; other seeds change voices, pace and noise.
- **Times of single words are not exact** in the truth (those of turns are), so nothing here says how well word times fit.
- Word-diarisation error counts only characters that were heard rightly; who said what was misheard is not judged.
- An error rate of characters is no measure of understanding: a wrong particle and a wrong amount count alike.
"""


def made(options: argparse.Namespace, seconds: float) -> dict[str, str]:
    """What must be known of a run to do it again: command, day, machine, versions, how long it took."""
    command = "python -m bench.speech " + shlex.join(arg for arg in sys.argv[1:])
    packages = ", ".join(f"{name} {version(name)}" for name in ("faster-whisper", "ctranslate2", "numpy"))
    return {"command": command.strip(), "date": time.strftime("%Y-%m-%d"), "machine": machine(), "versions": packages,
            "seed": str(options.seed), "took": f"{seconds / 60:.0f} min", "compute": options.compute}


def machine() -> str:
    """Cores, processor, memory, and the load that others put on it."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] \
        if info.exists() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (f"{cores} cores of {names[0] if names else platform.processor()}, {psutil.virtual_memory().total / 2**30:.0f} GB, "
            f"load at the end {os.getloadavg()[0]:.1f}, {platform.platform()}")


def page(facts: Mapping[str, str], truths: Sequence[Truth], reports: Mapping[str, Report]) -> str:
    """The whole page as Markdown."""
    minutes, calls = sum(truth.seconds for truth in truths) / 60, len({truth.script for truth in truths})
    speakers = {voice for truth in truths for voice in truth.voices}
    how = [("command", f"`{facts['command']}`"), ("date", facts["date"]), ("machine", facts["machine"]),
           ("versions", facts["versions"]), ("corpus", f"{len(truths)} recordings, {minutes:.0f} min, {calls} scripts, {len(speakers)} "
                                             f"speakers of {len({each.split('*')[0] for each in speakers})} voices, seed {facts['seed']}"),
           ("took", facts["took"])]
    parts = [INTRODUCTION, tables.table(("", ""), how).replace("---:", "---"), READING]
    parts += [section(model, report) for model, report in reports.items()]
    return "\n".join([*parts, LIMITS])


def section(model: str, report: Report, heading: str = "## ") -> str:
    """One model's tables and what is still bad with it."""
    out = [f"{heading}{model}, {report.runs['all'].compute}", "", *bad(report), ""]
    for title, table in report.tables().items():
        out += [f"### {title}", "", table, ""]
    return "\n".join(out)


def figures(report: Report) -> dict[str, float | None]:
    """What TARGETS asks for, by its names."""
    scores, truths = report.ours, report.truths
    groups = {name: total(scores[truth.name] for truth in truths if belongs(truth) and truth.name in scores)
              for name, belongs in tables.GROUPS}
    silent = [made for truth in report.silent if (made := report.runs["all"].heard.get(truth.name))]
    out: dict[str, float | None] = {
        "characters kept of the files in which nobody speaks": max(sum(len(turn.text) for turn in made.turns) for made in silent),
        "stereo calls with the roles right": groups["stereo"].roles_right,
        "mono calls with the roles right": groups["mono, all"].roles_right,
        **{f"WDER in {name}": groups[name].wder for name in ("mono, a woman and a man", "mono, two women", "mono, two men")},
    }
    out |= {name: found.value for name, found in losses(report).items()}
    runs = {run.contender: run for run in report.speed}
    if BATCHED in runs:
        whole: dict[str, Score] = {name: total(report.scores[name].values()) for name in (OURS, BATCHED)}
        pace = {name: runs[name].audio / runs[name].wall for name in whole}
        out["times the speed of faster-whisper's batched pipeline"] = pace[OURS] / pace[BATCHED]
        ours, theirs = whole[OURS].cer, whole[BATCHED].cer
        out["CER above that of faster-whisper's batched pipeline"] = None if ours is None or theirs is None else max(0, ours - theirs)
    return out


def losses(report: Report) -> dict[str, Lost]:
    """What the rules lose on the target's line, with intervals, by the names in TARGETS."""
    means: tuple[Mean, ...] = ("macro", "micro")
    return {f"rule F1 lost at 20 dB, stereo, {mean}": found for mean in means
            if JUDGED in report.rules and (found := report.rules[JUDGED].loss(mean)) is not None}


def bad(report: Report) -> list[str]:
    """Targets met and missed, and the worst of everything, in words."""
    found, chance = figures(report), losses(report)
    met, missed = [], []
    for name, wanted, more in TARGETS:
        value = found.get(name)
        if value is not None:
            good = value >= wanted if more else value <= wanted
            said = tables.lost(chance[name]) if name in chance else _figure(name, value)
            (met if good else missed).append(f"{name}: {said} (wanted: {'at least' if more else 'at most'} {_figure(name, wanted)})")
    lines = [f"**Targets met ({len(met)} of {len(met) + len(missed)})**: " + ("; ".join(met) or "none") + "."]
    lines += ["", "**Still bad**:", ""]
    lines += [f"- Missed: {each}." for each in missed] or ["- No target is missed on this set."]
    return lines + [f"- {each}" for each in worst(report)]


def _figure(name: str, value: float) -> str:
    if name.startswith(("times", "characters")):
        return f"{value:g}" if value == int(value) else f"{value:.2f}"
    return f"{value:.3f}" if name.startswith("rule F1") else percent(value)


def worst(report: Report) -> list[str]:
    """Sentences on the worst voice, line, call and confidence."""
    scores, truths = report.ours, [truth for truth in report.truths if truth.name in report.ours]
    out = []
    whole = total(scores.values())
    voices = {key.removeprefix("said ") for key in whole.errors if key.startswith("said ")}
    heard = sorted((whole.cer_of(voice) or 0.0, voice) for voice in voices if whole.errors[f"said {voice}"] > 200)
    if heard:
        out.append(f"The voice heard worst is {heard[-1][1]} with a CER of {percent(heard[-1][0])} over all lines; the best, {heard[0][1]}, "
                   f"has {percent(heard[0][0])}.")
    lines = {truth.condition for truth in truths}
    by_line = sorted((total(scores[truth.name] for truth in truths if truth.condition == line).cer or 0.0, line) for line in lines)
    out.append(f"The worst line is “{by_line[-1][1]}” with a CER of {percent(by_line[-1][0])}; {percent(whole.cer)} over all.")
    wrong = sorted(name for name, good in whole.roles if not good)
    if wrong:
        out.append(f"Roles swapped in {len(wrong)} of {len(whole.roles)} calls: {', '.join(wrong)}.")
    given = sorted(((scores[truth.name].wder or 0.0, truth.name) for truth in truths if truth.mono), reverse=True)[:3]
    if given:
        out.append("Mono calls with most words on the wrong side: " + ", ".join(f"{name} {percent(share)}" for share, name in given) + ".")
    lost = sorted(((_value(rules), line) for line, rules in report.rules.items() if line != "all"), reverse=True)
    if lost:
        out.append(f"The rules lose most on “{lost[0][1]}”: {lost[0][0]:.3f} of macro F1.")
    out += _rare(report)
    for name, rules in report.rules_by_agent.items():
        if name == "heard badly":
            out.append(f"Voices with a strong accent ({', '.join(report.badly)}): where the agent has one, the rules lose "
                       f"{_value(rules):.3f} of macro F1 in clean stereo; else {_loss(report, 'heard well')}.")
    failed = [truth.name for truth in report.truths if truth.name not in report.ours]
    if failed:
        out.append(f"No transcript at all of {', '.join(failed)}.")
    return out


def _loss(report: Report, name: str) -> str:
    return f"{_value(report.rules_by_agent[name]):.3f}" if name in report.rules_by_agent else "there are none"


def _value(rules: Rules, mean: Mean = "macro") -> float:
    found = rules.loss(mean)
    return found.value if found else 0.0


def _rare(report: Report) -> list[str]:
    """What rules with a case or two make of the macro figure, beside those whose figure says something by itself."""
    if (rules := report.rules.get(JUDGED)) is None:
        return []
    often, rare = rules.of(OFTEN), rules.of(0, 2)
    return [f"{JUDGED}: over the {len(often.names)} rules whose event is in {OFTEN} calls or more ({often.cases.sum():.0f} cases) "
            f"macro F1 lost is {tables.lost(often.loss())}; over the {len(rare.names)} whose event is in two calls at most "
            f"({rare.cases.sum():.0f} cases) it is {tables.lost(rare.loss())}, and each of these weighs as much in the figure over all rules."]


READING = f"""
How to read the tables:

- **CER**: characters wrong, missing or added over characters said; stereo channel by channel, mono all in one. Width, case, marks, traditional characters
  and the way of writing numbers are unified (一百二十九 = 129, 幺三八 = 138), fillers count. An announcement counts as speech.
- **WDER**: of the characters of agent and customer that were heard rightly, the share given to the other one (or to nobody). *Voices only*: with
  the better naming of the two in each call, so what telling voices apart costs without the roles.
- **DER**: missed, false and confused time over spoken time, 10 ms frames, turns as they stand in the transcript, overlaps count, best naming;
  without a collar, and with {tables.COLLAR:g} s around every true start and end left out.
- **Roles right**: calls in which more characters went to their own side than to the other.
- **Invented**: characters not said, at places at least 0.5 s from any turn of the channel, by minute of such places.
- **Rule F1**: *macro*: mean over rules of F1 on the rule's event against the script's verdicts; *micro*: all rules' counts together; *true words* scores
  the true transcript, *heard* the whole chain. *Lost*: the first less the second; in brackets 95 % of {DRAWS:,} draws of as many calls, each draw
  scored on both: how far other calls of the same kind could have moved it. A rule counts in a macro mean where its event is in a call or
  was found in one, so a single false alarm of a rule without a case is a whole rule with 0.
- **Speed**: seconds of audio a second of wall time of the whole process, start included; {OURS} stops at the transcript.
"""
