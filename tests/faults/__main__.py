"""`make test-faults`: a line each, exit code 1 when a promise was broken."""
from __future__ import annotations

import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults import FAULTS, ONLY_FULL, make


def main() -> int:
    wanted = [name for name in FAULTS | ONLY_FULL if not sys.argv[1:] or any(word in name for word in sys.argv[1:])]
    broken = 0
    for name in wanted:
        began = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as folder:
                told = make(name, Path(folder), True)
            print(f"ok      {name}: {told} ({time.monotonic() - began:.0f} s)", flush=True)
        except Exception:
            broken += 1
            print(f"BROKEN  {name} ({time.monotonic() - began:.0f} s)", flush=True)
            traceback.print_exc()
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
