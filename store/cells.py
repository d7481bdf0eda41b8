"""Text in the cells of a spreadsheet or a CSV: never a formula, whatever was said or delivered (CSV injection)."""
from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

FORMULA_STARTS = {*"=+-@\t\r\n＝＋－＠"}


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before what begins like one."""
    return "'" + text if text.lstrip(" \u3000\u00a0")[:1] in FORMULA_STARTS else text


def write_rows(stream: TextIO, rows: Iterable[Sequence[Any]]) -> None:
    """Rows as CSV whose texts are safe; numbers stay numbers."""
    csv.writer(stream).writerows([safe(one) if isinstance(one, str) else one for one in row] for row in rows)
