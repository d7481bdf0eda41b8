"""Verdicts from what is known of a call beside its words."""
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rules.operators.parameters import LimitName
from rules.schema import Entry, Rule, known_field
from rules.view import Outcome, View

FIELDS = {"answered_after": "振铃时长", "released_by": "挂机方", "duration": "通话时长", "customer_name": "客户姓名",
          "started_at": "通话时间", "customer_gender": "客户性别", "customer_tier": "客户等级", "agent_id": "工号",
          "agent_name": "坐席姓名", "team": "班组", "line": "业务", "organisation": "单位", "direction": "通话方向"}
"""What reasons call the fields of a call."""
_PLAIN = {("released_by", "agent"): "坐席先挂机", ("released_by", "customer"): "客户先挂机",
          ("direction", "inbound"): "呼入电话", ("direction", "outbound"): "呼出电话",
          ("customer_gender", "male"): "客户是男性", ("customer_gender", "female"): "客户是女性"}


class AtMost(Entry):
    field: Literal["answered_after", "duration"]
    limit: Annotated[str, LimitName] = "limit"
    unit: str = "秒"


def at_most(view: View, rule: Rule, params: AtMost) -> Outcome:
    """The field against `limits.<limit>` of the rule."""
    value = getattr(view.call, params.field)
    if value is None:
        return Outcome("not_applicable", reason=missing(params.field))
    limit = rule.limits[params.limit]
    good = value <= limit
    return Outcome("pass" if good else "fail", 1.0, value=float(value),
                   reason=f"{FIELDS.get(params.field, params.field)} {value:g} {params.unit}，上限 {limit:g} {params.unit}")


class Equals(Entry):
    field: Annotated[str, AfterValidator(known_field)]
    values: list[str] = Field(min_length=1)


def equals(view: View, rule: Rule, params: Equals) -> Outcome:
    """Whether the field has one of the values."""
    value = getattr(view.call, params.field)
    if value is None:
        return Outcome("not_applicable", reason=missing(params.field))
    return Outcome("pass" if value in params.values else "fail", 1.0, reason=_told(params.field, value))


def missing(field: str) -> str:
    """That the field of a call is not known, as a reviewer would say it."""
    return f"没有{FIELDS.get(field, field)}数据"


def _told(field: str, value: object) -> str:
    return _PLAIN.get((field, str(value)), f"{FIELDS.get(field, field)}：{value}")


class Nothing(Entry):
    """No parameters."""
