"""Stage 2: a file becomes sound at 16 kHz, channels kept, in bounded memory; or it is refused with a reason.

Only well-known containers are opened (a playlist dressed as a WAV is not), through an open file handle, so that nothing but
the given file is ever read. docs/recordings.md lists formats and refusals.
"""
from __future__ import annotations

import hashlib
import io
import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.error import EOFError as EndOfFile
from av.error import FFmpegError

from pipeline import signature

RATE = 16000
IN_MEMORY = 32 << 20  # bytes of 16-bit sound kept in memory: 17 minutes mono; more goes to an unlinked temporary file
BLOCK = 1 << 19       # samples a channel converted at a time
SHORTEST = 0.1        # seconds; less holds no syllable
FORMATS = "wav,w64,aiff,au,caf,mp3,mov,aac,amr,ogg,flac,matroska,asf,gsm"
EXACT = {"mov", "matroska", "flac", "aiff", "caf", "asf"}  # containers whose header knows the length
TIMED = {"mov", "matroska", "ogg", "asf"}  # containers whose packets carry times, so that gaps (DTX) are filled with silence


class Refused(Exception):
    """A recording that cannot be used. `code` is a stable short word, `message` a sentence, `retryable`: it may pass."""

    def __init__(self, code: str, message: str, retryable: bool = False):
        super().__init__(message)
        self.code, self.message, self.retryable = code, message, retryable


class Probe(NamedTuple):
    """What the header says, without decoding. `duration` in seconds is a guess where the format does not know it."""

    duration: float
    channels: int
    sample_rate: int
    codec: str
    size: int


