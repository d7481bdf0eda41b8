"""Threads that work on many calls at once, a small step at a time, so that no core idles while there is work.

A call is a chain of steps (decode, find voice, recognise a chunk …); a step says which steps come next. Steps of earlier
calls go first, and a new call is begun only when nothing else is ready: results come soon, and only a few calls are open
at any time.
"""
from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any


@dataclass(order=True)
class Step:
    """Something to do for one call. `do` is called with `parts`: one for a plain step, several for steps of one `kind` that
    the crew may join (their `do` is the same function)."""

    rank: tuple[int, ...]
    serial: int = field(default=0)
    do: Callable[[list[Any]], None] = field(default=lambda parts: None, compare=False)
    part: Any = field(default=None, compare=False)
    joinable: bool = field(default=False, compare=False)


class Crew:
    """`threads` threads that do steps. `begin` opens the next call by adding its first step and is False when none is
    left."""

    def __init__(self, threads: int, join: int, begin: Callable[[], bool]):
        self._begin, self._join = begin, join
        self._plain: list[Step] = []
        self._joinable: list[Step] = []
        self._serial = itertools.count()
        self._ready = threading.Condition()
        self._running = 0
        self._over = False
        self._results: SimpleQueue[Any] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"crew-{n}", daemon=True) for n in range(threads)]

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
                result = self._results.get()
                if result is _LEFT:
                    left -= 1
                elif isinstance(result, _Fault):
                    raise result.exception
                else:
                    yield result
        finally:
            with self._ready:
                self._over = True
                self._ready.notify_all()
            for thread in self._threads:
                thread.join()

    def _work(self) -> None:
        try:
            while steps := self._next():
                try:
                    steps[0].do([step.part for step in steps])
                finally:
                    with self._ready:
                        self._running -= 1
                        self._ready.notify_all()
        except BaseException as fault:
            self._results.put(_Fault(fault))
        finally:
            self._results.put(_LEFT)

    def _next(self) -> list[Step]:
        """The steps to do now, joined where they can be; empty when all is done. Waits while others may bring steps."""
        with self._ready:
            while not self._over:
                if len(self._joinable) < self._join and not self._plain and self._begin():
                    continue
                if self._plain and len(self._joinable) < self._join:
                    return self._start([heapq.heappop(self._plain)])
                if self._joinable:
                    return self._start([heapq.heappop(self._joinable)
                                        for _ in range(min(self._join, len(self._joinable)))])
                if not self._running:
                    break
                self._ready.wait()
            return []

    def _start(self, steps: list[Step]) -> list[Step]:
        self._running += 1
        return steps


class _Fault:
    def __init__(self, exception: BaseException):
        self.exception = exception


_LEFT = object()
