"""All personal data of one text: the recognisers in the order in which they take precedence."""
from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.masking.addresses import addresses
from pipeline.masking.cues import Cues
from pipeline.masking.emails import emails
from pipeline.masking.names import names
from pipeline.masking.numbers import numbers
from pipeline.masking.passports import passports
from pipeline.masking.plates import plates
from pipeline.masking.showing import masked
from pipeline.masking.signs import fold

KINDS = ("id_card", "bank_card", "mobile", "landline", "plate", "passport", "email", "address", "person_name",
         "verification_code", "cvv")
Span = tuple[int, int, str]


def find(text: str, staff: Iterable[str] = (), agent: bool | None = None) -> list[Span]:
    """Where personal data stand in a text: start, end (exclusive, in characters), kind; in order, not overlapping.

    `staff` are names that are not masked, such as the agent's. `agent` tells whether an agent says it, whose own name is none of a
    customer's; without it the words must tell.
    """
    folded = fold(text)
    chosen: list[Span] = []
    taken = bytearray(len(text))
    known = frozenset(map(fold, staff))
    for span in _candidates(folded, agent):
        start, end, kind = span
        if kind == "person_name" and folded[start:end] in known:
            continue
        if not any(taken[start:end]):
            chosen.append(span)
            taken[start:end] = b"\1" * (end - start)
    return sorted(chosen)


def _candidates(folded: str, agent: bool | None) -> Iterator[Span]:
    cues = Cues(folded)
    yield from emails(folded)
    strong, weak = [], []
    for one in numbers(folded, cues):
        (strong if one.kind in ("id_card", "bank_card", "mobile") else weak).append((one.start, one.end, one.kind))
    yield from strong
    yield from plates(folded)
    yield from passports(folded, cues)
    yield from addresses(folded)
    yield from weak
    yield from names(folded, agent)


def mask(text: str, staff: Iterable[str] = ()) -> str:
    """The text with its personal data hidden; as long as `text`."""
    return masked(text, find(text, staff))
