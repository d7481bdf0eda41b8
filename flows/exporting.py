"""Where metrics go: a text file after each run, an address while `tingjian serve` runs."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from records import Problem
from settings import Settings

log = logging.getLogger(__name__)


def leave(settings: Settings, workspace: str | Path) -> None:
    """Leaves tingjian.prom in [observing] textfile, where it is set; a folder that cannot be written is told, not fatal."""
    if settings.observing.textfile is None:
        return
    from flows.metrics import write_textfile

    try:
        write_textfile(settings.observing.textfile.expanduser(), Path(workspace).expanduser())
    except OSError as fault:
        log.warning("metrics cannot be left in %s: %s", settings.observing.textfile, fault.strerror or fault)


@contextmanager
def answering(settings: Settings, workspace: str | Path) -> Iterator[str | None]:
    """Answers /metrics while inside; gives the address, None where [observing] port is 0. Raises Problem for a taken port."""
    if not settings.observing.port:
        yield None
        return
    from prometheus_client import start_http_server

    from flows.metrics import registry

    address, port = settings.observing.address, settings.observing.port
    try:
        server, thread = start_http_server(port, address, registry(Path(workspace).expanduser()))
    except OSError as fault:
        raise Problem(f"/metrics cannot be answered on {address}:{port} ({fault.strerror or fault}): set another [observing] port, or 0 "
                      "for none.") from fault
    try:
        yield f"http://{address}:{port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
