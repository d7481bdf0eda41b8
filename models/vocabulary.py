"""Whisper's vocabulary cut down to what a Mandarin call can hold, while the weights are read.

More than half of the work of each decoded token is comparing it with 51,865 tokens of a hundred languages. Dropping the
rows of those that no Mandarin call holds (other scripts, longer foreign words) makes decoding about 30 % quicker and rules
out inventions in other scripts; what is decoded stays the same but for rare ties. Single bytes are all kept, so any text can
still be written. The file on disk is untouched: the smaller one exists only in memory.
"""
from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

VERSION = 1
END = "<|endoftext|>"               # the first control token
LATIN = 3                           # letters; longer foreign words are spelt with shorter tokens
CHINESE_MARKS = "，。？！、；：“”‘’（）《》…—·％℃ "
HAN_LEADS = range(0xE4, 0xEA)       # first bytes of U+4000 … U+9FFF in UTF-8
MARK_LEADS = (b"\xe2\x80", b"\xe3\x80", b"\xef\xbc")    # quotes and dashes, CJK marks, full-width forms


@dataclass(frozen=True)
class Cut:
    """A model's files in memory with a smaller vocabulary. `kept[new] = old` token ids, in rising order."""

    files: dict[str, bytes]
    kept: tuple[int, ...]


def keeps(token: bytes) -> bool:
    """Whether a text token (its bytes) may occur in a Mandarin call."""
    if len(token) <= 1:
        return True
    body = token.lstrip(b" ")
    try:
        text = token.decode()
    except UnicodeDecodeError:      # part of a character: Han or a Chinese mark, or the bytes that follow such a lead
        return body[:1] != b"" and (body[0] in HAN_LEADS or 0x80 <= body[0] < 0xC0 or body.startswith(MARK_LEADS))
    if text.isascii():
        return len(text.strip()) <= LATIN and "\n" not in text
    return all("一" <= letter <= "鿿" or letter in CHINESE_MARKS or letter.isascii() for letter in text)


def cut(directory: Path, also: Iterable[int] = ()) -> Cut | None:
    """The CTranslate2 model in `directory` with the tokens that `keeps` lets pass, the control tokens and those of `also`.

    None where the file is laid out in a way this reader does not know; the whole model is then loaded as it is.
    """
    size, tokens = _text_tokens(directory)
    wanted = set(also)
    kept = tuple(index for index in range(size) if index >= len(tokens) or index in wanted or keeps(tokens[index]))
    model = (directory / "model.bin").read_bytes()
    smaller = _with_rows(model, size, kept)
    if smaller is None:
        return None
    place = {old: new for new, old in enumerate(kept)}
    config = json.loads((directory / "config.json").read_text("utf-8"))
    for key in ("lang_ids", "suppress_ids", "suppress_ids_begin"):
        config[key] = [place[index] for index in config.get(key, ()) if index in place]
    name, names = _names(directory)
    listed = [names[index] for index in kept]
    content = json.dumps(listed, ensure_ascii=False) if name.endswith(".json") else "\n".join(listed) + "\n"
    return Cut({"model.bin": smaller, "config.json": json.dumps(config).encode(), name: content.encode()}, kept)


def _names(directory: Path) -> tuple[str, list[str]]:
    """CTranslate2's own list of tokens, and the file it stands in."""
    if (directory / "vocabulary.json").exists():
        return "vocabulary.json", json.loads((directory / "vocabulary.json").read_text("utf-8"))
    return "vocabulary.txt", (directory / "vocabulary.txt").read_bytes().decode().removesuffix("\n").split("\n")


def _text_tokens(directory: Path) -> tuple[int, list[bytes]]:
    """The size of the vocabulary, and the bytes of its text tokens (the control tokens come after them)."""
    model = json.loads((directory / "tokenizer.json").read_text("utf-8"))["model"]
    letters = _byte_letters()
    texts: list[bytes] = []
    ordered = sorted(model["vocab"].items(), key=lambda item: item[1])
    for text, index in ordered:
        if index != len(texts) or text == END or not all(letter in letters for letter in text):
            break
        texts.append(bytes(letters[letter] for letter in text))
    return len(_names(directory)[1]), texts


def _byte_letters() -> dict[str, int]:
    """The letters that byte-level BPE writes bytes with: printable ones stand for themselves, the others from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{chr(byte): byte for byte in printable}, **{chr(256 + place): byte for place, byte in enumerate(others)}}


def _with_rows(model: bytes, size: int, kept: Sequence[int]) -> bytes | None:
    """CTranslate2's binary (version 6) with every variable of `size` rows cut to the rows `kept`.

    Layout: version, name and revision of the spec, number of variables; each variable: name, rank, dimensions, type, bytes;
    then number of aliases and the pairs of names. Integers are little-endian, names have their length in front.
    """
    at = 0

    def take(form: str) -> int:
        nonlocal at
        value = struct.unpack_from(form, model, at)[0]
        at += struct.calcsize(form)
        return value

    def name() -> bytes:
        nonlocal at
        length = take("<H")
        text = model[at - 2:at + length]
        at += length
        return text

    if take("<I") != 6:
        return None
    parts: list[bytes] = [model[:4], name(), model[at:at + 8]]
    at += 4
    for _ in range(take("<I")):
        parts.append(name())
        dimensions = [take("<I") for _ in range(take("<B"))]
        kind, length = take("<B"), take("<I")
        data = model[at:at + length]
        at += length
        if dimensions and dimensions[0] == size:
            data = np.frombuffer(data, np.uint8).reshape(size, -1)[np.asarray(kept)].tobytes()
            dimensions[0] = len(kept)
        parts += [struct.pack(f"<B{len(dimensions)}IBI", len(dimensions), *dimensions, kind, len(data)), data]
    return b"".join([*parts, model[at:]])


def translator(cut_model: Cut | None) -> tuple[Callable[[Iterable[int]], list[int]], Callable[[Iterable[int]], list[int]]]:
    """(to the model's ids, back to the tokenizer's); ids that were cut are left out on the way in."""
    if cut_model is None:
        return list, list
    kept: Sequence[int] = cut_model.kept
    place: dict[int, Any] = {old: new for new, old in enumerate(kept)}
    return (lambda ids: [place[index] for index in ids if index in place]), (lambda ids: [kept[index] for index in ids])
