"""What all tests share: a process of tests compiles the same rules once, and the longest files of tests come first."""
from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import rules.needles
import rules.phrases

# Files of tests that take longest. Those that come last leave one process waiting for the other (Makefile, `test`).
LONGEST = ("end_to_end", "accessibility", "faults", "workbench_saving", "workbench_browser", "workbench_keys", "deployments",
           "mono", "workbench", "speech", "rescore", "traces", "bench_speech", "shelf", "reports", "api", "person", "docs_example")

_expanded = cache(rules.phrases.expand)


def expand(template: str, slots: frozenset[str]) -> list[rules.phrases.Template]:
    """`rules.phrases.expand`; the built-in pack alone has 1,300 templates, and a copy of it with one rule changed has them again."""
    return list(_expanded(template, slots))


# Before the modules that take them by name are imported.
rules.phrases.expand = expand
rules.needles.needles = cache(rules.needles.needles)

import rules.pack  # noqa: E402
from rules.overriding import Limits  # noqa: E402
from rules.pack import BUILT_IN, Pack  # noqa: E402

_compiled: dict[tuple[object, ...], Pack] = {}
_load = rules.pack.load


def load(directory: Path | None = None, limits: Limits | None = None) -> Pack:
    """`rules.pack.load`, without compiling again what is letter by letter what it was; the built-in pack takes seconds.

    A pack never changes once it is loaded, but its maps could: each caller gets maps of its own. What has mistakes is read anew.
    """
    home = Path(directory or BUILT_IN)
    files = tuple((path.name, path.read_bytes()) for path in sorted(home.glob("*.y*ml"))) if home.is_dir() else ()
    key = (directory and str(home), files, repr(limits))
    if key not in _compiled:
        _compiled[key] = _load(directory, limits)
    pack = _compiled[key]
    return Pack(dict(pack.rules), dict(pack.params), pack.plan, pack.version.removeprefix("sha256:"), dict(pack.places))


rules.pack.load = load


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {f"test_{name}.py": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))
