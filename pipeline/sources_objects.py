"""Recordings in an S3-compatible store: everything below a prefix, or a manifest that lies there.

Nothing is fetched here but a manifest; recordings follow when their batch is done (fetching.py).
"""
from __future__ import annotations

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from pipeline.manifest import AUDIO, MANIFESTS, Empty, Listing, Locate, NotThere, Unusable, below_path, read_manifest
from records import Call, Failure, Problem, Recording
from store import objects


def read(address: str) -> Listing:
    """The calls of s3://bucket/prefix, as a folder would give them: by `manifest.csv` in it where there is one, else every
    object with the ending of a recording, its stem being the `call_id`. Or those of a manifest, s3://bucket/calls.csv.

    Raises Problem without access, NotThere, Empty."""
    try:
        if PurePosixPath(address).suffix.lower() in MANIFESTS:
            return _manifest(address)
        found = list(objects.listed(address))
    except objects.Unreachable as fault:
        raise Problem(f"The store of objects does not answer ({fault}). Check AWS_ENDPOINT_URL and the network; the next run "
                      "looks again.") from fault
    folder = address.rstrip("/") + "/"
    manifests = [one.address for one in found if one.address in {f"{folder}manifest{ending}" for ending in MANIFESTS}]
    if len(manifests) > 1:
        raise Problem(f"{address} holds {' and '.join(manifests)}; give the one that counts, or remove the other.")
    return _manifest(manifests[0]) if manifests else _recordings(address, found)


def _recordings(address: str, found: list[objects.Object]) -> Listing:
    recordings: dict[str, Recording] = {}
    refused: list[Failure] = []
    for one in found:
        name = PurePosixPath(one.address)
        if name.suffix.lower() not in AUDIO or name.name.startswith("."):
            continue
        if first := recordings.get(name.stem):
            refused.append(Failure(call_id=name.stem, recording=one.address, stage="manifest", code="call_id_duplicate",
                                   message=f"{one.address}: {first.path} already has the name “{name.stem}”, which is the call_id; "
                                           "rename one of them or write a manifest."))
            continue
        recordings[name.stem] = Recording(call=Call(call_id=name.stem), path=one.address, size=one.size, state=one.state)
    if not recordings:
        raise Empty(f"{address} holds no recordings (.wav, .mp3, .m4a, .amr …) and no manifest; see docs/recordings.md.")
    return Listing(list(recordings.values()), refused)


def _manifest(address: str) -> Listing:
    with TemporaryDirectory(prefix="tingjian-") as home:
        file = Path(home) / PurePosixPath(address).name
        try:
            objects.fetch(address, file)
        except objects.Missing as fault:
            raise NotThere(f"{address} does not exist; give a prefix or a manifest (.csv, .parquet) that is there.") from fault
        return read_manifest(file, _beside(address))


def _beside(address: str) -> Locate:
    folder = address.rsplit("/", 1)[0]

    def locate(recording: str) -> str:
        if objects.is_address(recording):
            return recording
        inside = below_path(recording, "the manifest's folder")
        if not inside or inside == ".":
            raise Unusable("not_found", f"recording “{recording}” names no object; write its key below {folder}.")
        return f"{folder}/{inside}"

    return locate
