"""`tingjian evaluate FILE…`: the rule pack against calls that a person has labelled, on clean text and with simulated noise.

Mounted by tingjian.py: `app.command("evaluate")(flows.evaluate.evaluate_command)`. It stands here because it brings
together the scorer (pipeline) and the measuring (insight), which do not know each other.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from records import Draft, Problem, Transcript
from settings import Settings

if TYPE_CHECKING:
    from insight.evaluation import Evaluation, LabelledCall

WIDTH = 160  # columns the tables need


def evaluate_command(
    files: Annotated[list[Path], typer.Argument(help="JSON Lines of {transcript, gold: {verdicts, evidence, score?}}")],
    noise: Annotated[float, typer.Option(help="Also measure with this share of characters wrong, such as 0.1")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the noise")] = 7,
    organisations: Annotated[Path | None, typer.Option(
        help="Text file, a company name a line, for calls that do not say whom the agent answers for")] = None,
    mistakes: Annotated[bool, typer.Option("--mistakes", help="Also list every verdict that differs from gold")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables")] = False,
) -> None:
    """Precision, recall, kappa and Gwet's AC1 of every rule on labelled calls, with macro and micro means."""
    from insight.evaluation import read_labelled
    from pipeline.scorecard import Scorer

    settings = Settings()
    if organisations:
        names = read_names(organisations)
        settings = settings.model_copy(update={"scoring": settings.scoring.model_copy(update={"organisations": names})})
    calls = read_labelled(files)
    scorer = Scorer.from_settings(settings)
    results = measure(calls, scorer.draft, noise, seed)
    if as_json:
        print(json.dumps({"rules_version": scorer.version, **{name: one.as_dict() for name, one in results.items()}},
                         ensure_ascii=False))
    else:
        _print(results, files, mistakes)


def measure(calls: Sequence[LabelledCall], draft: Callable[[Transcript], Draft], noise: float = 0.0,
            seed: int = 7) -> dict[str, Evaluation]:
    """Evaluations by name: `clean`, and with noise above 0 also `noise 0.1 seed 7` over the same calls made noisy."""
    from insight.evaluation import evaluate
    from insight.noise import noisy

    results = {"clean": evaluate(calls, [draft(call.transcript) for call in calls])}
    if noise:
        drafts = [draft(noisy(call.transcript, noise, seed)) for call in calls]
        results[f"noise {noise:g} seed {seed}"] = evaluate(calls, drafts)
    return results


def read_names(path: Path) -> list[str]:
    """Names from a UTF-8 text file, one a line. Raises Problem when it cannot be read."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{path}: cannot be read ({error}); give a UTF-8 file with one company name a line") from error


def _print(results: dict[str, Evaluation], files: Sequence[Path], mistakes: bool) -> None:
    from rich.console import Console

    from insight.evaluation_table import print_evaluation, print_mistakes

    console = Console(soft_wrap=True)
    if not console.is_terminal:  # a file or pipe has no width of its own, and 80 columns would cut the figures off
        console = Console(soft_wrap=True, width=WIDTH)
    for name, result in results.items():
        print_evaluation(result, f"{', '.join(path.name for path in files)}, {name}", console)
        if mistakes:
            print_mistakes(result, console)
        console.print()
