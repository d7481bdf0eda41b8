"""The scheduled flows on a real Prefect server: registered once, with their times, typed parameters and no telemetry."""
from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows import deployments, job, scheduled, watching
from flows.job import Job
from records import Problem
from settings import QUIET, Settings
from store.lake import Lake
from tests.hooked import listening
from tests.stand_ins import StubScorer, StubTranscriber

TIMES = {"nightly": "30 1 * * *", "rescore": ""}


def told(**sections: Any) -> Settings:
    schedule = {"source": "/data/recordings", "workspace": "/data/quality", **TIMES, **sections.pop("schedule", {})}
    return Settings.model_validate({"schedule": schedule, **sections})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server that `tingjian serve` starts, with schedules, on a free port; gives its address."""
    with socket.socket() as free, pytest.MonkeyPatch.context() as patch:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        for name in [name for name in os.environ if name.startswith("PREFECT_")] + list(QUIET):
            patch.delenv(name, raising=False)
        free.close()
        home = tmp_path_factory.mktemp("prefect")
        from flows.engine import Server, lasting

        settings = told(schedule={"port": port}, monitoring={"prefect_home": str(home)})
        with Server(settings, lasting=True) as started:
            address = started.address()
            assert address is not None and address == f"http://127.0.0.1:{port}/api"
            with lasting(address):
                yield address
        for name in [name for name in os.environ if name.startswith("PREFECT_")] + list(QUIET):
            patch.delenv(name, raising=False)


@pytest.fixture
def client(server: str) -> Iterator[Any]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as opened:
        yield opened


def test_deploying_registers_each_flow_with_its_time_and_deploying_again_changes_nothing(client: Any) -> None:
    first = deployments.deploy(told())
    assert {change for _, change in first} == {"made"} and len(first) == 2 + len(deployments.PLANNED)
    assert {change for _, change in deployments.deploy(told())} == {"unchanged"}
    assert [one.enabled for one in client.read_automations_by_name(deployments.WATCH)] == [True]
    nightly = client.read_deployment_by_name("monitor-calls/nightly")
    (when,) = nightly.schedules
    assert (when.schedule.cron, when.schedule.timezone, when.active) == ("30 1 * * *", "Asia/Shanghai", True)
    assert nightly.parameters == {"source": "/data/recordings", "workspace": "/data/quality"} and nightly.work_pool_name == "tingjian"
    assert nightly.entrypoint == "flows.monitor.monitor_calls" and nightly.enforce_parameter_schema
    assert nightly.global_concurrency_limit.limit == 1 and client.read_work_pool("tingjian").concurrency_limit == 1
    assert client.read_deployment_by_name("rescore-calls/rescore").schedules == [], "on demand"
    assert nightly.job_variables["env"].items() >= QUIET.items()


def test_serve_frees_the_place_of_a_run_that_no_process_carries_any_more(client: Any) -> None:
    from prefect.client.schemas.objects import StateType
    from prefect.states import Running

    deployments.deploy(told())
    nightly = client.read_deployment_by_name("monitor-calls/nightly").id
    dead, alive, waiting = (client.create_flow_run_from_deployment(nightly, tags=[watching.TAG]).id for _ in range(3))
    for one in (dead, alive):
        client.set_flow_run_state(one, Running(), force=True)
    with subprocess.Popen(["sleep", "600"], env={"PREFECT__FLOW_RUN_ID": str(alive), "PATH": os.environ["PATH"]}) as carrier:
        buried = watching.bury(client)
        carrier.kill()
    ended = {name: client.read_flow_run(one).state.type for name, one in (("dead", dead), ("alive", alive), ("waiting", waiting))}
    assert (buried, ended) == (1, {"dead": StateType.CRASHED, "alive": StateType.RUNNING, "waiting": StateType.SCHEDULED})
    assert "next run goes on" in client.read_flow_run(dead).state.message
    assert watching.bury(client) == 1 and watching.bury(client) == 0, "its process is gone by now"


def test_only_what_differs_is_changed_and_a_paused_schedule_stays_paused(client: Any) -> None:
    deployments.deploy(told())
    nightly = client.read_deployment_by_name("monitor-calls/nightly")
    answer = client._client.patch(f"/deployments/{nightly.id}/schedules/{nightly.schedules[0].id}", json={"active": False})
    answer.raise_for_status()
    changes = dict(deployments.deploy(told(schedule={"retention": "0 5 * * *", "at_once": 2})))
    assert {name for name, change in changes.items() if change == "changed"} == {"work pool tingjian", "retain/retention"}
    assert client.read_deployment_by_name("retain/retention").schedules[0].schedule.cron == "0 5 * * *"
    assert not client.read_deployment_by_name("monitor-calls/nightly").schedules[0].active


def test_parameters_are_typed_and_a_wrong_one_is_refused_by_the_server(client: Any) -> None:
    deployments.deploy(told())
    from prefect.exceptions import PrefectHTTPStatusError

    for name, wrong in (("rescore-calls/rescore", {"since": "yesterday"}), ("retain/retention", {"dry_run": "perhaps"}),
                        ("make-report/reports", {"period": "hourly"}), ("monitor-calls/nightly", {"source": ["a"]}),
                        ("sample-calls/sampling", {"week": "47"}), ("appraise/appraisal", {"month": "November"})):
        deployment = client.read_deployment_by_name(name)
        with pytest.raises(PrefectHTTPStatusError, match="409"):
            client.create_flow_run_from_deployment(deployment.id, parameters={**deployment.parameters, **wrong})


def test_a_run_gets_an_environment_without_telemetry(client: Any, tmp_path: Path) -> None:
    from prefect.deployments.runner import RunnerDeployment
    from prefect.runner import Runner
    from prefect.types.entrypoint import EntrypointType

    from tests.stand_in_flow import note_environment

    into = tmp_path / "environment.json"
    deployment = RunnerDeployment.from_flow(note_environment, "test", entrypoint_type=EntrypointType.MODULE_PATH,
                                            parameters={"into": str(into)}).apply()
    made = client.create_flow_run_from_deployment(deployment)
    asyncio.run(Runner(pause_on_shutdown=False).execute_flow_run(made.id))
    got = json.loads(into.read_text())
    assert {name: got.get(name, "").lower() for name in QUIET} == QUIET
    assert client.read_flow_run(made.id).state.is_completed()


def test_people_are_told_of_any_scheduled_run_that_breaks_or_is_killed_and_of_none_by_hand(
        client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.deployments.runner import RunnerDeployment
    from prefect.runner import Runner
    from prefect.types.entrypoint import EntrypointType

    from flows import notices
    from flows.monitor import monitor_calls
    from tests.stand_in_flow import die

    by_schedule = (scheduled.rescore_calls, scheduled.sample_calls, scheduled.make_report, scheduled.appraise, scheduled.retain)
    assert all(notices.broke in hooks for one in by_schedule for hooks in (one.on_failure_hooks, one.on_crashed_hooks))
    assert notices.broke in monitor_calls.on_crashed_hooks and not monitor_calls.on_failure_hooks, "it tells of its failures itself"
    with listening() as (address, heard):
        monkeypatch.setenv("TINGJIAN_NOTIFY__URLS", json.dumps([address]))
        for one, parameters in ((scheduled.retain, {"workspace": str(tmp_path / "nowhere")}), (die, {})):
            deployment = RunnerDeployment.from_flow(one, "test", entrypoint_type=EntrypointType.MODULE_PATH, parameters=parameters).apply()
            asyncio.run(Runner(pause_on_shutdown=False).execute_flow_run(client.create_flow_run_from_deployment(deployment).id))
        with pytest.raises(Problem):
            scheduled.retain(str(tmp_path / "nowhere"))
    assert [one["title"] for one in heard] == ["听检：任务中断（retain）", "听检：任务中断（die）"]
    assert "broke (failed)" in heard[0]["message"] and "broke (crashed)" in heard[1]["message"]


def test_the_flow_retries_commits_and_leaves_a_table(client: Any, tmp_path: Path) -> None:
    from flows.monitor import begun, monitor_calls

    (tmp_path / "calls").mkdir()
    for name, content in {"a": b"good", "b": b"busy", "c": b"bad"}.items():
        (tmp_path / "calls" / f"{name}.wav").write_bytes(content * 50)
    transcriber = StubTranscriber(passes=2)
    with Job(tmp_path / "calls", tmp_path / "w", told(), load=lambda _: (transcriber, StubScorer())) as one, begun(one):
        monitor_calls(one.source, one.workspace)
    artifact = client._client.post("/artifacts/latest/filter", json={"artifacts": {"key": {"any_": ["monitored-calls"]}}}).json()[0]
    assert "not_audio 1" in artifact["description"] and one.summary.done == 2
    assert Lake.open(tmp_path / "w").call_ids() == ["a", "b"] and transcriber.asked.count("b") == 2


def test_a_run_of_several_batches_shows_how_far_it_is_and_how_fast(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StubTranscriber, "length", lambda self, recording: 60.0)
    monkeypatch.setattr(job, "load_models", lambda settings: (StubTranscriber(), StubScorer()))
    from flows.monitor import begun, monitor_calls

    (tmp_path / "calls").mkdir()
    for name in "abc":
        (tmp_path / "calls" / f"{name}.wav").write_bytes(name.encode() * 50)
    settings = told(monitoring={"batch_seconds": 60}, review={"url": "https://qc.example/"})
    with Job(tmp_path / "calls", tmp_path / "w", settings, load=job.load_models) as one, begun(one):
        assert len(one.plan.batches) == 3
        monitor_calls(one.source, one.workspace)
    found = {made["type"]: made for made in client._client.post("/artifacts/latest/filter", json={}).json()}
    assert found["progress"]["data"] == 100.0 and "3 of 3 calls" in found["markdown"]["data"]
    assert all("(https://qc.example/queue)" in text for text in (found["markdown"]["data"], found["table"]["description"]))
    assert "3 calls done" in found["table"]["description"]


@pytest.mark.parametrize(("schedule", "said"), [
    ({"source": None}, "has no source under"), ({"nightly": "at night"}, r"\[schedule\] nightly is .at night."),
    ({"workspace": None, "source": None}, "no source and workspace")])
def test_a_schedule_that_cannot_be_is_one_clear_problem(schedule: dict[str, Any], said: str) -> None:
    with pytest.raises(Problem, match=said):
        deployments.deployments(told(schedule=schedule))


def test_a_time_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        told(schedule={"timezone": "China/Peking"})


def test_no_server_is_one_clear_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}), pytest.raises(Problem, match="No Prefect server answers at"):
        deployments.deploy(told())
    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(Problem, match="no Prefect server to deploy to"):
        deployments.deploy(told())


@pytest.mark.parametrize(("today", "month"), [(date(2026, 1, 1), "2025-12"), (date(2026, 11, 1), "2026-10"), (date(2026, 2, 1), "2026-01")])
def test_the_appraisal_is_of_the_month_before(today: date, month: str) -> None:
    assert scheduled._month_before(today) == month


@pytest.mark.parametrize(("today", "kinds"), [
    (date(2026, 11, 25), ["daily"]), (date(2026, 11, 23), ["daily", "weekly"]), (date(2026, 12, 1), ["daily", "monthly"]),
    (date(2026, 6, 1), ["daily", "weekly", "monthly"])])
def test_weeks_and_months_have_their_reports_when_they_are_over(today: date, kinds: list[str]) -> None:
    assert scheduled.due(today) == kinds


def test_people_are_told_where_a_report_lies_and_nothing_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.states import Completed, Failed

    from flows import notices

    ran: list[str] = []
    sent: list[tuple[str, str]] = []
    ends = {"weekly": Completed(), "monthly": Failed(message="no calls")}
    monkeypatch.setenv("TINGJIAN_NOTIFY__URLS", '["json://localhost"]')
    monkeypatch.setattr(scheduled, "_command", lambda arguments: ran.append(arguments[1]) or ends[arguments[1]])
    monkeypatch.setattr(notices, "send", lambda settings, title, text: sent.append((title, text)) or True)
    assert scheduled.make_report.fn("/srv/w", "weekly").is_completed()
    assert sent[0][0] == "听检：质检周报已生成" and "/srv/w/reports" in sent[0][1]
    assert scheduled.make_report.fn("/srv/w", "monthly").is_failed() and ran == ["weekly", "monthly"] and len(sent) == 1
