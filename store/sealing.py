"""Sealing at rest: what was said, names, evidence and free text are encrypted value by value before they are written.

AES-256 in GCM with a random nonce a value, each bound to the column that it stands in. Ids, days, verdicts, points and times stay
readable, so that tables are joined and counted without a key. A value says which key sealed it; older keys in the ring still
open what they sealed, until `tingjian key rotate` has sealed everything anew. The key comes from a file or from a program
([encryption] of the settings), never from the settings themselves. `keys.json` of a workspace lists the keys in use by their
fingerprints, so that a missing or wrong key is told at once.
"""
from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import secrets
import subprocess
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from records import Problem

log = logging.getLogger(__name__)

MARK = "tj1."                   # begins every sealed value: tj1.FINGERPRINT.base64(nonce + ciphertext + tag)
HEADING = "tingjian-key-1 "     # begins a key file
LONG = 200                      # bytes from which a value is compressed first: Parquet cannot compress what is sealed
NONCE = 12                      # bytes; random ones allow 2**32 values a key (NIST SP 800-38D, 8.3): about 60 million calls
WAIT = 30.0                     # seconds for a program that prints a key
MARKER = "keys.json"

TEXTS: dict[str, tuple[str, ...]] = {
    "calls": ("customer_name",), "transcripts": ("transcript",), "turns": ("text",), "removed": ("text", "detail"),
    "drafts": ("draft",), "items": ("reason",), "findings": ("reason",), "failures": ("message",)}
"""Columns of the lake that are sealed; of `evidence` beside them what PIECES names."""
PIECES = ("text", "note")
EVIDENCE = ("items", "findings")


