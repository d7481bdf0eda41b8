"""The shorter forms of the faults of tests/faults; `make test-faults` makes them all at full length."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import FAULTS, make


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_lost_or_done_twice_after(name: str, tmp_path: Path) -> None:
    assert make(name, tmp_path, thorough=False)
