"""`tingjian review` starts the workbench; `tingjian audit` checks its log."""
from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from review.workbench.bench import Bench

ADMINISTRATOR = "admin"
KEPT_OPEN = 75          # seconds a connection stays open between two clicks; closed sooner, a save could be sent into one that just goes
Workspace = Annotated[Path, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")]


def review(workspace: Workspace,
           address: Annotated[str | None, typer.Option(help="Address to listen on; default: [review] address")] = None,
           port: Annotated[int | None, typer.Option(help="Port to listen on; default: [review] port")] = None,
           new_administrator: Annotated[bool, typer.Option(help="Print a one-time link for the administrator `admin` again, for who "
                                                                "has lost the password")] = False) -> None:
    """The review workbench, a web page: the queue, the calls with their sound, the cards to confirm.

    The first start makes the review database and prints two one-time links: for the administrator, and for a supervisor, whose
    opens on the calls (administrators may see none)."""
    import uvicorn

    from review.workbench.app import create_app, made_ready
    from review.workbench.bench import Bench
    from settings import Settings

    settings = Settings()
    bench = Bench.open(workspace, settings)
    host, at = address or settings.review.address, port or settings.review.port
    reached = (settings.review.url or f"http://{host}:{at}").rstrip("/")
    for login, does, link in _first_links(bench, new_administrator):
        typer.echo(f"{does} `{login}`: set a password at {reached}/welcome/{link} (once, within 24 hours), "
                   + ("then add the others under 人员." if login == ADMINISTRATOR else "and the calls open."))
    typer.echo(f"{bench.fill_queue()} calls are new in the queue.", err=True)
    app = create_app(bench)
    made_ready(bench)
    gc.collect()
    gc.freeze()     # rules, forms and models stay: no request pays for the collector's looking through them
    typer.echo(f"http://{host}:{at} is open; Ctrl-C ends it.", err=True)
    uvicorn.run(app, host=host, port=at, log_level="warning", server_header=False, timeout_keep_alive=KEPT_OPEN)


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


def _first_links(bench: Bench, again: bool) -> list[tuple[str, str, str]]:
    """Logins, what they are, and secrets of one-time links: the administrator where nobody has a password yet or `again` asks for it;
    at the very first start a supervisor beside, so that there is somebody who may look at the calls."""
    from sqlalchemy import func, select

    from store.reviews import audit, people
    from store.reviews.schema import Person

    with bench.database.writing() as session:
        first = not session.scalar(select(func.count()).select_from(Person))
        person = session.scalar(select(Person).where(Person.login == ADMINISTRATOR))
        if person and not again and session.scalar(select(Person).where(Person.password_hash.is_not(None)).limit(1)):
            return []
        person = person or people.add(session, "tingjian", ADMINISTRATOR, "管理员", "administrator")
        made = [(ADMINISTRATOR, "Administrator", people.one_time_link(session, person))]
        if first:
            lead = people.add(session, "tingjian", "supervisor", "主管", "supervisor")
            made.append(("supervisor", "Supervisor", people.one_time_link(session, lead)))
        for login, _, _ in made:
            audit.note(session, "tingjian", "link.made", login)
        return made