class Ring:
    """The keys of this installation: `current` seals (None: nothing is sealed), all of them open."""

    def __init__(self, current: bytes | None = None, old: Sequence[bytes] = ()) -> None:
        self.current = fingerprint(current) if current else None
        self._open = {fingerprint(key): AESGCM(key) for key in (*([current] if current else []), *old)}

    def __contains__(self, print_: str) -> bool:
        return print_ in self._open

    def __bool__(self) -> bool:
        return bool(self._open)

    def seal(self, text: str, column: str) -> str:
        """The text sealed for a column; an empty one, or any where no key is set, stays."""
        if self.current is None or not text:
            return text
        return f"{MARK}{self.current}." + base64.b64encode(self.seal_bytes(text.encode("utf-8", "surrogatepass"), column)).decode()

    def unseal(self, text: str, column: str) -> str:
        """What was sealed; what was not stays. Raises Problem without the key, or where somebody changed the value."""
        if not text.startswith(MARK):
            return text
        _, key, body = text.split(".", 2)
        return self._unsealed(key, base64.b64decode(body), column).decode("utf-8", "surrogatepass")

    def seal_bytes(self, data: bytes, column: str) -> bytes:
        """Nonce, ciphertext and tag, without the mark; needs a key."""
        assert self.current is not None
        packed = b"z" + zlib.compress(data, 1) if len(data) >= LONG else b"r" + data
        nonce = os.urandom(NONCE)
        return nonce + self._open[self.current].encrypt(nonce, packed, column.encode())

    def _unsealed(self, key: str, body: bytes, column: str) -> bytes:
        if key not in self._open:
            raise _missing([key])
        try:
            packed = self._open[key].decrypt(body[:NONCE], body[NONCE:], column.encode())
        except (InvalidTag, ValueError):
            raise Problem(f"A sealed value of {column} does not open with its key {key}: it was changed or damaged. Restore the "
                          "workspace from a backup.") from None
        return zlib.decompress(packed[1:]) if packed[:1] == b"z" else packed[1:]

    def seal_blob(self, data: bytes | None, column: str) -> bytes | None:
        """As `seal`, for bytes (a kept draft, a playable copy)."""
        if self.current is None or not data:
            return data
        return f"{MARK}{self.current}.".encode() + self.seal_bytes(data, column)

    def unseal_blob(self, data: bytes | None, column: str) -> bytes | None:
        if not data or not data.startswith(MARK.encode()):
            return data
        _, key, body = data.split(b".", 2)
        return self._unsealed(key.decode(), body, column)

    # -- tables ------------------------------------------------------------------------------------------------------------

    def sealed(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of the lake's table `name` with their texts sealed; unchanged without a key."""
        return frame if self.current is None else self._mapped(name, frame, self.seal)

    def opened(self, name: str, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Rows as they were before they were sealed. Columns that nobody asks for are not opened."""
        if not self:
            return frame
        opening = [pl.col(column).map_batches(_each(self.unseal, f"{name}.{column}"), return_dtype=pl.String, is_elementwise=True)
                   for column in TEXTS.get(name, ())]
        if name in EVIDENCE:
            opening.append(pl.col("evidence").map_batches(_pieces(self.unseal, name), is_elementwise=True))
        return frame.with_columns(opening)

    def resealed(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows as stored, sealed anew with the current key (or left open where there is none)."""
        return self.sealed(name, self._mapped(name, frame, self.unseal))

    def _mapped(self, name: str, frame: pl.DataFrame, change: Callable[[str, str], str]) -> pl.DataFrame:
        made = [_each(change, f"{name}.{column}")(frame[column]) for column in TEXTS.get(name, ()) if column in frame.columns]
        if name in EVIDENCE and "evidence" in frame.columns:
            made.append(_pieces(change, name)(frame["evidence"]))
        return frame.with_columns(made)


def _each(change: Callable[[str, str], str], column: str) -> Callable[[pl.Series], pl.Series]:
    def over(series: pl.Series) -> pl.Series:
        return pl.Series(series.name, [one if one is None else change(one, column) for one in series], dtype=pl.String)
    return over


def _pieces(change: Callable[[str, str], str], name: str) -> Callable[[pl.Series], pl.Series]:
    def over(series: pl.Series) -> pl.Series:
        rows = [None if row is None else [
            piece | {part: piece[part] and change(piece[part], f"{name}.evidence.{part}") for part in PIECES} for piece in row]
            for row in series.to_list()]
        # By way of a frame of rows: a series of lists of structs is made of Python values five times as slowly.
        return pl.DataFrame([{series.name: row} for row in rows], schema={series.name: series.dtype})[series.name]
    return over


# Keys -------------------------------------------------------------------------------------------------------------------------

def fingerprint(key: bytes) -> str:
    """Tells keys apart without telling anything of them."""
    return hashlib.sha256(b"tingjian key" + key).hexdigest()[:12]


def new_key(file: Path) -> str:
    """Writes a new key to a file that only its owner reads, and gives its fingerprint; an existing file is never overwritten."""
    key = secrets.token_bytes(32)
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:     # noqa: PTH123
            made.write(HEADING + base64.b64encode(key).decode() + "\n")
    except FileExistsError:
        raise Problem(f"{file} is there already; a key is never overwritten, since what it sealed would be lost. Name another file.") from None
    except OSError as fault:
        raise Problem(f"{file} cannot be written ({fault.strerror}); name another place for the key.") from fault
    return fingerprint(key)


def ring() -> Ring:
    """The keys that the settings name; read once for each state of them."""
    from settings import Settings

    told = Settings().encryption
    if told.key_file and told.key_command:
        raise Problem("[encryption] names a key_file and a key_command; keep one of them.")
    files = tuple(str(file.expanduser()) for file in told.old_key_files)
    return _ring(str(told.key_file.expanduser()) if told.key_file else None, tuple(told.key_command), files)


def may_search() -> bool:
    """Whether what was said may stand in the review database in the clear, for its search: not where it is sealed, unless the
    settings want it so."""
    from settings import Settings

    return ring().current is None or Settings().encryption.search


@lru_cache(maxsize=8)
def _ring(file: str | None, command: tuple[str, ...], old: tuple[str, ...]) -> Ring:
    current = _of_file(Path(file)) if file else _of_command(command) if command else None
    return Ring(current, [_of_file(Path(one)) for one in old])


def _of_file(file: Path) -> bytes:
    try:
        text = file.read_text(encoding="ascii")
        if file.stat().st_mode & 0o077:
            log.warning("%s, a key, may be read by others: chmod 600 %s", file, file)
    except (OSError, UnicodeDecodeError) as fault:
        raise Problem(f"The key {file} of [encryption] cannot be read ({getattr(fault, 'strerror', None) or 'no key'}); mount it, or make "
                      "one with `tingjian key new`.") from fault
    return _key(text, str(file))


def _of_command(command: tuple[str, ...]) -> bytes:
    """What the program prints; neither that nor what it says of an error is ever told on, since a key may stand in it."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=WAIT, check=True, text=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as fault:
        why = f"exit code {fault.returncode}" if isinstance(fault, subprocess.CalledProcessError) else type(fault).__name__
        raise Problem(f"{command[0]} of [encryption] key_command gave no key ({why}); run it by hand to see why.") from None
    return _key(done.stdout, command[0])


def _key(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip().removeprefix(HEADING), validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Problem(f"{where} holds no key: a line “{HEADING}” and 32 bytes in base64, as `tingjian key new` writes it.")
    return key


# Workspaces -------------------------------------------------------------------------------------------------------------------

def of_workspace(root: Path) -> Ring:
    """The keys, once it is sure that they open what this workspace holds; raises Problem where one is missing."""
    keys = ring()
    if missing := [one for one in used(root) if one not in keys]:
        raise _missing(missing, root)
    return keys


def used(root: Path) -> list[str]:
    """Fingerprints of the keys with which values of a workspace are sealed."""
    try:
        return list(json.loads((root / MARKER).read_text(encoding="utf-8"))["keys"])
    except FileNotFoundError:
        return []


def note_use(root: Path, keys: Ring) -> None:
    """Before anything is sealed: that this key is in use here."""
    if keys.current and keys.current not in (there := used(root)):
        set_used(root, [*there, keys.current])


def set_used(root: Path, prints: Sequence[str]) -> None:
    part = root / f"{MARKER}.part"
    part.write_text(json.dumps({"keys": list(prints)}), encoding="utf-8")
    part.replace(root / MARKER)


def _missing(prints: Sequence[str], root: Path | None = None) -> Problem:
    what = f"The workspace {root} is" if root else "A value is"
    return Problem(f"{what} sealed with the key {', '.join(prints)}, which is not among yours: name it as [encryption] key_file or in "
                   "old_key_files (TINGJIAN_ENCRYPTION__KEY_FILE of the environment).")

