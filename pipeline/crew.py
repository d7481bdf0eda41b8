"""Threads that work on many calls at once, a small step at a time, so that no core idles while there is work.

A call is a chain of steps (decode, find voice, recognise a chunk …); a step says which steps come next. Steps of earlier
calls go first, and a new call is begun only when too little is ready for the next joint step: results come soon, only a few
calls are open at any time, and yet what a recogniser does next is decoded while it still works.

A step that hangs (a decoder in an endless loop, a share that answers no more) cannot be ended from outside. Its thread is
left behind after the step's `limit`, another takes its place, and the step's `late` says what becomes of its call.
"""
from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

LOOK_AFTER = 1.0        # seconds between looks at steps that may hang


@dataclass(order=True)
class Step:
    """Something to do for one call. `do` is called with `parts`: one for a plain step, several for steps of one `kind` that
    the crew may join (their `do` is the same function). A step that takes more than `limit` seconds is given up: `late` is
    called, and what its `do` still does is nobody's."""

    rank: tuple[int, ...]
    serial: int = field(default=0)
    do: Callable[[list[Any]], None] = field(default=lambda parts: None, compare=False)
    part: Any = field(default=None, compare=False)
    joinable: bool = field(default=False, compare=False)
    limit: float = field(default=float("inf"), compare=False)
    late: Callable[[], None] = field(default=lambda: None, compare=False)


class Crew:
    """`threads` threads that do steps, no more than `joiners` (all, unless said) of them joined ones. `begin` opens the next
    call by adding its first step and is False when none is left."""

    def __init__(self, threads: int, join: int, begin: Callable[[], bool], joiners: int | None = None):
        self._begin, self._join, self._joiners = begin, join, joiners or threads
        self._plain: list[Step] = []
        self._joinable: list[Step] = []
        self._serial = itertools.count()
        self._ready = threading.Condition()
        self._running: dict[threading.Thread, tuple[Step, float]] = {}      # and since when (monotonic seconds)
        self._over = False
        self._results: SimpleQueue[Any] = SimpleQueue()
        self._threads = [self._thread(n) for n in range(threads)]

    def _thread(self, number: int) -> threading.Thread:
        return threading.Thread(target=self._work, name=f"crew-{number}", daemon=True)

    def add(self, steps: Iterable[Step]) -> None:
        """Steps to be done; from any thread."""
        with self._ready:
            for step in steps:
                step.serial = next(self._serial)
                heapq.heappush(self._joinable if step.joinable else self._plain, step)
            self._ready.notify_all()

    def give(self, result: Any) -> None:
        """Hands out a result, in the order of the calls of this function."""
        self._results.put(result)

    def results(self) -> Iterator[Any]:
        """Works until everything is done and yields what is given; an exception of a step is raised here and ends all."""
        for thread in self._threads:
            thread.start()
        left = len(self._threads)
        try:
            while left:
                try:
                    result = self._results.get(timeout=LOOK_AFTER)
                except Empty:
                    result = None
                self._give_up_late()
                if result is _LEFT:
                    left -= 1
                elif isinstance(result, _Fault):
                    raise result.exception
                elif result is not None:
                    yield result
        finally:
            with self._ready:
                self._over = True
                self._ready.notify_all()
            for thread in self._threads:
                thread.join()

    def _give_up_late(self) -> None:
        """Puts a new thread in the place of each whose step is over its limit."""
        with self._ready:
            late = [(thread, step) for thread, (step, since) in self._running.items()
                    if time.monotonic() - since > step.limit]
            for thread, _ in late:
                del self._running[thread]
                at = self._threads.index(thread)
                self._threads[at] = self._thread(at)
        for _, step in late:
            step.late()
        for thread in self._threads:
            if thread.ident is None:
                thread.start()

    def _work(self) -> None:
        me = threading.current_thread()
        try:
            while steps := self._next():
                try:
                    steps[0].do([step.part for step in steps])
                finally:
                    steps[0].limit = float("inf")       # waiting for the lock is not hanging
                    with self._ready:
                        left_behind = self._running.pop(me, None) is None
                        self._ready.notify_all()
                if left_behind:
                    return
        except BaseException as fault:
            if me in self._threads:
                self._results.put(_Fault(fault))
        finally:
            if me in self._threads:
                self._results.put(_LEFT)

    def _next(self) -> list[Step]:
        """The steps to do now, joined where they can be; empty when all is done. Waits while others may bring steps."""
        with self._ready:
            while not self._over:
                few = len(self._joinable) < self._join
                free = sum(step.joinable for step, _ in self._running.values()) < self._joiners
                if few and not self._plain and self._begin():
                    continue
                if self._plain and (few or not free):
                    return self._start([heapq.heappop(self._plain)])
                if self._joinable and free:
                    return self._start([heapq.heappop(self._joinable)
                                        for _ in range(min(self._join, len(self._joinable)))])
                if not self._running:
                    break
                self._ready.wait()
            return []

    def _start(self, steps: list[Step]) -> list[Step]:
        self._running[threading.current_thread()] = (steps[0], time.monotonic())
        return steps


class _Fault:
    def __init__(self, exception: BaseException):
        self.exception = exception


_LEFT = object()
