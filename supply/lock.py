"""requirements.lock: every package of the released set with its version and the SHA-256 of the file that pip would take here.

    python supply/lock.py            # writes requirements.lock, through pip's own resolver and the versions of constraints.txt
    pip install --require-hashes --no-deps -r requirements.lock      # then `pip install --no-deps .`

The hashes are those of this platform's files (the heading says which), as the registry or mirror that pip is set up with gave them. torch
has none, since the build without CUDA differs from machine to machine; it stands in a comment: install it first, from where you trust it.
"""
from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
SET = ".[diarize,sherpa,dask]"
BUILT_HERE = {"torch"}      # the machine that wrote the lock has a build of its own, whose hash is not that of the public file


def report(wanted: str) -> list[dict]:
    """What pip would install, by its own report; nothing is installed."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "report.json"
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed", "--no-build-isolation", "--report", str(file),
                        "-c", str(ROOT / "constraints.txt"), wanted], check=True, cwd=ROOT)
        return json.loads(file.read_text("utf-8"))["install"]


def lines(installed: list[dict]) -> list[str]:
    """Lines of the lock in order of the names; first, as comments, what has no hash of the registry."""
    hashed, apart = [], []
    for one in installed:
        name, version = re.sub(r"[-_.]+", "-", one["metadata"]["name"]).lower(), one["metadata"]["version"]
        if name == "tingjian":
            continue
        digest = one["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
        if digest and name not in BUILT_HERE and "+" not in version:
            hashed.append(f"{name}=={version} --hash=sha256:{digest}")
        else:
            apart.append(f"# without hash: {name}=={version} (the machine that wrote this has a build of its own)")
    return [*sorted(apart), *sorted(hashed)]


def main() -> None:
    made = lines(report(SET))
    where = f"{platform.system()} {platform.machine()}, CPython {platform.python_version()}"
    LOCK.write_text(f"# Made by `make lock` on {where}; do not edit. Versions: constraints.txt.\n" + "\n".join(made) + "\n", encoding="utf-8")
    print(f"{LOCK.name}: {sum('--hash' in line for line in made)} packages with hashes, {sum(line.startswith('#') for line in made)} without")


if __name__ == "__main__":
    main()
