"""Memory of a long run stays what its largest batch needs.

glibc gives every new thread a heap ("arena") of its own, up to eight a core, and keeps what was freed in each. A run whose every batch
brings new threads so fills one arena after the other with holes: what is in use stays the same, what is held grows with every batch.
Two arenas shared by all, and what is free given back after a batch, hold it still (`python bench/held.py`). Elsewhere than on glibc, and where
the user has set MALLOC_ARENA_MAX or GLIBC_TUNABLES, nothing is changed.
"""
from __future__ import annotations

import ctypes
import functools
import os
import re
import tempfile

ARENAS = 2
_M_ARENA_MAX = -8       # malloc.h


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """The C library of this process where it is glibc."""
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "gnu_get_libc_version") else None
    except (OSError, TypeError):
        return None


@functools.cache
def steady() -> None:
    """No more than ARENAS heaps from here on; early, since heaps that are there stay. Called again it does nothing."""
    library = _glibc()
    if library is not None and not {"MALLOC_ARENA_MAX", "GLIBC_TUNABLES"} & os.environ.keys():
        library.mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """What is free goes back to the system: some milliseconds, worth it after a batch."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(ctypes.c_size_t(0))


def heaps() -> int | None:
    """How many arenas this process has; None where that cannot be said."""
    library = _glibc()
    if library is None:
        return None
    library.fdopen.restype = ctypes.c_void_p
    with tempfile.TemporaryFile() as told:
        stream = library.fdopen(os.dup(told.fileno()), b"w")
        library.malloc_info(0, ctypes.c_void_p(stream))
        library.fclose(ctypes.c_void_p(stream))
        told.seek(0)
        return len(re.findall(rb"<heap nr=", told.read()))
