"""Prefect without a server of the user's: where its records lie, how it starts, and that it reports to nobody.

Nothing here imports Prefect before its environment is set. A PREFECT_API_URL of the user's is used as it stands.
"""
from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from settings import Settings, hush

START_WITHIN = 180.0    # seconds; some five on an idle machine, more when recognition takes both cores


class Server:
    """A Prefect API in a process of its own that starts while other things go on; `address` waits for it."""

    def __init__(self, settings: Settings, verbose: bool = False):
        prepare(settings, verbose)
        self._given = os.environ.get("PREFECT_API_URL")
        self._address: str | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        if not self._given:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=os.environ | {"PREFECT_SERVER_UI_ENABLED": "false"},
                start_new_session=True)     # Ctrl-C is for us: the last states must still be recorded
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()

    def address(self, within: float = START_WITHIN) -> str | None:
        """The API's address, or None when it did not come up in so many seconds."""
        if self._given:
            return self._given
        self._reader.join(within)
        return self._address

    def _read(self) -> None:
        assert self._process and self._process.stdout
        line = self._process.stdout.readline().decode().strip()
        self._address = line or None


def prepare(settings: Settings, verbose: bool = False) -> None:
    """Sets Prefect's environment; what the user has set stays."""
    hush()
    home = settings.monitoring.prefect_home.expanduser()
    for name, value in {
        "PREFECT_HOME": str(home), "PREFECT_LOGGING_LEVEL": "INFO" if verbose else "CRITICAL",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
    }.items():
        os.environ.setdefault(name, value)
    Path(os.environ["PREFECT_HOME"]).expanduser().mkdir(parents=True, exist_ok=True)


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Flows inside talk to this API. Without heartbeats: joining their thread costs a second a run."""
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_API_URL: address}, restore_defaults={PREFECT_FLOWS_HEARTBEAT_FREQUENCY}):
        yield
