"""What a run holds of memory from batch to batch, and how much of it is in use.

    python bench/held.py [--calls 300] [--batch-seconds 120]

The short calls and the stand-in recogniser of bench/scale.py, in small batches so that there are many. A line a batch: MB resident, MB that
malloc has in use and has free, heaps, threads. Before what pipeline/memory.py does: MALLOC_ARENA_MAX=64 in front of the command.
"""
from __future__ import annotations

import argparse
import ctypes
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import scale
from flows.job import Progress, Result, monitor
from pipeline import memory
from settings import Settings
from store.lake import Lake


class _Told(ctypes.Structure):
    """struct mallinfo2 of glibc 2.33 and later, bytes."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]


def line() -> str:
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = _Told
    told = library.mallinfo2()
    return (f"{scale.memory():.0f} MB, in use {(told.uordblks + told.hblkhd) / 1e6:.0f}, free {told.fordblks / 1e6:.0f}, "
            f"{memory.heaps()} heaps, {sum(1 for _ in Path('/proc/self/task').iterdir())} threads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--batch-seconds", type=float, default=120.0)
    options = parser.parse_args()
    os.environ[scale.STUB] = "0"
    settings = Settings()
    settings = settings.model_copy(update={"monitoring": settings.monitoring.model_copy(update={"batch_seconds": options.batch_seconds})})
    commit, batches = Lake.commit, 0

    def told(self: Lake, results: list[Result], source: str = "") -> None:
        nonlocal batches
        commit(self, results, source)
        batches += 1
        print(f"batch {batches:3}: {line()}", flush=True)

    Lake.commit = told      # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        source = scale.short_calls(Path(folder) / "short", options.calls)
        monitor(source, Path(folder) / "workspace", settings, progress=Progress(), load=scale.load_stub)


if __name__ == "__main__":
    main()
