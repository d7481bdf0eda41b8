"""Hostile input, each kind really tried: `make test-hostile` at full length, tests/test_hostile.py in short.

A kind is a function `(folder, scale) -> list[Outcome]`; it raises AssertionError where something is not refused as it should be. While
one runs, an audit hook of the interpreter watches what this process writes, moves or deletes: nothing may lie outside `folder`.
"""
from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SLOWEST = 10.0          # seconds a single input may take


class Outcome(NamedTuple):
    """What was tried, how often, what came of it, and the seconds that the slowest took."""

    what: str
    tried: int
    came: str
    slowest: float = 0.0


Kind = Callable[[Path, float], list[Outcome]]
WRITING = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree", "shutil.move")
_watched: list[tuple[Path, list[str]]] = []
_hooked = False


@contextmanager
def only_within(folder: Path) -> Iterator[None]:
    """Within, what this process writes outside `folder` (and the system's pseudo files) is an AssertionError at the end."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked = True
    seen: list[str] = []
    _watched.append((folder.resolve(), seen))
    try:
        yield
    finally:
        _watched.pop()
    assert not seen, f"written outside {folder}: {seen[:5]}"


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _watched:
        return
    if event == "open":
        path, mode, flags = arguments[:3]
        writes = (isinstance(mode, str) and any(one in mode for one in "wax+")) or (
            isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        paths = [path] if writes else []
    elif event in WRITING:
        paths = [one for one in arguments[:2] if isinstance(one, str | bytes | os.PathLike)]
    else:
        return
    for one in paths:
        if isinstance(one, int) or one is None:
            continue
        place = os.path.realpath(os.fsdecode(one))      # type: ignore[arg-type]  # noqa: PTH
        home, seen = _watched[-1]
        if not place.startswith((f"{home}{os.sep}", "/dev/", "/proc/")) and place != str(home) and "__pycache__" not in place:
            seen.append(f"{event} {place}")


class Clock:
    """The slowest of many tries; one that takes too long fails at once."""

    def __init__(self, what: str) -> None:
        self.what, self.slowest, self.tried = what, 0.0, 0

    @contextmanager
    def one(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        taken = time.monotonic() - began
        self.tried += 1
        self.slowest = max(self.slowest, taken)
        assert taken <= SLOWEST, f"{self.what}: one input took {taken:.1f} s"


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes damaged as files are: bits turned, pieces cut, doubled, overwritten, numbers made extreme; the head most."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not made:
            break
        at = chance.randrange(min(len(made), chance.choice((64, 512, len(made)))))
        match chance.randrange(7):
            case 0:
                made[at] ^= 1 << chance.randrange(8)
            case 1:
                made[at:at + chance.choice((1, 2, 4, 8))] = chance.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0"))
            case 2:
                del made[at:at + chance.randrange(1, 200)]
            case 3:
                made[at:at] = made[at:at + chance.randrange(1, 200)]
            case 4:
                made[at:at + 8] = chance.randbytes(8)
            case 5:
                del made[max(1, chance.randrange(len(made))):]
            case 6:
                made[at:at] = chance.randbytes(chance.randrange(1, 40))
    return bytes(made)
