"""Kinds of operator parameters."""
from __future__ import annotations


class RuleRef:
    """Marks a parameter as another rule's id: `rule: Annotated[str, RuleRef]`."""
