"""What this machine has, and how recognition best runs on it, with the reason in words."""
from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from settings import Models, Speech

# Measured with Whisper base and small: the weights once, and what a worker keeps while it decodes.
WORKER_BYTES = 250_000_000
# What `models.recogniser = "auto"` takes, the most accurate first: the first that this machine runs well and that is here.
ON_GPU = ("whisper-turbo", "whisper-large-v3", "whisper-medium", "whisper-small")
ON_MANY_CORES = ("whisper-small",)
MANY_CORES = 8          # small takes three times the work of base: with so many cores it is as fast as base with 2 or 3
DEFAULT = "whisper-base"
# Compute types of CTranslate2, the best first; on a CPU int8 has twice the speed of float32 for the same text.
GPU_TYPES = ("float16", "int8_float16", "int8_float32", "float32")
CPU_TYPES = ("int8", "int8_float32", "float32")
# What int8 runs on, the quickest first, by the names that Linux gives them.
INSTRUCTIONS = ("amx_int8", "avx512_vnni", "avx_vnni", "avx512bw", "avx2", "asimddp")


class Machine(NamedTuple):
    """Cores that this process may use, bytes of memory that are free to it, the names of its CUDA devices, and what its
    processor and its GPU can compute in (empty where nothing says)."""

    cores: int
    memory: int
    gpus: tuple[str, ...]
    processor: str
    instructions: tuple[str, ...] = ()
    cpu_types: tuple[str, ...] = ()
    gpu_types: tuple[str, ...] = ()


class Plan(NamedTuple):
    """How recognition runs: `workers` decode at once with `threads` each, `batch` chunks in one pass."""

    device: str
    compute_type: str
    workers: int
    threads: int
    batch: int
    why: str


class Choice(NamedTuple):
    """A recogniser by name, and why it is the one."""

    name: str
    why: str


def inspect() -> Machine:
    """Looks at the machine; in a container at the container's share of it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    gpus = _gpus()
    return Machine(cores, _memory(), gpus, _processor(), _instructions(), _types("cpu"), _types("cuda") if gpus else ())


def on_gpu(models: Models, machine: Machine) -> bool:
    """Whether recognition runs on a GPU here."""
    return models.device == "cuda" or (models.device == "auto" and bool(machine.gpus))


def choose(models: Models, machine: Machine, here: Callable[[str], bool]) -> Choice:
    """The recogniser that the settings name; of "auto", the best for this machine among those whose weights are `here`.

    "auto" fetches no more than whisper-base by itself: the larger ones are chosen once somebody has fetched them.
    """
    if models.recogniser != "auto":
        return Choice(models.recogniser, "the settings name it")
    if on_gpu(models, machine):
        wished, because = ON_GPU, "a GPU runs it at full speed"
    elif machine.cores >= MANY_CORES:
        wished, because = ON_MANY_CORES, f"{machine.cores} cores are enough for it"
    else:
        return Choice(DEFAULT, f"{machine.cores} cores on a CPU: larger ones take three times the work and more")
    for name in wished:
        if here(name):
            return Choice(name, f"{because}, and its weights are here")
    return Choice(DEFAULT, f"better ones would do here ({because}), but their weights are not here: "
                           f"tingjian models fetch {wished[0]}")


def plan(models: Models, speech: Speech, machine: Machine, weights: int) -> Plan:
    """Chooses device, compute type, workers and batch; `weights` is the size of the recogniser in bytes."""
    gpu = on_gpu(models, machine)
    known = machine.gpu_types if gpu else machine.cpu_types
    kind = next((one for one in (GPU_TYPES if gpu else CPU_TYPES) if one in known or not known), "float32")
    if gpu:
        why = f"a GPU wants one worker with big batches, and {kind} is the best it computes in"
        workers, batch = 1, 16
    else:
        quick = f" ({machine.instructions[0]})" if machine.instructions else ""
        why = (f"on a CPU a single-threaded worker a core beats threads and batches, and {kind} is the quickest type"
               f"{quick}")
        workers, batch = machine.cores, 1
        room = max(1, (machine.memory - weights) // WORKER_BYTES) if machine.memory else workers
        if not speech.workers and room < workers:
            why += f"; {machine.memory / 1e9:.1f} GB of memory hold only {room} of {workers} workers (speech.workers)"
            workers = room
    if models.compute_type != "auto":
        kind, why = models.compute_type, why + f"; the settings ask for {models.compute_type}"
    if speech.workers:
        workers, why = speech.workers, why + f"; the settings ask for {speech.workers} workers"
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


def _instructions() -> tuple[str, ...]:
    """Which of INSTRUCTIONS this processor has, the quickest first."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return ()
    flags = next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith(("flags", "Features"))), set())
    return tuple(name for name in INSTRUCTIONS if name in flags)


def _types(device: str) -> tuple[str, ...]:
    """The compute types that CTranslate2 has on this device."""
    try:
        import ctranslate2
        return tuple(sorted(ctranslate2.get_supported_compute_types(device)))
    except (ImportError, OSError, RuntimeError, ValueError):
        return ()