class Audio:
    """Decoded sound: 16 kHz, 16 bits, one or two channels; `duration` in seconds, `sha256` of the file's bytes.

    May be read by several threads at once; close it, or use it as a context manager, to free the temporary file.
    """

    sample_rate = RATE

    def __init__(self, store: Any, frames: int, channels: int, *, sha256: str = "", source_rate: int = RATE, codec: str = "",
                 warnings: tuple[str, ...] = ()):
        self._store, self._lock, self.frames, self.channels = store, threading.Lock(), frames, channels
        self.sha256, self.source_rate, self.codec, self.warnings = sha256, source_rate, codec, warnings

    @classmethod
    def from_samples(cls, samples: np.ndarray, **facts: Any) -> Audio:
        """From float samples in [-1, 1] at 16 kHz, shape (n,) or (channels, n)."""
        samples = np.atleast_2d(samples)
        store = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        store.write(np.clip(np.rint(samples.T * 32768), -32768, 32767).astype("<i2").tobytes())
        return cls(store, samples.shape[1], samples.shape[0], **facts)

    @property
    def duration(self) -> float:
        return self.frames / RATE

    def read(self, channel: int, start: float = 0.0, end: float | None = None) -> np.ndarray:
        """Samples of a channel from `start` to `end` (seconds, cut to what there is): float32 mono in [-1, 1]."""
        if not 0 <= channel < self.channels:
            raise IndexError(f"channel {channel} of {self.channels}")
        first = min(max(0, round(start * RATE)), self.frames)
        last = self.frames if end is None else min(max(first, round(end * RATE)), self.frames)
        out = np.empty(last - first, np.float32)
        for at in range(first, last, BLOCK):
            count = min(BLOCK, last - at)
            with self._lock:
                self._store.seek(at * self.channels * 2)
                data = self._store.read(count * self.channels * 2)
            out[at - first:at - first + count] = np.frombuffer(data, "<i2").reshape(-1, self.channels)[:, channel]
        out /= 32768
        return out

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Audio:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def probe(path: str | Path) -> Probe:
    """The header of a recording, cheaply, for making batches. Raises Refused as decode does, but sees no later damage."""
    with _opened(Path(path)) as file:
        size = os.fstat(file.fileno()).st_size
        with _container(file, Path(path), size) as container:
            stream = _stream(container, Path(path))
            duration = _length(file, container, stream, size)
            return Probe(duration, stream.channels, stream.sample_rate, stream.codec.name, size)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The container of a recording for what copies its sound: only a regular file in a known format is opened, and nothing that it
    names. Raises Refused."""
    with _opened(path) as file, _container(file, path, os.fstat(file.fileno()).st_size) as container:
        yield container


def decode(path: str | Path, *, max_hours: float, store: Any = None) -> Audio:
    """The whole recording as Audio. Raises Refused; the file is only read, and what is temporary has no name on disk.

    The sound is written to `store`, where one is given. A recording from elsewhere may crash the decoders: decoders.py does
    this in a process of its own."""
    path = Path(path)
    with _opened(path) as file:
        before = os.fstat(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        store = store or tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        try:
            return _decode(path, file, before, digest, store, max_hours)
        except OSError as fault:
            store.close()
            raise Refused("no_space" if fault.errno == 28 else "unreadable", f"{path.name} could not be read or kept "
                          f"({fault.strerror or fault}); check the disk and TMPDIR.", retryable=True) from fault
        except BaseException:
            store.close()
            raise


def _decode(path: Path, file: io.BufferedReader, before: os.stat_result, digest: str, store: Any, max_hours: float) -> Audio:
    size = before.st_size
    with _container(file, path, size) as container:
        stream = _stream(container, path)
        kind = container.format.name.split(",")[0]
        declared = _length(file, container, stream, size)
        channels, rate, codec = stream.channels, stream.sample_rate, stream.codec.name
        if channels > 2:
            raise Refused("too_many_channels", f"{path.name} has {channels} channels; mix it down to two, one a speaker.")
        if (exact := kind in EXACT or (kind == "wav" and bool(signature.wave(file, size)))) and declared > max_hours * 3600:
            raise _too_long(path, declared, max_hours)
        warnings = []
        if len(container.streams.audio) > 1:
            warnings.append(f"has {len(container.streams.audio)} sound tracks; the first is used")
    damage = Damage()
    # Opened afresh: looking at the header has moved the handle under the demuxer.
    with _container(file, path, size) as container:
        frames = _resample(container, damage, store, channels, kind, lambda done: _guard(path, done, max_hours))
    after, now = os.fstat(file.fileno()), _stat(path)
    if {(s.st_size, s.st_mtime_ns) for s in (before, after, now)} != {(size, before.st_mtime_ns)}:
        raise Refused("changed_while_read", f"{path.name} changed while it was read; wait until it is complete.",
                      retryable=True)
    head = _head(file)
    if kind == "mp3":
        exact = signature.mp3_counts_its_frames(head)
    _judge(path, file, size, kind, declared if exact and kind != "wav" else None, frames / RATE, damage)
    if damage.bad:
        warnings.append(f"{damage.bad} of {damage.packets} packets are damaged and were left out")
    return Audio(store, frames, channels, sha256=digest, source_rate=rate, codec=codec, warnings=tuple(warnings))


@dataclass
class Damage:
    """Packets that a decoder refused: how many, and whether the last (`at_end`) or the reading (`broken`) failed."""

    packets: int = 0
    bad: int = 0
    at_end: bool = False
    broken: bool = False


def _resample(container: Any, damage: Damage, store: Any, channels: int, kind: str, guard: Any) -> int:
    """Decodes into `store` as interleaved 16-bit samples at 16 kHz; returns the number of samples a channel."""
    layout = "mono" if channels == 1 else "stereo"
    options = {"filter_size": "64", "cutoff": "0.95"} | ({"async": "1", "first_pts": "0"} if kind in TIMED else {})
    done = 0
    resampler = shape = None

    def keep(frame: Any) -> None:
        nonlocal done
        for out in resampler.resample(frame) if resampler else []:
            store.write(memoryview(out.planes[0])[: out.samples * channels * 2])
            done += out.samples
        guard(done / RATE)

    for frame in _frames(container, damage):
        if shape != (now := (frame.format.name, frame.layout.name, frame.sample_rate)):
            keep(None)  # a stream may change its rate on the way: finish with the old one first
            resampler, shape = AudioResampler("s16", layout, RATE, options=options), now
        keep(frame)
    keep(None)
    return done


def _frames(container: Any, damage: Damage) -> Iterator[Any]:
    """Decoded frames; damaged packets are counted and left out."""
    stream = container.streams.audio[0]
    stream.codec_context.thread_count = 1
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FFmpegError:
            damage.broken = True
            packet = None
        try:
            frames = packet.decode() if packet else stream.codec_context.decode(None)
            damage.packets += packet is not None and packet.size > 0
            damage.at_end = damage.at_end and not frames
        except EndOfFile:
            return
        except (FFmpegError, ValueError):
            damage.packets, damage.bad, damage.at_end = damage.packets + 1, damage.bad + 1, True
            frames = []
        yield from frames
        if damage.broken:
            return


def _judge(path: Path, file: BinaryIO, size: int, kind: str, declared: float | None, duration: float,
           damage: Damage) -> None:
    """Raises Refused for what was decoded but is no whole recording."""
    if damage.bad and (duration < SHORTEST or damage.bad > max(5, 0.2 * damage.packets)):
        reason = signature.not_sound(_head(file))
        if kind in {"mp3", "aac", "gsm"}:  # formats so loose that any bytes may pass for them
            raise Refused(reason.code, f"{path.name}: {reason.message}.")
        raise Refused("corrupt", f"{path.name} is damaged: {damage.bad} of {damage.packets} packets cannot be decoded; "
                                 "export it again.")
    wave = signature.wave(file, size) if kind == "wav" else None
    if wave and wave.declared and wave.declared - wave.present > max(1, wave.byte_rate) * 0.1:
        raise _truncated(path, f"its header announces {wave.declared} bytes of sound and {max(0, wave.present)} are there")
    lost = 0.5 * damage.bad  # a damaged packet takes its neighbours along until the decoder finds its way again
    if declared and declared - duration > max(0.5, min(5.0, 0.02 * declared)) + lost:
        raise _truncated(path, f"its header announces {declared:.1f} s and {duration:.1f} s are there")
    if kind == "ogg" and signature.ogg_is_cut(file, size):
        raise _truncated(path, "its last page is not complete")
    if damage.broken or (damage.at_end and damage.bad):
        raise _truncated(path, f"it breaks off after {duration:.1f} s in the middle of a packet")
    if duration < SHORTEST:
        raise Refused("zero_length", f"{path.name} holds {duration:.2f} s of sound, which is no call; check the recorder.")


# Opening --------------------------------------------------------------------------------------------------------------

def _opened(path: Path) -> io.BufferedReader:
    info = _stat(path)
    if not stat.S_ISREG(info.st_mode):
        raise Refused("not_audio", f"{path.name} is not a file but a folder or a device; give the recording itself.")
    if not info.st_size:
        raise Refused("empty_file", f"{path.name} is empty (0 bytes); copy or export it again.")
    try:
        return path.open("rb")
    except OSError as fault:
        raise _unreadable(path, fault) from fault


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise Refused("not_found", f"{path} is not there; correct the path or copy the file.") from None
    except OSError as fault:
        raise _unreadable(path, fault) from fault


def _unreadable(path: Path, fault: OSError) -> Refused:
    return Refused("unreadable", f"{path.name} cannot be opened ({fault.strerror}); check its permissions and the disk.",
                   retryable=True)


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(4096)


class _Unnamed:
    """The open file without its name, so that no format is guessed from an extension."""

    def __init__(self, file: BinaryIO):
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _container(file: BinaryIO, path: Path, size: int) -> Any:
    head = _head(file)
    if reason := signature.refusal(head, path.suffix.lower()):
        raise Refused(reason.code, f"{path.name}: {reason.message}.")
    boxes = signature.mp4_boxes(file, size)
    if boxes and signature.mp4_is_encrypted(file, boxes):
        raise Refused("encrypted", f"{path.name} is an encrypted MP4 (DRM); export it without protection.")
    if boxes and b"moov" not in boxes and b"moof" not in boxes:
        raise _truncated(path, "its index (moov) is missing, which is written last")
    file.seek(0)
    try:
        return av.open(_Unnamed(file), options={"format_whitelist": FORMATS})
    except (FFmpegError, ValueError) as fault:
        if boxes or head.startswith((b"RIFF", b"RF64", b"fLaC", b"OggS", b"#!AMR", b"ID3", b"\x1aE\xdf\xa3")):
            raise _truncated(path, "it ends within its header") from fault
        reason = signature.not_sound(head)
        raise Refused(reason.code, f"{path.name}: {reason.message}.") from fault


def _stream(container: Any, path: Path) -> Any:
    if not container.streams.audio:
        raise Refused("no_audio_stream", f"{path.name} holds no sound track; give the recording that has one.")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise Refused("unsupported_codec", f"{path.name} is in a coding that is not known here; export it as PCM WAV.")
    if not stream.channels or not stream.sample_rate:
        raise Refused("zero_length", f"{path.name} has a header and no sound; check the recorder.")
    return stream


def _length(file: BinaryIO, container: Any, stream: Any, size: int) -> float:
    """Seconds by the header, else by the bit rate, else as if it were 64 kbit/s."""
    at = file.tell()
    wave = signature.wave(file, size)
    file.seek(at)
    if wave and wave.byte_rate:
        return max(0, wave.present if wave.declared is None else wave.declared) / wave.byte_rate
    if known := max(float((stream.duration or 0) * stream.time_base), (container.duration or 0) / av.time_base):
        return known
    return size * 8 / (container.bit_rate or stream.codec_context.bit_rate or 64000)


def _guard(path: Path, seconds: float, max_hours: float) -> None:
    if seconds > max_hours * 3600:
        raise _too_long(path, seconds, max_hours)


def _too_long(path: Path, seconds: float, max_hours: float) -> Refused:
    return Refused("too_long", f"{path.name} is longer than {max_hours:g} h ({seconds / 3600:.2f} h); "
                               "split it or raise speech.max_hours.")


def _truncated(path: Path, why: str) -> Refused:
    return Refused("truncated", f"{path.name} is cut short: {why}; copy or export it again.")
