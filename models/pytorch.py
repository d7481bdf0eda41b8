"""PyTorch as Tingjian needs it: imported late, and on machines where torchaudio's native library does not load.

torchaudio's wheel on the package registry links CUDA libraries. transformers, pyannote.audio and speechbrain import it but
use nothing native of it here, so an empty stand-in for its loader lets the rest of it be imported.
"""
from __future__ import annotations

import importlib
import os
import sys
import types
from functools import cache
from importlib.util import find_spec
from typing import Any


class NoTorch(Exception):
    """PyTorch, or a library that stands on it, is not installed or does not load; the message says which."""


@cache
def load() -> Any:
    """The torch module, with torchaudio made importable and pyannote's telemetry off. Raises NoTorch."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    if find_spec("torch") is None:
        raise NoTorch("torch is not installed")
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError) as fault:
        raise NoTorch(f"torch does not load ({fault})") from fault
    if find_spec("torchaudio"):
        try:
            importlib.import_module("torchaudio")
        except (ImportError, OSError):
            _stand_in()
    return torch


def _stand_in() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
        del sys.modules[name]
    extension: Any = types.ModuleType("torchaudio._extension")
    extension._IS_TORCHAUDIO_EXT_AVAILABLE = extension._IS_RIR_AVAILABLE = extension._IS_ALIGN_AVAILABLE = False
    extension.fail_if_no_rir = extension.fail_if_no_align = lambda function: function
    sys.modules["torchaudio._extension"] = extension
    try:
        importlib.import_module("torchaudio")
    except (ImportError, OSError) as fault:
        raise NoTorch(f"torchaudio does not load ({fault})") from fault


def forget_lazy_modules(package: str) -> None:
    """Takes a package's unloaded lazy modules out of `sys.modules`.

    SpeechBrain leaves stand-ins for its optional parts there that import on any attribute, and raise where that part is not
    installed: whoever looks through the loaded modules afterwards (inspect, hypothesis) would fall over them.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith(package + ".") and any(kind.__name__ == "LazyModule" for kind in type(module).__mro__):
            del sys.modules[name]
