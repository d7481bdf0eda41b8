"""How much memory a long recording takes to decode and to read: writes one (8 kHz stereo A-law WAV), then prints the peak.

python bench/long_recording.py --hours 4
"""

from __future__ import annotations

import argparse
import resource
import struct
import tempfile
import time
from pathlib import Path

import numpy as np

from pipeline.channels import layout
from pipeline.decode import decode


def peak() -> float:
    """Largest resident size so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(path: Path, hours: float) -> None:
    """Two tracks of noise in A-law that take turns every 3 s."""
    rng = np.random.default_rng(1)
    minute = rng.integers(0, 256, (60 * 8000, 2), np.uint8)
    turn = (np.arange(60 * 8000) // 24000 % 2)[:, None] == np.arange(2)
    minute = np.where(turn, minute, 0xD5).astype(np.uint8)  # 0xD5 is A-law's silence
    size = int(hours * 60) * minute.size
    with path.open("wb") as file:
        file.write(
            b"RIFF"
            + struct.pack("<I", 36 + size)
            + b"WAVEfmt "
            + struct.pack("<IHHIIHH", 16, 6, 2, 8000, 16000, 2, 8)
            + b"data"
            + struct.pack("<I", size)
        )
        for _ in range(int(hours * 60)):
            file.write(minute.tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=4.0)
    hours = parser.parse_args().hours
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        write(path, hours)
        before, begin = peak(), time.perf_counter()
        with decode(path, max_hours=hours + 1) as audio:
            decoded = time.perf_counter()
            found = layout(audio)
            for start in range(0, int(audio.duration), 60):
                audio.read(1, start, start + 60)
            end = time.perf_counter()
        print(
            f"{hours:g} h stereo ({path.stat().st_size / 1e6:.0f} MB file): decoded in {decoded - begin:.1f} s, "
            f"channels and reading {end - decoded:.1f} s ({found.kind}), "
            f"peak {peak():.0f} MB, {peak() - before:.0f} MB beyond the start"
        )


if __name__ == "__main__":
    main()
