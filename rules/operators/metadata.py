"""Verdicts from what is known of a call beside its words."""
from __future__ import annotations

from rules.schema import Entry, Rule
from rules.view import Outcome, View


class AtMost(Entry):
    field: str
    limit: str = "limit"
    unit: str = "秒"


def at_most(view: View, rule: Rule, params: AtMost) -> Outcome:
    """The field against `limits.<limit>` of the rule."""
    value = getattr(view.call, params.field)
    if value is None:
        return Outcome("not_applicable", reason=f"没有 {params.field} 数据")
    limit = rule.limits[params.limit]
    good = value <= limit
    return Outcome("pass" if good else "fail", 1.0, value=float(value),
                   reason=f"{value:g}{params.unit}，{'不超过' if good else '超过'}上限 {limit:g}{params.unit}")


class Equals(Entry):
    field: str
    values: list[str]


def equals(view: View, rule: Rule, params: Equals) -> Outcome:
    """Whether the field has one of the values."""
    value = getattr(view.call, params.field)
    if value is None:
        return Outcome("not_applicable", reason=f"没有 {params.field} 数据")
    return Outcome("pass" if value in params.values else "fail", 1.0, reason=f"{params.field} 为 {value}")


class Nothing(Entry):
    """No parameters."""
