"""Markdown tables of a benchmark: plain functions from figures to text."""
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from bench.speech import quiet
from bench.speech.contenders import OURS, Run
from bench.speech.lines import CONDITIONS
from bench.speech.measures import COLLAR, reliability
from bench.speech.scoring import CLEAN, Score, total
from bench.speech.truth import Truth
from bench.speech.verdicts import OFTEN, Lost, Rules

GROUPS = (      # of calls, by layout and whether the two voices are of one sex
    ("stereo", lambda truth: not truth.mono),
    ("mono, all", lambda truth: truth.mono),
    ("mono, a woman and a man", lambda truth: truth.mono and not truth.alike),
    ("mono, two women", lambda truth: truth.mono and truth.alike == "women"),
    ("mono, two men", lambda truth: truth.mono and truth.alike == "men"),
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its first column text, the others figures."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}%}".replace("%", " %")


def number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def speed(runs: Sequence[Run], truths: Sequence[Truth], scores: Mapping[str, Mapping[str, Score]]) -> str:
    """Contenders over the same stereo files, one after the other."""
    rows = []
    for run in runs:
        found = total(scores[run.contender][truth.name] for truth in truths if truth.name in scores[run.contender])
        rows.append((run.contender, number(run.audio / run.wall, 1), number(run.audio / (run.wall - run.loading), 1),
                     number(run.audio / run.cpu, 1), f"{run.peak / 2**20:,.0f}", percent(found.cer),
                     number(found.invented_a_minute, 1)))
    return table(("", "audio s a second", "… models loaded", "… a CPU second", "peak MB", "CER",
                  "invented characters a quiet minute"), rows)


def conditions(truths: Sequence[Truth], scores: Mapping[str, Score], rules: Mapping[str, Rules]) -> str:
    """What the line does to the words, and to the rules."""
    rows = []
    for condition in [*(name for name in CONDITIONS if name in {truth.condition for truth in truths}), "all"]:
        found = total(scores[truth.name] for truth in truths if condition in (truth.condition, "all") and truth.name in scores)
        seen = rules[condition]
        rows.append((condition, str(found.calls), number(found.seconds / 60, 0), percent(found.cer),
                     *(percent(_share(found.errors[kind], found.errors["said"])) for kind in ("wrong", "missing", "added")),
                     number(found.invented_a_minute, 1), *_f1(seen)))
    return table(("line", "calls", "min", "CER", "wrong", "missing", "added", "invented a quiet min", *F1), rows)


def by_agent(rules: Mapping[str, Rules], badly: Collection[str]) -> str:
    """Rules apart for calls of agents whose voice the recogniser hears well, and of those with a strong accent."""
    rows = [(f"agent {name}" + (f" ({', '.join(badly)})" if name == "heard badly" else ""), str(seen.calls),
             *_f1(seen), percent(seen.waiting)) for name, seen in rules.items()]
    return table(("", "calls", *F1, "left to a person"), rows)


F1 = ("macro F1, true words", "… heard", "… lost", "micro F1, true words", "… heard", "… lost")


def _f1(seen: Rules) -> list[str]:
    """The columns F1."""
    return [cell for mean in ("macro", "micro")
            for cell in (number(seen.f1(seen.true, mean), 3), number(seen.f1(seen.heard, mean), 3), lost(seen.loss(mean)))]


def lost(found: Lost | None) -> str:
    """F1 lost with its interval: "0.122 (0.061–0.190)"."""
    return "–" if found is None else f"{found.value:.3f} ({found.low:.3f}–{found.high:.3f})".replace("(-", "(−").replace("–-", "–−")


CASES = ((f"in {OFTEN} calls or more", OFTEN, float("inf")), (f"in 3 to {OFTEN - 1}", 3, OFTEN - 1), ("in 1 or 2", 1, 2),
         ("in none: false alarms alone", 0, 0), ("all rules", 0, float("inf")))


def by_cases(rules: Rules) -> str:
    """Rules apart by how many calls have their event: what a macro mean makes of rules with a case or two."""
    rows = []
    for name, fewest, most in CASES:
        some = rules.of(fewest, most)
        rows.append((name, str(len(some.names)), number(some.cases.sum(), 0), *_f1(some)))
    return table(("a rule's event is", "rules", "cases", *F1), rows)


def rules_that_lose(rules: Rules) -> str:
    """Every rule that is judged otherwise on what was heard: cases by gold, and what was found and wrongly found."""
    true, heard = rules.true.sum(axis=1), rules.heard.sum(axis=1)
    rows = []
    for at in sorted(range(len(rules.names)), key=lambda each: (-rules.cases[each], rules.names[each])):
        if (true[:, at] != heard[:, at]).any():
            rows.append((rules.names[at], *(number(count, 0) for count in (
                rules.cases[at], true[0, at], heard[0, at], true[1, at], heard[1, at]))))
    return table(("rule", "calls with the event", "found, true words", "… heard", "false alarms, true words", "… heard"), rows)


def speakers(truths: Sequence[Truth], scores: Mapping[str, Score]) -> str:
    """Who said what."""
    rows = []
    for name, belongs in GROUPS:
        found = total(scores[truth.name] for truth in truths if belongs(truth) and truth.name in scores)
        if found.calls:
            said = found.interjections["said"]
            rows.append((name, str(found.calls), percent(found.wder), percent(found.wder_best), percent(found.der(0.0)),
                         percent(found.der(COLLAR)), f"{sum(good for _, good in found.roles)} of {len(found.roles)}",
                         percent(found.roles_right), percent(_share(found.interjections["heard"], said)),
                         percent(_share(found.interjections["placed"], said)), percent(found.announced)))
    return table(("", "calls", "WDER", "… voices only", "DER", f"DER, {COLLAR:g} s collar", "roles right", "",
                  "back-channels heard", "… and placed", "announcement to neither side"), rows)


def voices(truths: Sequence[Truth], scores: Mapping[str, Score]) -> str:
    """Error rate of each voice, stereo calls at 20 dB and more, the shifted ones beside the plain ones."""
    clean = [truth for truth in truths if truth.condition in CLEAN and truth.name in scores]
    found = total(scores[truth.name] for truth in clean)
    names = sorted({key.removeprefix("said ") for key in found.errors if key.startswith("said ")})
    plain = sorted({name.split("*")[0] for name in names})
    rows = []
    for name in plain:
        own = [each for each in names if each.split("*")[0] == name]
        said, wrong = (sum(found.errors[f"{kind} {each}"] for each in own) for kind in ("said", "error"))
        shifts = ", ".join(f"{each.split('*')[1]}: {percent(found.cer_of(each))}" for each in own if "*" in each)
        rows.append((name, str(said), percent(_share(wrong, said)), percent(found.cer_of(name)), shifts or "–"))
    return table(("voice", "characters", "CER", "… as it is", "… shifted"), rows)


def silence(truths: Sequence[Truth], heard: Mapping[str, Run]) -> str:
    """Characters kept of the files in which nobody speaks, by what is heard there."""
    rows = []
    for contender, run in heard.items():
        for truth in truths:
            made = run.heard.get(truth.name)
            kept = made.turns if made else ()
            characters = sum(len(turn.text) for turn in kept)
            where: Counter[str] = Counter()
            for turn in kept:
                middle = ((turn.start or 0.0) + (turn.end or 0.0)) / 2
                sounds = (sound.kind for sound in truth.sounds
                          if sound.channel == (turn.channel or 0) and sound.start <= middle < sound.end)
                where[next(sounds, "the end")] += len(turn.text)
            minutes = truth.seconds / 60 * len(truth.channels)
            removed = sum(len(each.text) for each in made.removed) if made and contender == OURS else 0
            rows.append((f"{contender}, {'mono' if truth.mono else 'stereo'}", number(minutes, 0), str(characters),
                         number(characters / minutes, 2), str(removed) if contender == OURS else "–",
                         ", ".join(f"{kind} {count}" for kind, count in sorted(where.items())) or "–"))
    return table((quiet.CONDITION, "minutes", "characters kept", "a minute", "taken out by guards", "where"), rows)


def confidence(truths: Sequence[Truth], scores: Mapping[str, Score]) -> tuple[str, float]:
    """The reliability table of word confidences, and the expected calibration error."""
    rows, error = reliability(total(scores[truth.name] for truth in truths if truth.name in scores).confidences)
    return table(("confidence", "words", "mean confidence", "right"),
                 [(f"{low:.1f}–{high:.1f}", str(words), number(sure, 3), number(good, 3))
                  for low, high, words, sure, good in rows]), error
