"""`tingjian doctor` and `tingjian models`."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(no_args_is_help=True, help="The models that Tingjian knows: list them, fetch their weights.")
STATES = {"pinned": "here, pinned hash", "recorded": "here, hash recorded when converted", "absent": "–",
          "refused": "REFUSED: wrong files"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON")] = False) -> None:
    """What this machine has, which models are here, what will be used and why, and what is missing.

    Exit code 2 when `tingjian run` could not work, else 0.
    """
    import json

    from models.doctor import examine
    from settings import Settings
    report = examine(Settings())
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        _show(report)
    raise typer.Exit(2 if report["problems"] else 0)


@app.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help="The list as JSON")] = False) -> None:
    """All known models: what for, how big, under which licence, and whether their weights are here."""
    import json

    from models.doctor import examine
    from settings import Settings
    models = examine(Settings())["models"]
    if as_json:
        typer.echo(json.dumps(models, ensure_ascii=False, indent=1))
    else:
        _model_table(_console(), models, licence=True)


@app.command("fetch")
def fetch(
    names: Annotated[list[str], typer.Argument(help="Models by name, such as whisper-base pyannote ecapa")],
    into: Annotated[Path | None, typer.Option(help="Folder to put them in, for a machine without a network")] = None,
) -> None:
    """Fetches the weights of models and compares every hash. What is here and right is not fetched again.

    Prints one folder a line. With --into, copy that folder and set TINGJIAN_MODELS__DIRECTORY to it on the other machine.
    """
    from models import shelf
    from settings import Settings
    models = Settings().models
    for name in names:
        typer.echo(shelf.copy(name, models, into) if into else shelf.locate(name, models))


def _console() -> Console:
    from rich.console import Console
    return Console(highlight=False, soft_wrap=True)


def _show(report: dict[str, Any]) -> None:
    from rich.table import Table

    from models.doctor import OPTIONAL
    console = _console()
    here, plan, voices = report["machine"], report["recognition"], report["diariser"]
    memory = f"{here['memory'] / 1e9:.1f} GB of memory free" if here["memory"] else "memory unknown"
    console.print(f"Python {report['python']} · {here['processor']}, {here['cores']} cores, {memory} · "
                  f"{', '.join(here['gpus']) or 'no GPU'}")
    table = Table("package", "version", "")
    for name, version in report["packages"].items():
        extra = f"optional: tingjian[{OPTIONAL[name]}]" if name in OPTIONAL else ""
        table.add_row(name, version or "–", extra if not version else "")
    console.print(table)
    _model_table(console, report["models"])
    console.print(f"Recogniser: {plan['recogniser']}: {plan['chosen']}. Confidences of words: {plan['confidence']}.", markup=False)
    console.print(f"Recognition: on {plan['device']}, {plan['compute_type']}, {plan['workers']} × {plan['threads']} thread, "
                  f"batches of {plan['batch']}: {plan['why']}.", markup=False)
    console.print(f"Speakers of mono calls: {voices['name']} ({voices['embedding']} embeddings): {voices['why']}.",
                  markup=False)
    console.print("ffmpeg is not needed: recordings are decoded by the av package.", markup=False)
    for name, value in report["environment"].items():
        console.print(f"{name} = {value}", markup=False)
    for line in report["advice"]:
        console.print(f"Advice: {line}", markup=False)
    for line in report["problems"]:
        console.print(f"Problem: {line}", markup=False)
    console.print("`tingjian run` cannot work." if report["problems"] else "All that `tingjian run` needs is here or can be "
                  "fetched.", markup=False)


def _model_table(console: Console, models: dict[str, Any], licence: bool = False) -> None:
    """Fits 80 columns. Where weights lie is told by `models fetch` and with --json."""
    from rich.table import Table
    table = Table("model", "for", "MB", "weights", *(["licence"] if licence else []))
    for column in table.columns[:4]:
        column.no_wrap = True
    for name, entry in models.items():
        table.add_row(name, entry["kind"], f"{entry['size'] / 1e6:,.0f}", STATES[entry["state"]],
                      *([entry["licence"]] if licence else []))
    console.print(table)
