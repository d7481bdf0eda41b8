"""Kinds of operator parameters."""
from __future__ import annotations


class RuleRef:
    """Marks a parameter as another rule's id: `rule: Annotated[str, RuleRef]`."""


class HitsOf:
    """Marks a parameter as a rule of which only the hits are asked, not the verdict: the two may refer to each other."""
