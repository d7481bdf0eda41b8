"""What is installed is pinned and hashed, and no package comes under a licence that would bind its users."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from supply import licences, lock

ROOT = Path(__file__).parent.parent
LOCKED = dict(re.findall(r"^(?:# without hash: )?([\w.-]+)==(\S+)", lock.LOCK.read_text("utf-8"), re.MULTILINE))


def test_no_package_is_forbidden_and_each_names_its_licence() -> None:
    assert licences.wrong(licences.listed()) == []


@pytest.mark.parametrize(("licence", "forbidden"), [
    ("GPL-3.0-only", True), ("AGPL-3.0", True), ("GNU General Public License v3 (GPLv3)", True), ("SSPL-1.0", True), ("", True),
    ("LGPL-3.0-only", False), ("GNU Lesser General Public License v3", False), ("MIT", False), ("MPL-2.0 AND MIT", False), ("CC-BY-NC Non-Commercial", True)])
def test_a_forbidden_licence_is_told(licence: str, forbidden: bool) -> None:
    assert bool(licences.wrong([licences.Licence("x", "1", licence)])) == forbidden


def test_every_needed_package_is_on_the_page_of_licences() -> None:
    page = (ROOT / "docs" / "licences.md").read_text("utf-8")
    assert [one.name for one in licences.listed() if f"| {one.name} |" not in page] == []


def test_every_line_of_the_lock_has_a_hash_but_for_what_is_built_here() -> None:
    lines = [line for line in lock.LOCK.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert len(lines) > 150 and all(re.fullmatch(r"[\w.-]+==\S+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    bare = re.findall(r"^# without hash: ([\w.-]+)==", lock.LOCK.read_text("utf-8"), re.MULTILINE)
    assert set(bare) <= lock.BUILT_HERE


def test_the_lock_has_the_versions_of_the_constraints() -> None:
    pinned = {licences.canonical(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;#]+)", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)}
    assert {name: version for name, version in LOCKED.items() if name in pinned and version.split("+")[0] != pinned[name].split("+")[0]} == {}
