"""Shares of a batch go to workers; what dies, lags, differs or goes away costs time and nothing else. The cluster here is
made of threads; tests/faults kills workers of a real one."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import tingjian
from flows import cluster, spread
from flows.job import Job, Summary, run_batches
from flows.spread import Spread, shares
from records import Problem
from settings import Cluster, Monitoring, Settings
from store.lake import Lake
from tests.stand_ins import StubScorer, StubTranscriber, recording

Behaviour = Callable[[str, list[str]], str | None]


class FakeFuture:
    def __init__(self) -> None:
        self.status, self._value, self._fault, self._tell = "pending", None, None, []

    def add_done_callback(self, tell: Callable[[Any], None]) -> None:
        self._tell.append(tell)

    def end(self, status: str, value: Any = None, fault: BaseException | None = None) -> None:
        self.status, self._value, self._fault = status, value, fault
        for tell in self._tell:
            tell(self)

    def result(self) -> Any:
        return self._value

    def exception(self) -> BaseException | None:
        return self._fault

    def cancel(self) -> None:
        pass


class FakeClient:
    """A cluster of threads. `behave(worker, call_ids)` says what happens to a share instead of its being done: "die" takes the
    worker away, "hang" never answers, "cut" takes the scheduler away for a moment."""

    def __init__(self, workers: int, behave: Behaviour = lambda worker, call_ids: None):
        self.workers = {f"tcp://w{number}" for number in range(workers)}
        self.behave, self.given, self.away = behave, [], 0

    def scheduler_info(self) -> dict[str, Any]:
        if self.away:
            self.away -= 1
            raise OSError("the scheduler is gone")
        return {"workers": dict.fromkeys(self.workers)}

    def submit(self, do: Any, settings: Settings, load: Any, form: Any, expected: Any, recordings: Any, workers: list[str],
               **options: Any) -> FakeFuture:
        future, (worker,) = FakeFuture(), workers
        names = [one.call.call_id for one in recordings]
        self.given.append((worker, names))
        threading.Thread(target=self._do, daemon=True,
                         args=(future, worker, names, lambda: do(settings, load, form, expected, recordings))).start()
        return future

    def _do(self, future: FakeFuture, worker: str, names: list[str], work: Callable[[], Any]) -> None:
        time.sleep(0.01)
        match self.behave(worker, names):
            case "die":
                self.workers = self.workers - {worker} | {worker + "'"}
            case "hang":
                return
            case "cut":
                self.away = 2
            case _:
                try:
                    future.end("finished", work())
                except Exception as fault:
                    future.end("error", fault=fault)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(spread, "STRAGGLES_FROM", 0.3)


def load(settings: Settings) -> tuple[StubTranscriber, StubScorer]:
    return StubTranscriber(), StubScorer()


def run(tmp_path: Path, client: FakeClient, calls: int = 24, patience: float = 5.0,
        loaded: Any = load) -> tuple[Summary, list[str], Spread]:
    """A run of one batch whose shares are of one to six calls."""
    for number in range(calls):
        recording(tmp_path / "calls", f"c{number:02}")
    told: list[str] = []
    made: list[Spread] = []

    def over(settings: Settings) -> Any:
        made.append(Spread(client, settings, loaded, None, patience, told.append))  # pyright: ignore[reportArgumentType]
        made[0].length = lambda one: made[0]._lengths.setdefault(one.path, 20.0)  # type: ignore[method-assign]
        return made[0], made[0].scorer

    settings = Settings(monitoring=Monitoring(batch_seconds=1e6))
    with Job(tmp_path / "calls", tmp_path / "w", settings, load=over) as job:
        return run_batches(job), told, made[0]


def test_every_call_is_done_once_by_some_worker(tmp_path: Path) -> None:
    client = FakeClient(3)
    summary, told, _ = run(tmp_path, client)
    given = [name for _, names in client.given for name in names]
    assert summary.done == 24 and told == [] and sorted(given) == sorted(set(given))
    assert {worker for worker, _ in client.given} == client.workers
    assert Lake.open(tmp_path / "w").call_ids() == sorted(given)


def test_the_calls_of_a_worker_that_dies_are_given_to_another(tmp_path: Path) -> None:
    died: list[str] = []

    def once(worker: str, names: list[str]) -> str | None:
        return died.append(worker) or "die" if not died and "c05" in names else None

    summary, told, _ = run(tmp_path, FakeClient(2, once))
    assert (summary.done, summary.failures, len(died)) == (24, [], 1) and "is gone; its" in told[0]


def test_a_call_that_takes_workers_down_is_found_among_its_share_and_fails_alone(tmp_path: Path) -> None:
    summary, _, _ = run(tmp_path, FakeClient(2, lambda worker, names: "die" if "c05" in names else None))
    assert summary.done == 23 and [(one.call_id, one.code) for one in summary.failures] == [("c05", "worker_died")]
    assert [one.failure.code for one in Lake.open(tmp_path / "w").failed()] == ["worker_died"]


def test_a_share_that_lags_is_given_to_a_second_worker_and_counts_once(tmp_path: Path) -> None:
    hung: list[str] = []

    def first(worker: str, names: list[str]) -> str | None:
        return hung.append(worker) or "hang" if not hung and "c07" in names else None

    summary, told, made = run(tmp_path, FakeClient(2, first))
    assert (summary.done, summary.failures, made.again) == (24, [], 1) and "takes long" in told[0]
    assert Lake.open(tmp_path / "w").calls().collect().height == 24


def test_a_scheduler_that_is_gone_for_a_while_costs_no_call_its_good_name(tmp_path: Path) -> None:
    cuts: list[str] = []

    def cut(worker: str, names: list[str]) -> str | None:
        return cuts.append(worker) or "cut" if len(cuts) < 5 and "c05" in names else None

    summary, _, _ = run(tmp_path, FakeClient(2, cut))
    assert (summary.done, summary.failures, len(cuts)) == (24, [], 5)


def test_a_cluster_without_workers_is_waited_for_and_then_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"has had no worker for 0 s.*finished batches are kept"):
        run(tmp_path, FakeClient(0), patience=0.2)


def test_workers_with_other_weights_are_given_nothing_and_said_so(tmp_path: Path) -> None:
    versions = iter(["ours", "theirs"])

    def changing(settings: Settings) -> tuple[StubTranscriber, StubScorer]:
        return StubTranscriber(version=next(versions)), StubScorer()

    spread._kept.clear()
    with pytest.raises(Problem, match=r"No worker of the cluster can do the calls.*transcripts theirs"):
        run(tmp_path, FakeClient(1), loaded=changing)
    spread._kept.clear()


def test_what_a_call_fails_of_on_a_worker_is_told_as_at_home(tmp_path: Path) -> None:
    recording(tmp_path / "calls", "c05", b"bad" * 9)
    client = FakeClient(2)
    for number in range(6):
        if number != 5:
            recording(tmp_path / "calls", f"c{number:02}")
    summary, _, _ = run(tmp_path, client, calls=5)
    assert summary.done == 5 and [(one.call_id, one.code) for one in summary.failures] == [("c05", "not_audio")]


def test_a_worker_loads_its_models_once_for_all_its_shares_and_anew_for_other_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "_kept", {})
    loads: list[Settings] = []

    def counted(settings: Settings) -> tuple[StubTranscriber, StubScorer]:
        loads.append(settings)
        return load(settings)

    (tmp_path / "calls").mkdir()
    calls = [recording(tmp_path / "calls", f"c{number}") for number in range(3)]
    expected = load(Settings())[0].version, load(Settings())[1].version
    done = [spread.work(Settings(), counted, None, expected, [one]) for one in calls]
    assert [len(one.outcomes) for one in done] == [1, 1, 1] and len(loads) == 1
    spread.work(Settings(monitoring=Monitoring(retries=0)), counted, None, expected, calls)
    assert len(loads) == 2


@pytest.mark.parametrize(("lengths", "workers", "expected"), [
    ([10.0] * 6, 1, [2, 2, 2]), ([10.0, 500.0, 10.0], 2, [1, 2]), ([0.1] * 200, 1, [64, 64, 64, 8]), ([], 3, [])])
def test_shares_hold_so_much_audio_or_so_many_calls_the_longest_first(
        tmp_path: Path, lengths: list[float], workers: int, expected: list[int]) -> None:
    made = shares([recording(tmp_path, "a")] * len(lengths), lengths, workers)
    assert [len(share.recordings) for share in made] == expected
    assert max(lengths, default=0.0) <= max((share.seconds for share in made[:1]), default=0.0)


@pytest.mark.parametrize(("number", "gpus", "visible", "expected"), [
    (0, 0, "", None), (1, 2, "", "1"), (3, 2, "", "1"), (1, 2, "4,6", "6")])
def test_a_worker_has_a_gpu_of_its_own(
        number: int, gpus: int, visible: str, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert cluster.environment(number, gpus).get("CUDA_VISIBLE_DEVICES") == expected


def test_without_a_cluster_nothing_changes() -> None:
    settings = Settings()
    with cluster.spread(settings, None, load=load) as (same, loader):  # type: ignore[arg-type]
        assert same is settings and loader is load


def test_a_scheduler_that_does_not_answer_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "JOIN_WITHIN", "0.5s")
    settings = Settings(cluster=Cluster(scheduler="tcp://127.0.0.1:1"))
    with pytest.raises(Problem, match=r"No scheduler answers at tcp://127.0.0.1:1"), cluster.spread(settings, None):
        pass


def test_workers_are_a_number_or_an_address(tmp_path: Path) -> None:
    wrong = CliRunner().invoke(tingjian.app, ["run", str(tmp_path), "--workspace", str(tmp_path / "w"), "--workers", "many"])
    assert wrong.exit_code == 2 and "scheduler" in wrong.output
