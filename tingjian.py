"""The command line, `tingjian`: the front door. Commands stand beside what they command and are mounted here.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""
from __future__ import annotations

import importlib
import importlib.util
import os
import sys

import typer

from pipeline.memory import steady
from records import Problem
from settings import hush

app = typer.Typer(
    name="tingjian", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown",
    help="听检: recorded calls of a Chinese call centre to transcripts, findings and draft scorecards.")

# Command, module, function. An `app` is mounted as a group under its name; "rules backtest" joins the group `rules` above it.
COMMANDS = [
    ("run", "flows.commands", "run"),
    ("rescore", "flows.commands", "rescore"),
    ("deploy", "flows.deploy_commands", "deploy"),
    ("serve", "flows.deploy_commands", "serve"),
    ("health", "flows.health", "health"),
    ("retention", "flows.retention_commands", "retention"),
    ("hold", "flows.retention_commands", "app"),
    ("failed", "flows.failed", "failed"),
    ("worker", "flows.cluster", "worker"),
    ("retry", "flows.failed", "retry"),
    ("show", "review.commands", "show"),
    ("page", "review.commands", "page"),
    ("export", "review.commands", "export"),
    ("review", "review.workbench.commands", "review"),
    ("audit", "review.workbench.commands", "audit"),
    ("sample", "review.sample_command", "sample"),
    ("appraisal", "review.appraisal_command", "appraisal"),
    ("complaints", "review.complaints_command", "complaints"),
    ("learn", "review.learn_command", "learn"),
    ("score", "pipeline.commands", "score"),
    ("mask", "pipeline.mask_command", "mask"),
    ("rules", "rules.commands", "app"),
    ("rules backtest", "review.backtest", "backtest"),
    ("trends", "review.trends", "trends"),
    ("report", "review.report", "report"),
    ("evaluate", "flows.evaluate", "evaluate_command"),
    ("key", "store.commands", "app"),
    ("compact", "store.commands", "compact"),
    ("person", "review.person_commands", "app"),
    ("doctor", "models.commands", "doctor"),
    ("models", "models.commands", "app"),
]


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and end")) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("tingjian"))
        raise typer.Exit


def _mount() -> None:
    groups: dict[str, typer.Typer] = {"": app}
    for path, module, function in COMMANDS:
        if importlib.util.find_spec(module) is None:
            continue
        command = getattr(importlib.import_module(module), function)
        group, _, name = path.rpartition(" ")
        if isinstance(command, typer.Typer):
            groups[path] = command
            groups[group].add_typer(command, name=name)
        else:
            groups[group].command(name)(command)


_mount()


def main() -> None:
    """Runs a command. What the user can mend is one message and exit code 2; a full pipe (`| head`) is no error."""
    hush()
    steady()
    try:
        app()
    except Problem as problem:
        _end(str(problem))
    except KeyboardInterrupt:
        _end("Stopped. Finished batches are kept; the same command goes on where this one ended.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as fault:
        message = _of_settings(fault)
        if message is None:
            raise
        _end(message)


def _end(message: str, code: int = 2) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)


def _of_settings(fault: Exception) -> str | None:
    """A mistake in tingjian.toml or the environment as one message with the key; None for other faults."""
    import tomllib

    from pydantic import ValidationError

    from settings import SecretInFile

    where = os.environ.get("TINGJIAN_SETTINGS", "tingjian.toml")
    if isinstance(fault, SecretInFile):
        return str(fault)
    if isinstance(fault, tomllib.TOMLDecodeError):
        return f"{where} is not TOML: {fault}"
    if not isinstance(fault, ValidationError) or fault.title != "Settings":
        return None
    wrong = [
        f"{'.'.join(map(str, error['loc']))}: "
        + ("there is no such setting" if error["type"] == "extra_forbidden" else f"{error['msg']}, not {error['input']!r}")
        for error in fault.errors()]
    return f"Settings ({where} or TINGJIAN_… of the environment): " + "; ".join(wrong) + ". docs/settings.md lists them all."


if __name__ == "__main__":
    main()
