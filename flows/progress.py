"""How a run is seen while it goes on: a bar on a terminal, a line every ten seconds elsewhere. All on standard error."""
from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from flows.job import Progress as Told
from flows.plan import Plan

LINE_EVERY = 10.0       # seconds between lines where there is no terminal: in a log or under cron


class Shown(Told):
    """Counts and shows. Use as a context manager; it is told from any thread."""

    def __init__(self, stream: TextIO):
        self.console = Console(file=stream)
        self._lock = threading.Lock()
        self._calls = self._failed = self._total_calls = 0
        self._seconds = self._total = 0.0
        self._began = self._last_line = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=28),
            TextColumn("{task.fields[audio]} of audio · {task.fields[pace]} · {task.fields[calls]}"), TimeElapsedColumn(),
            console=self.console, transient=True, disable=not self.console.is_terminal)
        self._task = self._bar.add_task("loading models", total=None, audio="", pace="", calls="")

    def __enter__(self) -> Shown:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def planned(self, plan: Plan) -> None:
        with self._lock:
            self._total, self._total_calls = plan.seconds, plan.to_recognise + plan.to_score
            self._began = time.monotonic()
            self._bar.update(self._task, description="listening", total=max(plan.seconds, self._total_calls, 1.0))
            self._show()

    def audio(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds
            self._show()

    def call(self, failed: bool) -> None:
        with self._lock:
            self._calls += 1
            self._failed += failed
            self._show()

    def note(self, message: str) -> None:
        self.console.print(message, highlight=False, markup=False)

    def _show(self) -> None:
        elapsed = time.monotonic() - self._began
        audio = f"{self._seconds:.0f} / {self._total:.0f} s"
        pace = f"{self._seconds / elapsed:.1f} × real time" if elapsed > 1 else "…"
        calls = f"{self._calls} / {self._total_calls} calls, {self._failed} failed"
        done = self._seconds if self._total else self._calls
        self._bar.update(self._task, completed=done, audio=audio, pace=pace, calls=calls)
        if not self.console.is_terminal and time.monotonic() - self._last_line >= LINE_EVERY:
            self._last_line = time.monotonic()
            self.note(f"{audio} of audio, {pace}, {calls}")
