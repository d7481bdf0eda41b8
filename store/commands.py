"""`tingjian key new` and `tingjian key rotate`: the keys that a workspace is sealed with; `tingjian compact`: its files."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Keys that words, names and sound are sealed with at rest.")
Workspace = Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")]


def compact(workspace: Workspace) -> None:
    """Put the small files of many batches together, so that reading is quick. Beside runs and readers; safe to stop and run again."""
    from store.compacting import WORK, compact
    from store.lake import Lake

    lake = Lake.open(workspace)
    with lake.running(WORK):
        done = compact(lake, lambda line: typer.echo(line, err=True))
    typer.echo(str(done))


@app.command()
def new(file: Annotated[Path, typer.Argument(help="The file to write; keep it apart from the workspace and its backups")]) -> None:
    """A new key in a file that only you can read. Without it what it sealed cannot be read by anybody: keep a copy in a safe."""
    from store.sealing import new_key

    typer.echo(f"{file}: key {new_key(file)}. Name it as key_file under [encryption] in tingjian.toml.")


@app.command()
def rotate(workspace: Workspace) -> None:
    """Everything sealed anew with the key of [encryption], old keys being among old_key_files; without a key everything is opened.

    Also seals a workspace that was not. Safe to run again; stopped, it goes on where it ended."""
    from settings import Settings
    from store.lake import Lake
    from store.resealing import reseal
    from store.reviews.database import Database

    lake = Lake.open(workspace)
    database = Database.open(lake.root, Settings().review.database)
    with lake.writing():
        done = reseal(lake, database)
    with_what = f"sealed with the key {lake.keys.current}" if lake.keys.current else "no longer sealed"
    typer.echo(f"{workspace} is {with_what}: {done.rows} rows of the lake, {done.values} rows of the review database; {done.copies} playable "
               "copies were removed and are made again when somebody listens.")
