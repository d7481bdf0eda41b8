"""What a long run holds of memory does not grow with its batches: few heaps, however many threads come and go."""
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import memory

ROOT = Path(__file__).parent.parent
THREADS = """
import sys, threading
from pipeline import memory
if sys.argv[1] == "steady": memory.steady()
barrier = threading.Barrier(12)
def work():
    kept = [bytes(20_000) for _ in range(50)]
    barrier.wait()
for _ in range(3):
    crew = [threading.Thread(target=work) for _ in range(12)]
    [one.start() for one in crew]; [one.join() for one in crew]
memory.give_back()
print(memory.heaps())
"""


def heaps(how: str, **environment: str) -> int:
    done = subprocess.run([sys.executable, "-c", THREADS, how], cwd=ROOT, env={"PATH": "/usr/bin:/bin", **environment},
                          capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(memory.heaps() is None, reason="malloc is not glibc's here")
def test_threads_that_come_and_go_share_two_heaps() -> None:
    assert heaps("steady") <= memory.ARENAS < heaps("left alone")


@pytest.mark.skipif(memory.heaps() is None, reason="malloc is not glibc's here")
def test_who_has_set_the_number_of_heaps_is_not_overruled() -> None:
    assert heaps("steady", MALLOC_ARENA_MAX="6") == 6


def test_giving_back_does_no_harm_where_there_is_nothing_to_give() -> None:
    memory.give_back()
    memory.give_back()
