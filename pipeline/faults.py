"""Faults of our own as they may be told: kind and place, never their text, which may quote what was said in a call."""
from __future__ import annotations

import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def told(fault: BaseException) -> str:
    """"ValueError in rules/view.py line 120": the innermost place in our own code, else in the library."""
    frames = traceback.extract_tb(fault.__traceback__)
    ours = [frame for frame in frames if _ours(frame.filename)]
    if not frames:
        return type(fault).__name__
    last = (ours or frames)[-1]
    return f"{type(fault).__name__} in {_name(last.filename)} line {last.lineno}"


def trace(fault: BaseException) -> str:
    """The way to a fault for the log, a place a line, without its text and without values."""
    return "\n".join(f"  {_name(frame.filename)} line {frame.lineno} in {frame.name}" for frame in traceback.extract_tb(fault.__traceback__))


def _ours(file: str) -> bool:
    path = Path(file)
    return path.is_relative_to(ROOT) and "site-packages" not in path.parts


def _name(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(ROOT)) if _ours(file) else "/".join(path.parts[-2:])
