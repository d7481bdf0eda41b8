"""A decoder by itself: `python -m pipeline.decoder_process FD`, started and fed by pipeline/decoders.py, the only one that
should. FD is a Unix socket: a line of JSON asks, a line of JSON answers, decoded sound goes back as an open file beside it.

What a broken or hostile recording can do here is bounded: address space (beyond what the process needs to start), processor
time a recording, size of the temporary file, open files, no core dumps, and no network where the kernel lets a process give it
up (Linux namespaces: root, or a user who may have namespaces of his own). It holds no models, no settings and no secrets.
"""
from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import socket
import sys
import tempfile
import time
from contextlib import suppress
from typing import Any, BinaryIO

CLONE_NEWUSER, CLONE_NEWNET, PR_SET_NO_NEW_PRIVS = 0x10000000, 0x40000000, 38     # linux/sched.h, linux/prctl.h
OPEN_FILES = 64
SOUND = 16000 * 2 * 2       # bytes a second of what is decoded: 16 kHz, 16 bits, two channels


class Kept:
    """Where decoded sound goes: memory that has a file descriptor, on a disk from `most` bytes on; no name in either case."""

    def __init__(self, most: int):
        self._most, self._size = most, 0
        try:
            self.file: BinaryIO = os.fdopen(os.memfd_create("sound"), "w+b")
        except (AttributeError, OSError):       # not Linux, or a kernel without it
            self.file, self._most = tempfile.TemporaryFile(), sys.maxsize  # noqa: SIM115

    def write(self, data: Any) -> None:
        self._size += len(data)
        if self._size > self._most:
            disk = tempfile.TemporaryFile()  # noqa: SIM115
            self.file.seek(0)
            shutil.copyfileobj(self.file, disk, 1 << 20)
            self.file.close()
            self.file, self._most = disk, sys.maxsize
        self.file.write(data)

    def close(self) -> None:
        self.file.close()


def main() -> None:
    wire = socket.socket(fileno=int(sys.argv[1]))
    network = _alone()          # before libraries begin threads, which would forbid it
    from pipeline import decode

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    memory = int(sys.argv[2]) << 20
    if memory:
        limit = _address_space() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    _say(wire, {"ready": {"network": network}})
    for line in wire.makefile("rb"):
        asked = json.loads(line)
        _limit(asked["seconds"], asked.get("max_hours", 1.0))
        kept = Kept(decode.IN_MEMORY)
        try:
            if asked["do"] == "probe":
                _say(wire, {"probe": decode.probe(asked["path"])})
            else:
                audio = decode.decode(asked["path"], max_hours=asked["max_hours"], store=kept)
                kept.file.flush()
                _say(wire, {"audio": {
                    "frames": audio.frames, "channels": audio.channels, "sha256": audio.sha256, "codec": audio.codec,
                    "source_rate": audio.source_rate, "warnings": audio.warnings}}, kept.file.fileno())
        except decode.Refused as refused:
            cause = refused.__cause__
            _say(wire, {"refused": {"code": refused.code, "message": str(refused), "retryable": refused.retryable,
                                    "errno": cause.errno if isinstance(cause, OSError) else None}})
        except MemoryError:
            _say(wire, {"memory": True})
        except Exception as fault:
            _say(wire, {"fault": f"{type(fault).__name__}: {fault}"})
        finally:
            kept.close()


def _say(wire: socket.socket, answer: dict[str, Any], file: int | None = None) -> None:
    data = json.dumps(answer).encode() + b"\n"
    if file is None:
        wire.sendall(data)
    else:
        wire.sendall(data[socket.send_fds(wire, [data], [file]):])


def _limit(seconds: float, max_hours: float) -> None:
    """Processor time and size of files for one recording; the soft limits, which the next one needs moved again."""
    spent = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent + seconds) + 1, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int((max_hours * 3600 + 60) * SOUND), resource.RLIM_INFINITY))


def _address_space() -> int:
    """Bytes of address space in use; 1 GiB where it is not told."""
    with suppress(OSError), open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()
    return 1 << 30


def _alone() -> bool:
    """Gives up the network and the gaining of privileges; whether the network is still there."""
    try:
        system = ctypes.CDLL(None, use_errno=True)
        system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # Root would lose its right to read others' files in a user namespace of its own, and does not need one.
        return bool(system.unshare(CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWUSER | CLONE_NEWNET))
    except (OSError, AttributeError):
        return True


if __name__ == "__main__":
    main()
