"""The hits of a rule's `find` from those of its leaves: groups of parts, and overlaps as one."""
from __future__ import annotations

from collections.abc import Sequence

from rules.compiling import Node
from rules.scanning import Hit, Scan


def nothing(node: Node, scan: Scan) -> bool:
    """Whether a part has surely no hits, told without placing regular expressions."""
    if node.leaf >= 0:
        return scan.nothing(node.leaf)
    if node.all:
        return any(nothing(child, scan) for child in node.all)
    return all(nothing(child, scan) for child in node.any)


def gather(node: Node, scan: Scan, window: frozenset[int] | None) -> Sequence[Hit]:
    """The hits of `find` in a window: a leaf's, or those of a group in the turns where the group holds."""
    if node.leaf >= 0:
        return scan.of(node.leaf, window)
    hits: list[Hit] = []
    if not (node.all or node.none) and node.at_least == 1:
        for child in node.any:
            hits += gather(child, scan, window)
        return hits
    if nothing(node, scan):
        return ()
    turns: set[int] | None = None
    if node.any:
        children = [gather(child, scan, window) for child in node.any]
        hits = [hit for child in children for hit in child]
        if node.at_least > 1:
            counts: dict[int, int] = {}
            for child in children:
                for turn in {hit.turn for hit in child}:
                    counts[turn] = counts.get(turn, 0) + 1
            turns = {turn for turn, count in counts.items() if count >= node.at_least}
        elif node.all or node.none:
            turns = {hit.turn for hit in hits}
        if not hits:
            return ()
    for child in node.all:
        more = gather(child, scan, window)
        hits += more
        there = {hit.turn for hit in more}
        turns = there if turns is None else turns & there
        if not turns:  # what the other parts find is of no use any more
            return ()
    for child in node.none:
        there = {hit.turn for hit in gather(child, scan, window)}
        turns = (turns if turns is not None else {hit.turn for hit in hits}) - there
    return hits if turns is None else [hit for hit in hits if hit.turn in turns]


def join(hits: Sequence[Hit]) -> list[Hit]:
    """Overlapping hits of one rule as one: the surest decides confidence and match, the span is theirs together."""
    if len(hits) == 1:
        return [hits[0]]
    ordered = sorted(hits, key=lambda h: (h.start, -h.end))
    joined = [ordered[0]]
    for hit in ordered[1:]:
        last = joined[-1]
        if hit.start >= last.end:
            joined.append(hit)
            continue
        best = hit if (not hit.weak, hit.confidence) > (not last.weak, last.confidence) else last
        joined[-1] = best._replace(turn=last.turn, start=last.start, end=max(last.end, hit.end))
    return joined
