"""`tingjian person find | export | erase`: the rights of a customer or an agent over what is held of them."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from review.person import Found, Who
    from store.lake import Lake
    from store.reviews.database import Database

app = typer.Typer(help="What is held of one customer or agent: found, handed out, erased.")
Workspace = Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")]
Customer = Annotated[str | None, typer.Option(help="A customer's name, as the manifest writes it")]
Phone = Annotated[str | None, typer.Option(help="A phone, card or ID number that was said in the calls")]
Agent = Annotated[str | None, typer.Option(help="An agent's staff number")]
Mentioned = Annotated[bool, typer.Option("--mentioned", help="With --customer: also calls in which the name is only said")]


@app.command()
def find(workspace: Workspace, customer: Customer = None, phone: Phone = None, agent: Agent = None, mentioned: Mentioned = False) -> None:
    """List the calls of a person, their recordings, and the exports that tell of them; nothing is changed."""
    _, _, found = _found(workspace, customer, phone, agent, mentioned)
    for call_id in found.calls:
        typer.echo(f"{call_id}  {found.recordings[call_id]}{'  (legal hold)' if call_id in found.held else ''}")
    for call_id in found.mentions:
        typer.echo(f"{call_id}  only says the name; --mentioned takes it along")
    for one in found.exports:
        typer.echo(f"{one.path}  exported {one.at}")
    typer.echo(f"{len(found.calls)} calls, {found.cards} cards, {len(found.exports)} exports, {len(found.held)} on legal hold", err=True)


@app.command()
def export(workspace: Workspace, out: Annotated[Path, typer.Option("--out", "-o", help="The zip to write")], customer: Customer = None,
           phone: Phone = None, agent: Agent = None, mentioned: Mentioned = False) -> None:
    """Write all that is held of a person into a zip: transcripts, drafts, recordings, what reviewers decided; in full, and logged."""
    from review.person import bundle

    lake, database, found = _found(workspace, customer, phone, agent, mentioned)
    typer.echo(f"{out}: {bundle(lake, database, found, out, _me())} files about {len(found.calls)} calls")


@app.command()
def erase(workspace: Workspace, reason: Annotated[str, typer.Option(help="Why, such as the number of the request; no names: it stays in the log")],
          customer: Customer = None, phone: Phone = None, agent: Agent = None, mentioned: Mentioned = False,
          yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only tell what would go")] = False) -> None:
    """Delete all that is held of a person, but for what is on legal hold, and print the certificate, which the workspace keeps."""
    from review.person import erase as erase_person
    from review.person import readable

    lake, database, found = _found(workspace, customer, phone, agent, mentioned)
    if not yes:
        typer.echo(f"{len(found.calls) - len(found.held)} calls would be erased with their recordings, {found.cards} cards and {len(found.exports)} "
                   f"exports cleaned; {len(found.held)} are on legal hold. Add --yes to do it.", err=True)
        return
    with lake.writing():
        typer.echo(readable(erase_person(lake, database, found, _me(), reason)), nl=False)


def _found(workspace: str, customer: str | None, phone: str | None, agent: str | None, mentioned: bool) -> tuple[Lake, Database | None, Found]:
    from review import person
    from settings import Settings
    from store.lake import Lake
    from store.reviews.database import FILE, Database

    who = _who(customer, phone, agent)
    lake, url = Lake.open(workspace), Settings().review.database
    database = Database.open(lake.root, url) if url or (lake.root / FILE).exists() else None
    return lake, database, person.find(lake, database, who, mentioned)


def _who(customer: str | None, phone: str | None, agent: str | None) -> Who:
    from records import Problem
    from review.person import Who

    if customer and not (phone or agent):
        return Who("customer", customer)
    if phone and not (customer or agent):
        return Who("phone", phone)
    if agent and not (customer or phone):
        return Who("agent", agent)
    raise Problem("Whose data? Give one of --customer NAME, --phone NUMBER, --agent STAFF-NUMBER.")


def _me() -> str:
    import getpass

    return f"{getpass.getuser()}@terminal"[:64]
