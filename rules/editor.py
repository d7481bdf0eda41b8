"""For people who write rules: a copy of the pack and forms to change, and JSON Schemas by which editors complete and check."""
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

RULES_SCHEMA, FORM_SCHEMA = "rules.schema.json", "form.schema.json"


def schema_of(form: bool) -> dict[str, Any]:
    """The JSON Schema of a form file, or of a rule file."""
    from rules.form import Form
    from rules.schema import Rule

    if form:
        described = Form.model_json_schema()
    else:
        rule = Rule.model_json_schema(ref_template="#/$defs/{model}")
        parts = rule.pop("$defs")
        window = {"enum": ["opening", "closing", "anywhere"]}
        _also(rule, "where", window)
        _also(rule, "find", {"type": "array", "items": {"type": "string"}})
        _also(parts["Override"], "where", window)
        described = {"type": "object", "additionalProperties": False, "required": ["rules"],
                     "properties": {"rules": {"type": "array", "items": {"$ref": "#/$defs/Rule"}}},
                     "$defs": {**parts, "Rule": rule}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}


def _also(entry: dict[str, Any], field: str, instead: dict[str, Any]) -> None:
    """A field may also be written in a short form."""
    entry["properties"][field] = {"anyOf": [entry["properties"][field], instead]}


def copy(to: Annotated[Path, typer.Argument(help="New directory; it gets rules/, forms/ and what VS Code needs")]) -> None:
    """Copy the built-in rules and forms to a directory of your own, where you may change them."""
    from records import Problem
    from rules.form import BUILT_IN as FORMS
    from rules.pack import BUILT_IN as RULES

    if to.exists() and any(to.iterdir()):
        raise Problem(f"{to} is there and not empty; name a new directory, or go on with the files that are in it")
    try:
        for folder, built_in in (("rules", RULES), ("forms", FORMS)):
            (to / folder).mkdir(parents=True)
            for file in sorted(built_in.glob("*.yaml")):
                shutil.copyfile(file, to / folder / file.name)
        for name, form in ((RULES_SCHEMA, False), (FORM_SCHEMA, True)):
            _write(to / name, schema_of(form))
        (to / ".vscode").mkdir()
        _write(to / ".vscode" / "settings.json",
               {"yaml.schemas": {f"./{RULES_SCHEMA}": "rules/*.yaml", f"./{FORM_SCHEMA}": "forms/*.yaml"}})
    except OSError as fault:
        raise Problem(f"{to} cannot be written ({fault.strerror or fault}); name another directory") from fault
    typer.echo(f"{to}/rules and {to}/forms are yours to change. Try a change: tingjian rules test --pack {to}/rules\n"
               f"Let them count, in tingjian.toml:\n[scoring]\nrule_pack = \"{to}/rules\"\nforms = \"{to}/forms\"")


def _write(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
