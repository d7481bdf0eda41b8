"""Everything a rule can be decided by that is more than counting hits: one visible table, a file an operator family.

To add one: write a function `(view, rule, params) -> Outcome` with its parameters as an Entry, and add a row here.
Parameters of type RuleRef name other rules of the pack; the loader checks them and orders the rules by them.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rules.operators import calendar, metadata
from rules.operators.parameters import RuleRef
from rules.schema import Entry
from rules.view import Outcome


class Operator(NamedTuple):
    run: Callable[..., Outcome]
    params: type[Entry]
    does: str


TABLE: dict[str, Operator] = {
    "metadata_at_most": Operator(metadata.at_most, metadata.AtMost, "a number of the call's metadata is at most a limit"),
    "metadata_equals": Operator(metadata.equals, metadata.Equals, "a field of the metadata has one of some values"),
    "both_speak": Operator(metadata.both_speak, metadata.Nothing, "agent and customer are both heard (for applies)"),
    "fits_the_day": Operator(calendar.fits_the_day, calendar.FitsTheDay, "on days off the greeting names the right day"),
}


def references(params: Entry) -> list[str]:
    """Ids of the rules that an operator's parameters name."""
    return [value for name, field in type(params).model_fields.items()
            if RuleRef in field.metadata and isinstance(value := getattr(params, name), str)]


__all__ = ["TABLE", "Operator", "RuleRef", "references"]
