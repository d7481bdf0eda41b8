"""Runs that died: Prefect holds them for "Running" for ever, and with that the place of the next one is taken.

Two ways to find them, both of `tingjian serve`; a server of the user's (`tingjian deploy`), whose runs may be on any machine, has the
first alone:

- `watch`: an automation of the server, which marks a run as crashed that gives no sign of life for SILENT seconds;
- `bury`: at the start of `serve`, whose runs are all on this machine, those that no process carries any more, at once.

A run that is held for dead and lives all the same goes on, and its end is recorded: the lake, never Prefect, says what is done.
"""
from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

TAG = "tingjian"
WATCH = "tingjian: runs whose machine died"
HEARTBEAT, SILENT = 30, 180     # seconds between the signs of life of a run, and without one until it counts as dead
GONE = "its process or machine is gone. The next run goes on where it ended."
RUN = b"PREFECT__FLOW_RUN_ID="  # in the environment of a run's process
PROCESSES = Path("/proc")
Change = Literal["made", "changed", "unchanged"]


def watch(client: SyncPrefectClient) -> Change:
    """Makes the automation, or puts it right; one that a person has paused stays paused."""
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    told_dead: list[Any] = [ChangeFlowRunState(
        name=None, state=StateType.CRASHED, force=False, message=f"No sign of life for {SILENT} s: {GONE}")]
    wanted = AutomationCore(
        name=WATCH, description="Made by Tingjian: frees the place of a run that gives no sign of life any more",
        trigger=EventTrigger(
            after={"prefect.flow-run.Pending", "prefect.flow-run.Running", "prefect.flow-run.heartbeat"}, expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}),
            for_each={"prefect.resource.id"}, posture=Posture.Proactive, threshold=1, within=timedelta(seconds=SILENT)),
        actions=told_dead)
    there = client.read_automations_by_name(WATCH)
    if not there:
        client.create_automation(wanted)
        return "made"
    told = {name: True for name in AutomationCore.model_fields if name != "enabled"}        # pausing it is the server's to say
    if there[0].model_dump(include=told, exclude={"trigger": {"id"}}) == wanted.model_dump(include=told, exclude={"trigger": {"id"}}):
        return "unchanged"
    client.delete_automation(there[0].id)
    client.create_automation(wanted)
    return "changed"


def bury(client: SyncPrefectClient) -> int:
    """Marks as crashed what of our runs is under way by the records, and no process of this machine carries; how many. Only for a server
    whose runs are all here. Where a machine does not tell of its processes (no /proc), nothing: the automation finds them."""
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
        FlowRunFilterTags,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    if not (PROCESSES / "self" / "environ").is_file():
        return 0
    under_way = FlowRunFilter(tags=FlowRunFilterTags(all_=[TAG]), state=FlowRunFilterState(type=FlowRunFilterStateType(
        any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])))
    seen, dead = carried(), 0
    while found := [str(one.id) for one in client.read_flow_runs(flow_run_filter=under_way) if str(one.id) not in seen]:   # page by page
        for one in found:
            client.set_flow_run_state(UUID(one), Crashed(message=f"Found at the start of tingjian serve: {GONE}"), force=True)
        seen |= set(found)
        dead += len(found)
    return dead


def carried() -> set[str]:
    """Ids of the runs that processes of this machine carry, as far as this user may see."""
    found = set()
    for process in PROCESSES.glob("[0-9]*"):
        with suppress(OSError):         # ended meanwhile, or another user's
            found |= {told.removeprefix(RUN).decode() for told in (process / "environ").read_bytes().split(b"\0") if told.startswith(RUN)}
    return found
