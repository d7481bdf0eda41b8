"""Every format is decoded to 16 kHz, every unusable file is refused with its reason, and long calls need little memory."""

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline import decode as stage
from pipeline.decode import RATE, Refused, decode, probe

ROOT = Path(__file__).parent.parent
LEFT, RIGHT = 440, 900  # Hz
FORMATS = [  # name, codec, rate, channels, bit rate
    ("pcm8.wav", "pcm_u8", 11025, 1, None),
    ("pcm16.wav", "pcm_s16le", 8000, 2, None),
    ("pcm24.wav", "pcm_s24le", 44100, 2, None),
    ("pcm32.wav", "pcm_s32le", 16000, 1, None),
    ("float.wav", "pcm_f32le", 48000, 1, None),
    ("alaw.wav", "pcm_alaw", 8000, 2, None),
    ("mulaw.wav", "pcm_mulaw", 8000, 1, None),
    ("ms.wav", "adpcm_ms", 8000, 1, None),
    ("ima.wav", "adpcm_ima_wav", 8000, 2, None),
    ("call.mp3", "libmp3lame", 16000, 2, 64000),
    ("call.m4a", "aac", 16000, 2, None),
    ("call.aac", "aac", 16000, 1, None),
    ("call.amr", "libopencore_amrnb", 8000, 1, 12200),
    ("call.opus", "libopus", 48000, 2, None),
    ("call.ogg", "vorbis", 44100, 2, None),
    ("call.flac", "flac", 8000, 2, None),
    ("call.webm", "libopus", 48000, 1, None),
    ("call.aiff", "pcm_s16be", 8000, 1, None),
    ("call.mka", "pcm_s16le", 8000, 2, None),
    ("call.au", "pcm_mulaw", 8000, 1, None),
]


def recording(
    path: Path,
    codec: str = "pcm_s16le",
    rate: int = 8000,
    channels: int = 1,
    bit_rate: int | None = None,
    seconds: float = 3.0,
) -> Path:
    """A file with 440 Hz on the left and 900 Hz on the right."""
    layout = {1: "mono", 2: "stereo", 4: "quad"}[channels]
    t = np.arange(int(rate * seconds)) / rate
    samples = np.stack([0.3 * np.sin(2 * np.pi * hertz * t) for hertz in [LEFT, RIGHT, LEFT, RIGHT][:channels]])
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"})
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(samples.astype("f4"), format="fltp", layout=layout)
        frame.sample_rate = rate
        pieces = av.AudioResampler(stream.format, stream.layout, rate, frame_size=stream.codec_context.frame_size or 0)
        for piece in [*pieces.resample(frame), *pieces.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return path


def loudest(samples: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * RATE / samples.size)


@pytest.mark.parametrize("name, codec, rate, channels, bit_rate", FORMATS)
def test_a_format_is_decoded_with_its_channels_apart(tmp_path, name, codec, rate, channels, bit_rate):
    path = recording(tmp_path / name, codec, rate, channels, bit_rate)
    before = sorted(tmp_path.iterdir())
    with decode(path, max_hours=1) as audio:
        assert (audio.channels, audio.source_rate, audio.warnings) == (channels, rate, ())
        assert audio.duration == pytest.approx(3, abs=0.12)
        for channel, hertz in list(enumerate([LEFT, RIGHT]))[:channels]:
            samples = audio.read(channel, 0.5, 2.5)
            assert (samples.dtype, samples.size) == (np.float32, 2 * RATE)
            assert loudest(samples) == pytest.approx(hertz, abs=2)
            assert np.sqrt(np.square(samples).mean()) == pytest.approx(0.212, rel=0.3)
    assert sorted(tmp_path.iterdir()) == before
    if codec != "vorbis":  # FFmpeg's experimental encoder writes a last granule of 8576, so the header itself says 0.19 s
        assert probe(path).duration == pytest.approx(3, abs=0.2)
    assert (probe(path).channels, probe(path).sample_rate) == (channels, rate)


def test_gsm_in_wav_is_decoded(tmp_path):
    """Made by hand, since no encoder is at hand: 50 blocks of 65 bytes, 320 samples each, at 8 kHz."""
    header = struct.pack("<HHIIHHHH", 0x31, 1, 8000, 1625, 65, 0, 2, 320)
    data = bytes(65 * 50)
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(data)) + data
    (tmp_path / "gsm.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with decode(tmp_path / "gsm.wav", max_hours=1) as audio:
        assert (audio.duration, audio.codec) == (pytest.approx(2, abs=0.01), "gsm_ms")


def test_resampling_leaves_no_mirror_image(tmp_path):
    path = tmp_path / "tone.wav"
    t = np.arange(16000) / 8000
    write_wav(path, (8000 * np.sin(2 * np.pi * 3000 * t)).astype("<i2").tobytes())
    with decode(path, max_hours=1) as audio:
        samples = audio.read(0, 0.5, 1.5)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    assert spectrum[4500:5500].max() < spectrum.max() * 10 ** (-60 / 20)


def write_wav(path: Path, data: bytes, announced: int | None = None) -> Path:
    size = len(data) if announced is None else announced
    header = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<I", size)
    path.write_bytes(b"RIFF" + struct.pack("<I", min(size + 36, 0xFFFFFFFF)) + header + data)
    return path


@pytest.mark.parametrize("announced", [0, 0xFFFFFFFF, 0x7FFFFFDB])
def test_a_wav_whose_recorder_left_its_size_open_is_whole(tmp_path, announced):
    with decode(write_wav(tmp_path / "a.wav", bytes(16000 * 2), announced), max_hours=1) as audio:
        assert audio.duration == pytest.approx(2, abs=0.01)
    assert probe(tmp_path / "a.wav").duration == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize(
    "name, codec, rate, channels, bit_rate", [row for row in FORMATS if row[0] not in {"call.aac", "call.au"}]
)
def test_a_truncated_file_is_refused_with_its_reason(tmp_path, name, codec, rate, channels, bit_rate):
    path = recording(tmp_path / name, codec, rate, channels, bit_rate)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    with pytest.raises(Refused) as refused:
        decode(path, max_hours=1)
    assert refused.value.code == "truncated" and name in refused.value.message


def video(path: Path) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        out.mux(stream.encode(None))


def sealed_mp4(path: Path) -> None:
    """An MP4 whose sample entry is renamed as a packager with DRM does."""
    recording(path, "aac", 16000)
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"enca").replace(b"udta", b"sinf"))


