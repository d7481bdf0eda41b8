"""docs/licences.md: the licence of every package that the released set pulls in, read from what is installed.

    python supply/licences.py        # writes the page; exit code 1 where one is forbidden or says none

Forbidden is what would bind a user's own work or network service (GPL, AGPL, SSPL, non-commercial). LGPL libraries are taken as
they are, unchanged and replaceable. DECIDED holds packages whose metadata name no licence, with what their own files say.
"""
from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "licences.md"
EXTRAS = ("diarize", "sherpa", "dask")
FORBIDDEN = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|Affero|(?<!Lesser )General Public License|SSPL|Non-?Commercial|BUSL|Commons Clause", re.IGNORECASE)
DECIDED = {
    "pyannote-audio": "MIT (LICENSE in the package)", "pyannote-core": "MIT (LICENSE in the package)", "pyannote-database": "MIT (LICENSE in the package)",
    "pyannote-metrics": "MIT (LICENSE in the package)", "pyannote-pipeline": "MIT (LICENSE in the package)", "pyannoteai-sdk": "MIT (LICENSE in the package)",
    "torchcodec": "BSD-3-Clause (LICENSE in the package)",
    "text-unidecode": "Artistic License (offered beside the GPL; this one is taken)"}


class Licence(NamedTuple):
    name: str
    version: str
    licence: str


def closure(root: str = "tingjian", extras: tuple[str, ...] = EXTRAS) -> Iterator[Distribution]:
    """The installed packages that `root` with `extras` needs on this platform, itself left out."""
    waiting: list[tuple[str, tuple[str, ...]]] = [(root, extras)]
    seen: set[tuple[str, str]] = set()
    given: set[str] = set()
    while waiting:
        name, wanted = waiting.pop()
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        plain = canonical(name)
        if plain not in given and plain != root:
            given.add(plain)
            yield found
        for line in found.requires or []:
            needed = Requirement(line)
            for extra in ("", *wanted):
                if (key := (plain + extra, str(needed))) not in seen and (needed.marker is None or needed.marker.evaluate({"extra": extra})):
                    seen.add(key)
                    waiting.append((needed.name, tuple(needed.extras)))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(package: Distribution) -> str:
    """What a package says of its licence in its metadata, or what was found in its files; empty where nothing does."""
    told = package.metadata
    if decided := DECIDED.get(canonical(told["Name"])):
        return decided
    kinds = [one.split("::")[-1].strip() for one in told.get_all("Classifier") or [] if one.startswith("License ::")]
    text = told.get("License-Expression") or ""
    if not text:
        text = ", ".join(kinds) or (told.get("License") or "").strip().split("\n")[0][:80]
    return "" if text.upper() in ("UNKNOWN", "OSI APPROVED") else text


def listed() -> list[Licence]:
    return sorted(Licence(canonical(one.metadata["Name"]), one.version, licence(one)) for one in closure())


def wrong(found: list[Licence]) -> list[str]:
    """Packages that may not be here, each a sentence."""
    return [f"{one.name} {one.version}: {'no licence is named; look into its files and add it to DECIDED' if not one.licence else one.licence}"
            for one in found if not one.licence or (FORBIDDEN.search(one.licence) and one.name not in DECIDED)]


def page(found: list[Licence]) -> str:
    rows = "\n".join(f"| {one.name} | {one.version} | {one.licence.replace('|', '/')} |" for one in found)
    return (f"# Licences\n\nTingjian itself is Apache-2.0. `make licences` wrote this list of the {len(found)} packages that it and its extras "
            f"({', '.join(EXTRAS)}) pull in, from their own\nmetadata; a test fails where one is forbidden (GPL, AGPL, SSPL, non-commercial) or names none. LGPL "
            "libraries (psycopg) are used\nunchanged, as packages that anybody may replace. Model weights: [models.md](models.md); sample sounds: "
            f"[../data/README.md](../data/README.md).\n\n| package | version | licence |\n|---|---|---|\n{rows}\n")


def main() -> int:
    found = listed()
    PAGE.write_text(page(found), encoding="utf-8")
    print(f"docs/licences.md: {len(found)} packages")
    for sentence in (bad := wrong(found)):
        print(sentence, file=sys.stderr)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
