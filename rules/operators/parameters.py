"""Kinds of operator parameters."""
from __future__ import annotations

from functools import cache
from typing import Annotated

import re2
from pydantic import AfterValidator

MOST = 1_000            # characters of an expression: RE2's time grows with text times expression


class RuleRef:
    """Marks a parameter as another rule's id: `rule: Annotated[str, RuleRef]`."""


class LimitName:
    """Marks a parameter as the name of a number in the rule's `limits`, which must be there."""


class HitsOf:
    """Marks a parameter as a rule of which only the hits are asked, not the verdict: the two may refer to each other."""


@cache
def expression(pattern: str) -> re2._Regexp:
    """A regular expression of a rule's author, compiled by RE2: its time is linear in the text whatever the pattern. Raises ValueError
    for what RE2 does not take."""
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f"not a regular expression that RE2 takes: {reason}; look-around and back references are not in it") from error


def _taken(pattern: str) -> str:
    if len(pattern) > MOST:
        raise ValueError(f"a regular expression of {len(pattern)} characters; at most {MOST}")
    expression(pattern)
    return pattern


_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
Expression = Annotated[str, AfterValidator(_taken)]
"""A parameter that is a regular expression, refused with the rule where RE2 does not take it."""
