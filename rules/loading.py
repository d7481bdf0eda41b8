"""Rule and form files from YAML, with the place of every error.

Aliases and tags are refused: a rule file is plain data, and an alias can make a small file huge.
"""
from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from records import Problem
from rules.schema import Entry

DEEPEST = 40            # levels; the deepest rule file of ours has nine
_OPENS = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken, yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken)
_CLOSES = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
_SCALARS = yaml.SafeLoader("")
_REMEDIES = {
    "extra_forbidden": "no such field here; docs/rules.md lists the fields, mind the spelling and the indentation",
    "missing": "this field is required",
    "literal_error": "write one of the words listed",
}


class Place:
    """A loaded YAML tree that knows the line of every value."""

    def __init__(self, path: Path, node: yaml.Node) -> None:
        self.path, self.lines = path, {}
        self.value = self._plain(node, ())

    def _plain(self, node: yaml.Node, at: tuple) -> Any:
        self.lines[at] = node.start_mark.line + 1
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.split(":")[-1] not in (
                "str", "int", "float", "bool", "null", "map", "seq", "timestamp"):
            raise Problem(f"{self.path} line {self.lines[at]}: the tag {node.tag} is not allowed; write plain values")
        if isinstance(node, yaml.MappingNode):
            result: dict[Any, Any] = {}
            for key, child in node.value:
                name = key.value
                if name in result:
                    raise Problem(f"{self.path} line {key.start_mark.line + 1}: {name} is given twice; keep one")
                result[name] = self._plain(child, (*at, name))
                self.lines[(*at, name)] = key.start_mark.line + 1
            return result
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child, (*at, i)) for i, child in enumerate(node.value)]
        return _SCALARS.construct_object(node)

    def line(self, at: tuple) -> int:
        """The line of a value, or of the nearest one around it."""
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)

    def say(self, at: tuple, message: str) -> str:
        field = ".".join(map(str, at))
        return f"{self.path} line {self.line(at)}{', ' + field if field else ''}: {message}"


def read(path: Path) -> Place:
    """One YAML file as plain data with places; raises Problem for what is not YAML, not UTF-8, or has aliases or tags."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        depth = 0
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            depth += isinstance(token, _OPENS) - isinstance(token, _CLOSES)
            if depth > DEEPEST:         # the parser's time grows with the square of the depth
                raise Problem(f"{path} line {token.start_mark.line + 1}: more than {DEEPEST} levels within each other; no rule needs that")
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
                line = token.start_mark.line + 1
                raise Problem(f"{path} line {line}: anchors and aliases (& and *) are not allowed; write the value out")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise Problem(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Problem(f"{path} line {line}: not YAML: {error.problem}; check indentation and colons, and "
                      "put phrases with { [ # or : into quotation marks") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise Problem(f"{path}: not YAML: {error}") from error
    if node is None:
        raise Problem(f"{path}: the file is empty; write rules or delete it")
    return Place(path, node)


def messages(error: ValidationError, place: Place, at: tuple) -> Iterator[str]:
    """pydantic's errors with file, line, field and remedy."""
    for item in error.errors():
        where = at
        for step in item["loc"]:
            if (*where, step) in place.lines or step == item["loc"][-1]:
                where = (*where, step)
        text = item["msg"].removeprefix("Value error, ")
        remedy = _REMEDIES.get(item["type"])
        if item["type"] == "extra_forbidden" and (near := get_close_matches(str(item["loc"][-1]), _fields(), 1, 0.6)):
            text, remedy = "no such field here", f"perhaps {near[0]} is meant; docs/rules.md lists the fields"
        yield place.say(where, f"{text}; {remedy}" if remedy else text)


@cache
def _fields() -> list[str]:
    """All names of fields that rule and form files may have somewhere."""
    waiting, names = [Entry], set()
    while waiting:
        entry = waiting.pop()
        waiting += entry.__subclasses__()
        names |= {field.alias or name for name, field in entry.model_fields.items()}
    return sorted(names)


def files_in(directory: Path, what: str) -> list[Path]:
    """The YAML files of a directory in order; raises Problem where there is none."""
    found = sorted(p for p in directory.glob("*") if p.suffix in (".yaml", ".yml")) if directory.is_dir() else []
    if not found:
        raise Problem(f"{directory}: no {what} (*.yaml) there; give the directory that holds them")
    return found
