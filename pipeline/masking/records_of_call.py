"""A call's records with its personal data hidden: for people and exports; and the cutting of card verification values.

Rules judge the original; what they found is quoted from the masked turns afterwards. Masked texts are as long as the original ones, so
words, evidence and highlights stay in their places.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.masking.call import mask_call
from pipeline.masking.finding import Span, find
from pipeline.masking.showing import STAR, masked
from records import Draft, Evidence, Transcript, Turn, Word

Hide = Callable[[str], str]
MANY = 4096
_nothing_in: set[str] = set()
"""Texts that nothing personal was found in: the engine says the same few hundred sentences of every call, a hundred of each."""


def hide(transcript: Transcript, draft: Draft) -> tuple[Transcript, Draft]:
    """Transcript and draft for display and export; the agent's name stays, the customer's keeps its surname."""
    staff = [transcript.agent_name] if transcript.agent_name else []
    name = transcript.customer_name
    turns = transcript.turns
    said = mask_call([turn.text for turn in turns], [turn.speaker for turn in turns], staff, [name] if name else [])

    def alone(text: str) -> str:
        known = [] if not name or len(name) < 2 else [(at, at + len(name), "person_name") for at in _places(name, text)]
        if text in _nothing_in and not known:
            return text
        found = find(text)          # whoever the agent is, so that it holds for the next call
        if not found:
            if len(_nothing_in) >= MANY:
                _nothing_in.clear()
            _nothing_in.add(text)
        return masked(text, [*(find(text, staff) if found and staff else found), *known])

    told = {"customer_name": masked(name, [(0, len(name), "person_name")]) if name else name}
    return _replaced(transcript, draft, [one.text for one in said], alone, told)


def cut_card_values(transcript: Transcript, draft: Draft) -> tuple[Transcript, Draft]:
    """Both without card verification values (PCI DSS 3.3.1: never kept after authorisation); nothing else changes."""
    found = mask_call([turn.text for turn in transcript.turns], [turn.speaker for turn in transcript.turns])
    if not any(_values(one.spans) for one in found):
        return transcript, draft
    texts = [masked(turn.text, _values(one.spans)) for turn, one in zip(transcript.turns, found, strict=True)]
    return _replaced(transcript, draft, texts, lambda text: masked(text, _values(find(text))), {})


def _values(spans: Sequence[Span]) -> list[Span]:
    return [span for span in spans if span[2] == "cvv"]


def _replaced(transcript: Transcript, draft: Draft, texts: Sequence[str], alone: Hide, told: dict[str, str | None]) -> tuple[Transcript, Draft]:
    """The records with `texts` for the turns' texts; what stands elsewhere is hidden by `alone`."""
    before = [turn.text for turn in transcript.turns]
    turns = tuple(turn_as(turn, text) for turn, text in zip(transcript.turns, texts, strict=True))
    removed = tuple(one.model_copy(update={"text": alone(one.text), "detail": alone(one.detail)}) for one in transcript.removed)

    def quoted(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
        return tuple(one.model_copy(update={"text": _quotation(one, before, texts, alone), "note": alone(one.note)}) for one in evidence)

    items = tuple(one.model_copy(update={"evidence": quoted(one.evidence), "reason": alone(one.reason)}) for one in draft.items)
    findings = tuple(one.model_copy(update={"evidence": quoted(one.evidence), "reason": alone(one.reason)}) for one in draft.findings)
    return (transcript.model_copy(update={"turns": turns, "removed": removed, **told}),
            draft.model_copy(update={"items": items, "findings": findings}))


def turn_as(turn: Turn, text: str) -> Turn:
    """The turn with another text of the same length, its words kept in step; a word that is not in the text is hidden."""
    if text == turn.text:
        return turn
    words: list[Word] = []
    cursor = 0
    for word in turn.words:
        at = turn.text.find(word.text.strip(), cursor)
        if at < 0:
            words.append(word.model_copy(update={"text": STAR * len(word.text)}))
            continue
        cursor = at + len(word.text.strip())
        words.append(word.model_copy(update={"text": word.text.replace(word.text.strip(), text[at:cursor]) if word.text.strip() else word.text}))
    return turn.model_copy(update={"text": text, "words": tuple(words)})


def _quotation(piece: Evidence, before: Sequence[str], after: Sequence[str], alone: Hide) -> str:
    """What evidence quotes, as its turn now reads; a quotation may run on over the next turns, parted by spaces."""
    if piece.turn is None or not piece.text or piece.turn >= len(before):
        return alone(piece.text)
    around = range(piece.turn, min(piece.turn + 3, len(before)))
    whole = _moved(piece.text, around, before, after)
    if whole is not None:
        return whole
    parts = piece.text.split(" ")
    moved = [_moved(part, around, before, after) for part in parts]
    return " ".join(alone(part) if now is None else now for part, now in zip(parts, moved, strict=True))


def _moved(text: str, turns: range, before: Sequence[str], after: Sequence[str]) -> str | None:
    for turn in turns:
        if (at := before[turn].find(text)) >= 0:
            return after[turn][at:at + len(text)]
    return None


def _places(name: str, text: str) -> list[int]:
    places, at = [], text.find(name)
    while at >= 0:
        places.append(at)
        at = text.find(name, at + 1)
    return places
