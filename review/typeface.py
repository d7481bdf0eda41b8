"""The Chinese typeface of PDF and PNG: no machine is relied on to have one (review/fonts/README.md)."""
from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

WOFF = Path(__file__).parent / "fonts" / "NotoSansSC-Regular.woff"
FAMILY = "Noto Sans SC"


@cache
def truetype() -> Path:
    """The typeface as a TrueType file, which PDF and pictures take; made once a process and removed at its end."""
    from fontTools.ttLib import TTFont

    folder = Path(tempfile.mkdtemp(prefix="tingjian-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "NotoSansSC-Regular.ttf"
    font = TTFont(WOFF)
    font.flavor = None
    font.save(file)
    return file
