"""Recordings in S3-compatible object storage: addresses, listing, fetching, deleting. The library is obstore.

Credentials, endpoint and region come from the environment alone (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_SESSION_TOKEN`, `AWS_ENDPOINT_URL`, `AWS_REGION`; machine roles too): a settings file is copied and shown, an environment
less so. Faults that pass by themselves (5xx, time-outs, broken connections) are tried again here.
"""
from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from records import Problem

TRIES, WITHIN = 5, timedelta(seconds=60)        # a request is sent so often, for so long, before it counts as failed
PIECE = 1 << 20                                 # bytes fetched at a time
_ADDRESS = re.compile(r"s3://([^/]+)/?(.*)", re.IGNORECASE | re.DOTALL)


class Object(NamedTuple):
    """One object: its address, size in bytes, and `state`, a number that changes when what it holds does (from its ETag)."""

    address: str
    size: int
    state: int


class Missing(Exception):
    """There is no such object."""


class TooLarge(Exception):
    """The object has more bytes than were allowed; nothing of it was kept. The message is one line."""


class Unreachable(Exception):
    """The store did not answer, or not as it should; it may pass. The message is one line."""


def is_address(text: str) -> bool:
    """Whether `text` is an address in a store of objects (s3://bucket/key)."""
    return _ADDRESS.fullmatch(text) is not None


def listed(address: str) -> Iterator[Object]:
    """Every object below s3://bucket/prefix, in the order of the keys (UTF-8). Raises Problem without access or bucket."""
    import obstore

    bucket, prefix = _parts(address)
    prefix = prefix.strip("/")
    with _told(address):
        for some in obstore.list(_store(bucket), prefix or None):
            for one in some:
                yield Object(f"s3://{bucket}/{one['path']}", one["size"], _state(one))


def looked_at(address: str) -> Object:
    """The object's size and state. Raises Missing, Problem without access, Unreachable."""
    import obstore

    bucket, key = _parts(address)
    with _told(address):
        one = obstore.head(_store(bucket), key)
        return Object(address, one["size"], _state(one))


def fetch(address: str, to: Path, most: float | None = None) -> Object:
    """The object as the file `to`, which is complete or not there. Raises Missing, TooLarge for more than `most` bytes, Problem
    without access, Unreachable; OSError for the disk."""
    import obstore

    bucket, key = _parts(address)
    part = to.with_name(to.name + ".part")
    with _told(address):
        found = obstore.get(_store(bucket), key)
        if most is not None and found.meta["size"] > most:
            raise TooLarge(f"it has {found.meta['size'] / 1e9:.3g} GB, and at most {most / 1e9:.3g} GB are fetched")
        with part.open("wb") as file:
            for piece in found.stream(min_chunk_size=PIECE):
                file.write(piece)
    if part.stat().st_size != found.meta["size"]:
        raise Unreachable(f"{address} broke off after {part.stat().st_size} of {found.meta['size']} bytes")
    part.replace(to)
    return Object(address, found.meta["size"], _state(found.meta))


def delete(address: str) -> bool:
    """Takes the object away; False where it was gone already. Where the bucket keeps versions, its lifecycle decides on old ones."""
    import obstore

    bucket, key = _parts(address)
    try:
        looked_at(address)
    except Missing:
        return False
    with _told(address):
        obstore.delete(_store(bucket), key)
    return True


def _parts(address: str) -> tuple[str, str]:
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise Problem(f"{address} is no address of object storage; write s3://bucket/prefix.")
    return match[1], match[2]


def _state(meta: Any) -> int:
    mark = meta.get("e_tag") or meta["last_modified"].isoformat()
    return int.from_bytes(hashlib.sha256(mark.encode()).digest()[:7], "big")


def _store(bucket: str) -> Any:
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_S3") or ""
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION")
    return _opened(bucket, endpoint, tuple(os.environ.get(key) for key in keys))


@lru_cache(maxsize=8)
def _opened(bucket: str, endpoint: str, environment: tuple[str | None, ...]) -> Any:
    """One client a bucket, made anew when the environment has changed."""
    from obstore.store import S3Store

    config: Any = {"endpoint": endpoint} if endpoint else {}
    if not environment[-1] and not os.environ.get("AWS_DEFAULT_REGION"):
        config["region"] = "us-east-1"      # what stores without regions expect
    return S3Store(bucket, config=config, client_options={"allow_http": endpoint.startswith("http://"), "timeout": WITHIN},
                   retry_config={"max_retries": TRIES, "retry_timeout": WITHIN})


@contextmanager
def _told(address: str) -> Iterator[None]:
    from obstore import exceptions

    try:
        yield
    except (FileNotFoundError, exceptions.NotFoundError) as fault:
        raise Missing(f"there is no object {address}") from fault
    except (PermissionError, exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as fault:
        raise _no_access(address) from fault
    except exceptions.BaseError as fault:
        told = str(fault)
        if "NoSuchBucket" in told:
            bucket, _ = _parts(address)
            raise Problem(f"There is no bucket {bucket} at {os.environ.get('AWS_ENDPOINT_URL') or 'AWS'}; correct the address "
                          "or AWS_ENDPOINT_URL.") from fault
        if "169.254.169.254" in told or "401 Unauthorized" in told or "403 Forbidden" in told:
            raise _no_access(address) from fault
        raise Unreachable(f"{address}: {_one_line(told)}") from fault


def _no_access(address: str) -> Problem:
    return Problem(f"{address} may not be read with the credentials at hand: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
                   "(and AWS_ENDPOINT_URL for a store of your own) in the environment, with the right to list and read.")


def _one_line(told: str) -> str:
    line = told.splitlines()[0]
    return line[:300]
