"""`tingjian review` starts the workbench; `tingjian audit` checks its log."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Workspace = Annotated[Path, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")]


def review(workspace: Workspace,
           address: Annotated[str | None, typer.Option(help="Address to listen on; default: [review] address")] = None,
           port: Annotated[int | None, typer.Option(help="Port to listen on; default: [review] port")] = None,
           new_administrator: Annotated[bool, typer.Option(help="Print a one-time link for the administrator `admin` again, for who "
                                                                "has lost the password")] = False) -> None:
    """The review workbench, a web page: the queue, the calls with their sound, the cards to confirm.

    The first start makes the review database and prints a one-time link for the administrator."""
    import uvicorn

    from review.workbench.app import create_app
    from review.workbench.bench import Bench
    from settings import Settings

    settings = Settings()
    bench = Bench.open(workspace, settings)
    host, at = address or settings.review.address, port or settings.review.port
    if link := _administrator(bench, new_administrator):
        typer.echo(f"Administrator `admin`: set a password at http://{host}:{at}/welcome/{link} (once, within 24 hours), "
                   "then add the others under 人员.")
    typer.echo(f"{bench.fill_queue()} calls are new in the queue.", err=True)
    typer.echo(f"http://{host}:{at} is open; Ctrl-C ends it.", err=True)
    uvicorn.run(create_app(bench), host=host, port=at, log_level="warning", server_header=False)


def audit(workspace: Workspace,
          known: Annotated[str | None, typer.Option(help="A hash that an earlier check printed: it must still be in the chain")] = None,
          ) -> None:
    """Checks the chain of the audit log; exit code 1 where an entry was changed, added or taken out."""
    from settings import Settings
    from store.reviews.audit import verify
    from store.reviews.database import Database

    with Database.open(workspace, Settings().review.database).reading() as session:
        checked = verify(session, known)
    if checked.broken_at is not None:
        typer.echo(f"The log is not as it was written: entry {checked.broken_at} does not fit the one before it"
                   + (f", or no entry carries the hash {known}" if known else "") + ".", err=True)
        raise typer.Exit(1)
    typer.echo(f"{checked.entries} entries fit together; the last hash is {checked.last}")


def _administrator(bench: object, again: bool) -> str | None:
    """The secret of a link for the first administrator, where there is none yet or `again` asks for it."""
    from sqlalchemy import select

    from review.workbench.bench import Bench
    from store.reviews import people
    from store.reviews.schema import Person

    assert isinstance(bench, Bench)
    with bench.database.writing() as session:
        there = session.scalar(select(Person).where(Person.login == "admin"))
        if there and not again and session.scalar(select(Person).where(Person.password_hash.is_not(None)).limit(1)):
            return None
        person = there or people.add(session, "tingjian", "admin", "管理员", "administrator")
        return people.one_time_link(session, person)
