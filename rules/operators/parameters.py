"""Kinds of operator parameters."""
from __future__ import annotations


class RuleRef:
    """Marks a parameter as another rule's id: `rule: Annotated[str, RuleRef]`."""


class LimitName:
    """Marks a parameter as the name of a number in the rule's `limits`, which must be there."""


class HitsOf:
    """Marks a parameter as a rule of which only the hits are asked, not the verdict: the two may refer to each other."""
