"""What the first bytes of a file say before a decoder sees it: sound, or a reason why it cannot be sound.

Also what only the container knows: whether a WAV, Ogg or MP4 is complete. Everything here reads a few blocks, not the whole.
"""
from __future__ import annotations

import math
import os
import struct
from collections import Counter
from typing import BinaryIO, NamedTuple

HEADERLESS = frozenset((
    ".ulaw", ".ul", ".mulaw", ".alaw", ".al", ".vox", ".pcm", ".raw", ".sln", ".g711", ".g722", ".g723", ".g726", ".g729"))

_SOUND = (b"RIFF", b"RF64", b"RIFX", b"BW64", b"riff", b"OggS", b"fLaC", b"ID3", b"#!AMR", b"FORM", b".snd", b"caff",
          b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11")
_SEALED = {
    b"7z\xbc\xaf\x27\x1c": "7z archive", b"Rar!\x1a\x07": "RAR archive", b"-----BEGIN PGP": "PGP message",
    b"age-encryption.org": "age file", b"Salted__": "file encrypted by OpenSSL", b"LUKS\xba\xbe": "LUKS volume",
    b"\x85\x01": "PGP message", b"\x85\x02": "PGP message", b"\x84\x5e": "PGP message", b"\x8c\x0d\x04": "PGP message",
}
_OTHER = {
    b"PK\x03\x04": "a ZIP archive or an Office file", b"\x1f\x8b": "a gzip archive", b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture", b"GIF8": "a picture", b"SQLite format 3": "a database", b"#EXTM3U": "a playlist",
    b"<!DOCTYPE": "a web page", b"<!doctype": "a web page", b"<html": "a web page",
    b"<?xml": "an XML text", b"{": "a JSON text",
}


class Reason(NamedTuple):
    code: str
    message: str


def refusal(head: bytes, extension: str) -> Reason | None:
    """Why a file that begins with `head` (4 KiB or what there is) is not to be decoded; None when a decoder should look."""
    if head.startswith(_SOUND) or head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        return None
    if head.startswith(b"PK\x03\x04") and len(head) > 6 and head[6] & 1:
        return Reason("encrypted", "it is an encrypted ZIP archive; unpack it with its password first")
    for magic, kind in _SEALED.items():
        if head.startswith(magic):
            return Reason("encrypted", f"it is a {kind}; decrypt and unpack it first")
    for magic, kind in _OTHER.items():
        if head.startswith(magic):
            return Reason("not_audio", f"it is {kind}, whatever its name says; give the recording itself")
    if extension in HEADERLESS:
        return Reason("headerless", "it has no header, so that neither coding nor sample rate can be known; wrap it first, "
                                    "for 8 kHz mu-law: ffmpeg -f mulaw -ar 8000 -ac 1 -i IN OUT.wav (A-law: -f alaw)")
    return None


def not_sound(head: bytes) -> Reason:
    """The reason for a file that no decoder takes: text, or noise that may be an encrypted recording."""
    if looks_encrypted(head):
        return Reason("not_audio", "no sound format is recognised, and its bytes are as even as an encrypted file's: it may "
                                   "be encrypted or headerless; decrypt it or export it as WAV")
    return Reason("not_audio", "no sound format is recognised; export it as WAV, MP3, M4A, Opus or FLAC")


def looks_encrypted(head: bytes) -> bool:
    """Whether the bytes are spread as evenly as chance spreads them: over 7.6 of 8 bits, which text and PCM miss."""
    if len(head) < 1024:
        return False
    counts = Counter(head)
    return -sum(n / len(head) * math.log2(n / len(head)) for n in counts.values()) > 7.6


class Wave(NamedTuple):
    """A WAV's sizes: bytes a second, bytes of sound declared (None when the recorder left it open) and present."""

    byte_rate: int
    declared: int | None
    present: int


def wave(file: BinaryIO, size: int) -> Wave | None:
    """The sizes in a WAV's header, None for what is no WAV or has no data chunk.

    A declared size of 0 or near 2^31 or 2^32 is written by recorders that cannot seek back: the sound goes on to the end.
    """
    file.seek(0)
    riff = file.read(12)
    if riff[:4] not in {b"RIFF", b"RF64", b"BW64"} or riff[8:12] != b"WAVE":
        return None
    byte_rate, long_size = 0, None
    while len(chunk := file.read(8)) == 8:
        name, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
        if name == b"data":
            declared = long_size if length == 0xFFFFFFFF and long_size else length
            open_ended = not declared or 0x7FFF0000 <= declared < 0x80000000 or 0xFFFF0000 <= declared <= 0xFFFFFFFF
            return Wave(byte_rate, None if open_ended else declared, size - file.tell())
        start = file.tell()
        if name == b"ds64":
            long_size = struct.unpack("<QQ", file.read(16))[1]
        elif name == b"fmt ":
            byte_rate = struct.unpack("<HHII", file.read(12))[3]
        file.seek(start + length + (length & 1))
    return None


def mp4_boxes(file: BinaryIO, size: int) -> dict[bytes, tuple[int, int]] | None:
    """Top-level boxes of an MP4, name → (offset, length as written), None for what is no MP4."""
    boxes: dict[bytes, tuple[int, int]] = {}
    offset = 0
    while offset + 8 <= size and len(boxes) < 1000:
        file.seek(offset)
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        length = size - offset if length == 0 else length
        if length < 8 or not all(32 <= byte < 127 or byte == 0xA9 for byte in name):
            break
        boxes.setdefault(name, (offset, length))
        offset += length
    return boxes if boxes.keys() & {b"ftyp", b"moov"} else None


def mp4_is_encrypted(file: BinaryIO, boxes: dict[bytes, tuple[int, int]]) -> bool:
    """Whether the movie header names an encrypted sample entry (`enca`, `encv`, with its protection scheme `sinf`)."""
    if b"moov" not in boxes:
        return False
    offset, length = boxes[b"moov"]
    file.seek(offset)
    moov = file.read(min(length, 64 << 20))
    return (b"enca" in moov or b"encv" in moov) and b"sinf" in moov


def ogg_is_cut(file: BinaryIO, size: int) -> bool:
    """Whether the last Ogg page is shorter than its own table says."""
    file.seek(max(0, size - (1 << 17)), os.SEEK_SET)
    tail = file.read(1 << 17)
    at = tail.rfind(b"OggS")
    if at < 0:
        return True
    page = tail[at:]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27:27 + page[26]])


def mp3_counts_its_frames(head: bytes) -> bool:
    """Whether an MP3 says how long it is (a Xing, Info or VBRI frame); else its length is a guess from the bit rate."""
    return any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))
