"""Metrics for Prometheus, made of the workspace's status files: as a text file for node_exporter, or answered over HTTP.

Counters (`…_total`) rise over all runs; gauges tell the last run of each source. docs/operations.md lists them with alerts.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from flows import status
from flows.status import Status

FILE = "tingjian.prom"
STATES = ("running", "finished", "stopped", "broken")


class OfWorkspace(Collector):
    """Reads the status files whenever it is asked."""

    def __init__(self, workspace: Path):
        self.workspace = workspace

    def collect(self) -> Iterator[Metric]:
        found = status.read(self.workspace)
        yield from _counters(found)
        yield from _gauges(found)


def registry(workspace: Path) -> CollectorRegistry:
    """A registry of these metrics alone."""
    made = CollectorRegistry()
    made.register(OfWorkspace(workspace))
    return made


def write_textfile(folder: Path, workspace: Path) -> Path:
    """Leaves the metrics in node_exporter's folder, in one step. Raises OSError."""
    file = folder / FILE
    write_to_textfile(str(file), registry(workspace))
    return file


def _counters(found: Sequence[Status]) -> Iterator[Metric]:
    calls = CounterMetricFamily("tingjian_calls", "Calls done, recognised or scored again", labels=["run"])
    audio = CounterMetricFamily("tingjian_audio_seconds", "Audio recognised, seconds", labels=["run"])
    guarded = CounterMetricFamily("tingjian_guarded_characters", "Characters taken out after recognition as invented", labels=["run"])
    failures = CounterMetricFamily("tingjian_failures", "Calls that failed when they were tried", labels=["run", "reason"])
    for one in found:
        calls.add_metric([one.run], one.totals.calls)
        audio.add_metric([one.run], one.totals.audio_seconds)
        guarded.add_metric([one.run], one.totals.guarded)
        for code, number in sorted(one.totals.failures.items()):
            failures.add_metric([one.run, code], number)
    yield from (calls, audio, guarded, failures)


def _gauges(found: Sequence[Status]) -> Iterator[Metric]:
    state = GaugeMetricFamily("tingjian_run_state", "1 for the state the last run is in", labels=["run", "state"])
    began = GaugeMetricFamily("tingjian_run_began_timestamp_seconds", "When the last run began", labels=["run"])
    ended = GaugeMetricFamily("tingjian_run_ended_timestamp_seconds", "When it ended; missing while it goes on", labels=["run"])
    calls = GaugeMetricFamily("tingjian_run_calls", "Calls of the last run by what became of them", labels=["run", "outcome"])
    failures = GaugeMetricFamily("tingjian_run_failures", "Calls listed as failed by the last run", labels=["run", "reason"])
    audio = GaugeMetricFamily("tingjian_run_audio_seconds", "Audio of the calls recognised", labels=["run"])
    factor = GaugeMetricFamily("tingjian_run_real_time_factor", "Seconds of the clock a second of audio", labels=["run"])
    queue = GaugeMetricFamily("tingjian_queue_age_seconds", "Age of the oldest call that waits to be recognised; 0: none waits",
                              labels=["run"])
    for one in found:
        for name in STATES:
            state.add_metric([one.run, name], float(one.state == name))
        began.add_metric([one.run], one.began_at.timestamp())
        if one.ended_at:
            ended.add_metric([one.run], one.ended_at.timestamp())
        for outcome in ("done", "rescored", "finished_before", "failed", "waiting", "erased", "left"):
            calls.add_metric([one.run, outcome], getattr(one, outcome))
        for code, number in sorted(one.failures.items()):
            failures.add_metric([one.run, code], number)
        audio.add_metric([one.run], one.audio_seconds)
        if one.audio_seconds:
            factor.add_metric([one.run], one.elapsed / one.audio_seconds)
        queue.add_metric([one.run], max(0.0, (datetime.now(UTC) - one.queue_since).total_seconds()) if one.queue_since else 0.0)
    yield from (state, began, ended, calls, failures, audio, factor, queue)
