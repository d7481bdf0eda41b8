"""A decoder process in which files do by their names what broken ones do to a real one; the limits are the real ones."""
from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from pipeline import decode, decoder_process

_decode, _probe = decode.decode, decode.probe


def _act(path: str) -> None:
    name = Path(path).stem.split("-")[0]
    if name == "segfault":
        ctypes.string_at(0)
    elif name == "abort":
        os.abort()
    elif name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif name == "once":            # dies at the first try only
        mark = Path(path).with_suffix(".tried")
        if not mark.exists():
            mark.touch()
            os.abort()
    elif name == "hog":
        bytearray(2 << 30)
    elif name == "flood":
        with open(Path(path).with_suffix(".flood"), "wb") as file:  # noqa: PTH123
            for _ in range(1 << 10):
                file.write(bytes(1 << 20))
    elif name == "spins":
        until = time.process_time() + 60
        while time.process_time() < until:
            pass
    elif name == "hangs":
        time.sleep(60)
    elif name == "calls":           # home
        socket.create_connection(("127.0.0.1", int(Path(path).stem.split("-")[1])), timeout=5)
    elif name == "bug":
        raise ZeroDivisionError("by zero")


def wild(path: str, **options: Any) -> Any:
    _act(path)
    return _decode(path, **options)


def wild_probe(path: str) -> Any:
    _act(path)
    return _probe(path)


if __name__ == "__main__":
    decode.decode, decode.probe = wild, wild_probe
    decoder_process.main()
