"""`tingjian deploy` and `tingjian serve`: the flows on a schedule, on a Prefect server or on this machine alone."""
from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from flows.engine import Server
    from settings import Settings


def deploy() -> None:
    """Register the scheduled flows ([schedule] in tingjian.toml) on a Prefect server; again changes only what differs."""
    from flows.engine import prepare
    from settings import Settings

    settings = Settings()
    prepare(settings)
    from flows.deployments import deploy as register

    for name, change in register(settings):
        typer.echo(f"{change:>9}  {name}")
    typer.echo(f"Workers take the runs: prefect worker start --pool {settings.schedule.pool}", err=True)


def serve(verbose: bool = typer.Option(False, "--verbose", help="Show Prefect's and the stages' logs")) -> None:
    """Run the scheduled flows on this machine until stopped: a Prefect server, its pages and the runs, nothing else needed."""
    from flows.engine import Server, lasting
    from records import Problem
    from settings import Settings

    settings = Settings()
    with Server(settings, verbose, lasting=True) as server:
        address = server.address()
        if address is None:
            raise Problem(f"Prefect's server did not start on port {settings.schedule.port}: is something else there? Set another "
                          "[schedule] port, or look at what listens with: ss -ltnp.")
        with lasting(address):
            _watch(server)
            _serve(settings, address)


def _watch(server: Server) -> None:
    """Runs that died with the `serve` before this one, or die while it goes on, give their place back."""
    from prefect.client.orchestration import get_client

    from flows.watching import bury, watch

    with get_client(sync_client=True) as client:
        watch(client)
        dead = bury(client) if server.own else 0
    if dead:
        typer.echo(f"{dead} runs had been cut short and are marked as crashed; the next ones go on where they ended.", err=True)


def _serve(settings: Settings, address: str) -> None:
    from flows.deployments import deployments

    planned = deployments(settings)
    for one in planned:
        times = ", ".join(str(when.schedule.cron) for when in one.schedules or []) or "on demand"      # type: ignore[union-attr]
        typer.echo(f"{one.name:>10}  {times:<16} {one.description}", err=True)
    typer.echo(f"Times are {settings.schedule.timezone}. Pages: {address.removesuffix('/api')}. Ctrl-C ends it; runs go on where they "
               "ended when it starts again.", err=True)
    from prefect import serve as run

    from flows.exporting import answering
    from flows.scheduled import asked

    with answering(settings, asked(settings)[1]):
        run(*planned, limit=settings.schedule.at_once, pause_on_shutdown=False, print_starting_message=False)