NOISE = np.random.default_rng(7).bytes(60000)
REFUSALS = {  # name: (how it is made, code, what is said)
    "gone.wav": (lambda path: None, "not_found", "is not there"),
    "folder.wav": (Path.mkdir, "not_audio", "folder"),
    "empty.wav": (lambda path: path.write_bytes(b""), "empty_file", "0 bytes"),
    "text.mp3": (lambda path: path.write_text("这不是录音。" * 100, "utf-8"), "not_audio", "no sound format"),
    "page.wav": (lambda path: path.write_text("<!DOCTYPE html><p>404"), "not_audio", "web page"),
    "list.wav": (lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\n/etc/hostname\n"), "not_audio", "playlist"),
    "noise.wav": (lambda path: path.write_bytes(b"\0" + NOISE), "not_audio", "may be encrypted"),
    "video.mp4": (video, "no_audio_stream", "no sound track"),
    "header.wav": (lambda path: write_wav(path, b""), "zero_length", "0.00 s"),
    "blink.wav": (lambda path: write_wav(path, bytes(100)), "zero_length", "0.01 s"),
    "cut.wav": (lambda path: path.write_bytes(b"RIFF\x00\x10\x00\x00WAVEfmt "), "truncated", "header"),
    "sealed.m4a": (sealed_mp4, "encrypted", "DRM"),
    "call.7z": (lambda path: path.write_bytes(b"7z\xbc\xaf\x27\x1c" + NOISE), "encrypted", "7z"),
    "call.wav.age": (lambda path: path.write_bytes(b"age-encryption.org/v1\n" + NOISE), "encrypted", "age"),
    "call.wav.gpg": (lambda path: path.write_bytes(b"\x85\x01\x0c" + NOISE), "encrypted", "PGP"),
    "secret.zip": (lambda path: path.write_bytes(b"PK\x03\x04\x14\x00\x01\x00" + NOISE), "encrypted", "password"),
    "call.ulaw": (lambda path: path.write_bytes(NOISE), "headerless", "ffmpeg -f mulaw"),
    "quad.wav": (lambda path: recording(path, channels=4), "too_many_channels", "4 channels"),
    "long.wav": (lambda path: write_wav(path, bytes(16000 * 400)), "too_long", "0.1 h"),
    "long.amr": (lambda path: path.write_bytes(b"#!AMR\n" + (b"\x3c" + bytes(31)) * 50 * 400), "too_long", "0.1 h"),
    "torn.m4a": (lambda path: tear(recording(path, "aac", 16000, seconds=20)), "corrupt", "packets"),
}


def tear(path: Path) -> None:
    """The coded sound is overwritten with chance, the container left whole."""
    data = path.read_bytes()
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    path.write_bytes(data[:start] + (NOISE * 9)[: end - start] + data[end:])


@pytest.mark.parametrize("name", REFUSALS)
def test_an_unusable_file_is_refused_with_code_and_reason(tmp_path, name):
    make, code, said = REFUSALS[name]
    make(tmp_path / name)
    with pytest.raises(Refused) as refused:
        decode(tmp_path / name, max_hours=0.1)
    assert (refused.value.code, refused.value.retryable) == (code, False), refused.value.message
    assert said in refused.value.message and name in refused.value.message


def test_a_file_that_may_not_be_opened_may_be_tried_again(tmp_path, monkeypatch):
    path = write_wav(tmp_path / "a.wav", bytes(32000))

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(Refused) as refused:
        decode(path, max_hours=1)
    assert (refused.value.code, refused.value.retryable) == ("unreadable", True)


def test_a_file_that_grows_while_it_is_read_may_be_tried_again(tmp_path, monkeypatch):
    path = write_wav(tmp_path / "a.wav", bytes(32000), 0)
    whole = stage._resample

    def growing(*arguments):
        with path.open("ab") as file:
            file.write(bytes(1600))
        return whole(*arguments)

    monkeypatch.setattr(stage, "_resample", growing)
    with pytest.raises(Refused) as refused:
        decode(path, max_hours=1)
    assert (refused.value.code, refused.value.retryable) == ("changed_while_read", True)


@pytest.mark.parametrize("name, codec", [("a.m4a", "aac"), ("a.mp3", "libmp3lame")])
def test_a_few_damaged_packets_are_left_out_and_counted(tmp_path, name, codec):
    path = recording(tmp_path / name, codec, 16000, 1, 32000, seconds=20)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = NOISE[:300]
    path.write_bytes(data)
    with decode(path, max_hours=1) as audio:
        assert audio.duration == pytest.approx(20, abs=1)
        assert re.search(r"\d of \d+ packets are damaged", audio.warnings[0])


def test_reading_cuts_to_what_there_is_and_joins_without_a_seam(tmp_path):
    with decode(recording(tmp_path / "a.wav"), max_hours=1) as audio:
        whole = audio.read(0)
        parts = np.concatenate([audio.read(0, at, at + 0.7) for at in np.arange(0, 3.5, 0.7)])
        assert np.array_equal(whole, parts) and audio.read(0, 5, 9).size == 0 and audio.read(0, -1, 0.5).size == RATE // 2
        with pytest.raises(IndexError):
            audio.read(1)


def test_the_hash_is_that_of_the_file(tmp_path):
    path = recording(tmp_path / "a.wav")
    with decode(path, max_hours=1) as audio:
        assert audio.sha256 == subprocess.run(["sha256sum", path], capture_output=True, text=True).stdout.split()[0]


def test_an_hour_of_stereo_needs_little_memory(tmp_path):
    shown = subprocess.run(
        [sys.executable, ROOT / "bench" / "long_recording.py", "--hours", "1"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
    )
    assert shown.returncode == 0, shown.stderr
    assert float(re.search(r"(\d+) MB beyond", shown.stdout)[1]) < 200, shown.stdout


def test_every_refusal_code_is_in_the_page_of_recordings():
    page = (ROOT / "docs" / "recordings.md").read_text("utf-8")
    codes = set()
    for name in ("manifest", "decode", "decoders", "signature"):
        source = (ROOT / "pipeline" / f"{name}.py").read_text("utf-8")
        codes |= set(re.findall(r'(?:Refused|Reason|bad|code=)\(?\s*"([a-z_]+)"', source)) | set(
            re.findall(r'"(no_space|unreadable)"', source)
        )
    assert len(codes) > 15
    assert not [code for code in sorted(codes) if f"`{code}`" not in page]
