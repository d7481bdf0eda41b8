"""Prefect without a server of the user's: where its records lie, how it starts, and that it reports to nobody.

Nothing here imports Prefect before its environment is set. A PREFECT_API_URL of the user's is used as it stands.
"""
from __future__ import annotations

import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from flows.watching import HEARTBEAT
from settings import Settings, hush

ANSWERS_WITHIN = 5.0    # seconds
START_WITHIN = 180.0    # seconds; some five on an idle machine, more when recognition takes both cores


class Server:
    """A Prefect API in a process of its own that starts while other things go on; `address` waits for it.

    A `lasting` one also runs schedules and shows Prefect's pages, on the port of [schedule], with records of its own, so that
    commands beside it do not share its database."""

    def __init__(self, settings: Settings, verbose: bool = False, lasting: bool = False):
        prepare(settings, verbose, lasting)
        self._port = settings.schedule.port if lasting else None
        self._given = os.environ.get("PREFECT_API_URL")
        self._address: str | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        if not self._given:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.server", *([str(self._port)] if self._port else [])],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=os.environ | {"PREFECT_SERVER_UI_ENABLED": str(self._port is not None).lower()},
                start_new_session=True)     # Ctrl-C is for us: the last states must still be recorded
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()

    @property
    def own(self) -> bool:
        """Whether it was started here, so that all its runs are this machine's."""
        return not self._given

    def address(self, within: float = START_WITHIN) -> str | None:
        """The API's address, or None when it did not come up in so many seconds."""
        if self._given:
            return self._given
        self._reader.join(within)
        return self._address

    def answers(self) -> bool:
        """Whether the API is there now."""
        address = self._given or self._address
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=ANSWERS_WITHIN):
                return True
        except OSError:
            return False

    def _read(self) -> None:
        assert self._process and self._process.stdout
        line = self._process.stdout.readline().decode().strip()
        self._address = line or None


def prepare(settings: Settings, verbose: bool = False, lasting: bool = False) -> None:
    """Sets Prefect's environment; what the user has set stays. The logs of `lasting` runs are kept with their records, and they give
    signs of life as often as the watch over them needs (flows/watching.py)."""
    hush()
    home = settings.monitoring.prefect_home.expanduser()
    for name, value in {
        "PREFECT_HOME": str(home / "served" if lasting else home),
        "PREFECT_LOGGING_LEVEL": "INFO" if verbose or lasting else "CRITICAL",
        "PREFECT_LOGGING_TO_API_ENABLED": str(lasting).lower(),
        **({"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT)} if lasting else {}),
    }.items():
        os.environ.setdefault(name, value)
    Path(os.environ["PREFECT_HOME"]).expanduser().mkdir(parents=True, exist_ok=True)


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Flows inside talk to this API. Without heartbeats: joining their thread costs a second a run."""
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_API_URL: address}, restore_defaults={PREFECT_FLOWS_HEARTBEAT_FREQUENCY}):
        yield


@contextmanager
def lasting(address: str) -> Iterator[None]:
    """The runs that are started inside, in processes of their own, talk to this API, with heartbeats: who looks at Prefect's
    pages must see that a run was killed."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: address}):
        yield
