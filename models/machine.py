"""What this machine has, and how recognition best runs on it, with the reason in words."""
from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import NamedTuple

from settings import Models, Speech

# Measured with Whisper base and small: the weights once, and what a worker keeps while it decodes.
WORKER_BYTES = 250_000_000


class Machine(NamedTuple):
    """Cores that this process may use, bytes of memory that are free to it, and the names of its CUDA devices."""

    cores: int
    memory: int
    gpus: tuple[str, ...]
    processor: str


class Plan(NamedTuple):
    """How recognition runs: `workers` decode at once with `threads` each, `batch` chunks in one pass."""

    device: str
    compute_type: str
    workers: int
    threads: int
    batch: int
    why: str


def inspect() -> Machine:
    """Looks at the machine; in a container at the container's share of it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(cores, _memory(), _gpus(), _processor())


def plan(models: Models, speech: Speech, machine: Machine, weights: int) -> Plan:
    """Chooses device, compute type, workers and batch; `weights` is the size of the recogniser in bytes."""
    gpu = models.device == "cuda" or (models.device == "auto" and bool(machine.gpus))
    if gpu:
        why = "a GPU wants one worker with big batches, and computes in float16"
        kind, workers, batch = "float16", speech.workers or 1, 16
    else:
        why = "on a CPU a single-threaded worker a core beats threads and batches, and int8 is the fastest type"
        kind, workers, batch = "int8", speech.workers or machine.cores, 1
        room = max(1, (machine.memory - weights) // WORKER_BYTES) if machine.memory else workers
        if not speech.workers and room < workers:
            why += f"; {machine.memory / 1e9:.1f} GB of memory hold only {room} of {workers} workers: set speech.workers"
    if models.compute_type != "auto":
        kind, why = models.compute_type, why + f"; the settings ask for {models.compute_type}"
    if speech.workers:
        why += f"; the settings ask for {speech.workers} workers"
    return Plan("cuda" if gpu else "cpu", kind, workers, 1, batch, why)


def _memory() -> int:
    """Available bytes: what the kernel says, or less where a control group allows less; 0 where nothing says."""
    known = []
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                known.append(int(line.split()[1]) * 1024)
    except OSError:
        pass
    for limit, used in (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")):
        try:
            known.append(int(Path("/sys/fs/cgroup", limit).read_text("ascii"))
                         - int(Path("/sys/fs/cgroup", used).read_text("ascii")))
        except (OSError, ValueError):
            continue
    return max(0, min(known)) if known else 0


def _gpus() -> tuple[str, ...]:
    """CUDA devices that CTranslate2 can use."""
    try:
        import ctranslate2
        return tuple(f"CUDA device {number}" for number in range(ctranslate2.get_cuda_device_count()))
    except (ImportError, OSError, RuntimeError):
        return ()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
