"""Which flow runs when: the deployments that `tingjian deploy` registers on a Prefect server and `tingjian serve` runs here.

`PLANNED` is the whole table. What is registered already and the same stays untouched, so deploying twice changes nothing; a
schedule that a person has paused in Prefect's pages stays paused.
"""
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.watching import HEARTBEAT, TAG, WATCH, Change, watch
from records import Problem
from settings import QUIET, Settings

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.deployments.runner import RunnerDeployment


class Planned(NamedTuple):
    """A deployment: its name, the flow (module and function), the setting of [schedule] with its time, its parameters by
    source and workspace, and what it is for."""

    name: str
    module: str
    flow: str
    parameters: Callable[[str, str], dict[str, Any]]
    what: str


PLANNED = (
    Planned("nightly", "flows.monitor", "monitor_calls", lambda source, workspace: {"source": source, "workspace": workspace},
            "All recordings that are not finished: transcripts, findings, draft scorecards"),
    Planned("pickup", "flows.monitor", "monitor_calls", lambda source, workspace: {"source": source, "workspace": workspace},
            "The same by day, so that calls are there soon"),
    Planned("sampling", "flows.scheduled", "sample_calls", lambda _, workspace: {"workspace": workspace},
            "The week's sampling plan, its calls in the review queue"),
    Planned("reports", "flows.scheduled", "make_report", lambda _, workspace: {"workspace": workspace}, "The daily report, on Mondays the week's and on the first the month's too"),
    Planned("appraisal", "flows.scheduled", "appraise", lambda _, workspace: {"workspace": workspace},
            "The appraisal of the month before"),
    Planned("retention", "flows.scheduled", "retain", lambda _, workspace: {"workspace": workspace},
            "Deletes what is past its time and not on hold; puts the lake's small files together"),
    Planned("rescore", "flows.scheduled", "rescore_calls", lambda _, workspace: {"workspace": workspace},
            "Scores all stored calls by the rules in force; on demand"),
)


def deployments(settings: Settings, pool: str | None = None) -> list[RunnerDeployment]:
    """The table as Prefect's objects; with a work pool for workers, without one to be served here.

    Raises Problem where [schedule] does not say source and workspace, or a time is not cron's."""
    from importlib import import_module

    from prefect.client.schemas.schedules import CronSchedule
    from prefect.deployments.runner import RunnerDeployment
    from prefect.types.entrypoint import EntrypointType
    from pydantic import ValidationError

    from flows.scheduled import asked

    source, workspace = asked(settings)
    made = []
    for one in PLANNED:
        cron = getattr(settings.schedule, one.name).strip()
        try:
            schedules: Any = [CronSchedule(cron=cron, timezone=settings.schedule.timezone)] if cron else None
        except ValidationError as fault:
            raise Problem(f'[schedule] {one.name} is "{cron}", no time of cron; write five fields such as "30 1 * * *", or "" '
                          "for never.") from fault
        made.append(RunnerDeployment.from_flow(
            getattr(import_module(one.module), one.flow), one.name, schedules=schedules, parameters=one.parameters(source, workspace),
            description=one.what, tags=[TAG], enforce_parameter_schema=True, entrypoint_type=EntrypointType.MODULE_PATH,
            work_pool_name=pool, job_variables={"env": environment()} if pool else None, concurrency_limit=1))
    return made


def environment() -> dict[str, str]:
    """What a run's process gets beside its worker's own environment: no telemetry, signs of life, and where the settings lie. No
    secrets: those are each worker's own."""
    where = Path(os.environ.get("TINGJIAN_SETTINGS", "tingjian.toml"))
    settings = {"TINGJIAN_SETTINGS": str(where.absolute())} if where.is_file() else {}
    return {**QUIET, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT), **settings}


def deploy(settings: Settings) -> list[tuple[str, Change]]:
    """Makes the work pool and registers the flows on the server of PREFECT_API_URL; says what that changed, pool first.

    Raises Problem when no server answers."""
    from prefect.client.orchestration import get_client

    address = server_address()
    with get_client(sync_client=True) as client:
        _answers(client, address)
        changes: list[tuple[str, Change]] = [(f"work pool {settings.schedule.pool}", _pool(client, settings)),
                                             (f"automation {WATCH}", watch(client))]
        for one in deployments(settings, settings.schedule.pool):
            there = _registered(client, one.full_name)
            if there is None or not _same(there, one):
                one.apply()
            changes.append((one.full_name, "made" if there is None else "unchanged" if _same(there, one) else "changed"))
    return changes


def server_address() -> str:
    """Where Prefect's server is. Raises Problem where nobody has said."""
    from prefect.settings import PREFECT_API_URL

    address = PREFECT_API_URL.value()
    if not address:
        raise Problem("There is no Prefect server to deploy to: start one (prefect server start), set "
                      "PREFECT_API_URL=http://HOST:4200/api, and run this again; or run everything on this machine with `tingjian serve`.")
    return str(address)


def _answers(client: SyncPrefectClient, address: str) -> None:
    import httpx
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        client._client.get("/admin/version", timeout=10.0).raise_for_status()
    except (httpx.HTTPError, PrefectHTTPStatusError, OSError) as fault:
        raise Problem(f"No Prefect server answers at {address} ({type(fault).__name__}: {fault}). Is it running, and is PREFECT_API_URL "
                      "right (it ends with /api)? `tingjian serve` needs no server.") from fault


def _pool(client: SyncPrefectClient, settings: Settings) -> Change:
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectNotFound

    limit = settings.schedule.at_once
    try:
        there = client.read_work_pool(settings.schedule.pool)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=settings.schedule.pool, type="process", concurrency_limit=limit,
                                               description="Tingjian's flows, a process a run"))
        return "made"
    if there.concurrency_limit == limit:
        return "unchanged"
    client.update_work_pool(settings.schedule.pool, WorkPoolUpdate(concurrency_limit=limit))
    return "changed"


def _registered(client: SyncPrefectClient, full_name: str) -> DeploymentResponse | None:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_deployment_by_name(full_name)
    except ObjectNotFound:
        return None


def _same(there: DeploymentResponse, planned: RunnerDeployment) -> bool:
    """Whether registering would change anything; whether a schedule is active is the server's to say."""
    def times(schedules: Any) -> list[tuple[str, str | None]]:
        return sorted((one.schedule.cron, one.schedule.timezone) for one in schedules or [])

    wanted = (planned.entrypoint, planned.parameters, planned.description, planned.tags, planned.work_pool_name, planned.job_variables,
              planned._parameter_openapi_schema.model_dump(exclude_unset=True), planned.enforce_parameter_schema,
              times(planned.schedules), planned.concurrency_limit)
    limit = there.global_concurrency_limit.limit if there.global_concurrency_limit else None
    held = (there.entrypoint, there.parameters, there.description, there.tags, there.work_pool_name, there.job_variables,
            there.parameter_openapi_schema, there.enforce_parameter_schema, times(there.schedules), limit)
    return wanted == held
