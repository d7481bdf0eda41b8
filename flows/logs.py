"""Logs on standard error: for people, or as JSON, one object a line, for a collector of logs.

JSON holds the time (UTC), level, logger and message, and of an event's own fields those in FIELDS: figures and stable words.
"""
from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from settings import Settings

FIELDS = ("event", "call_id", "code", "stage", "batch", "seconds", "calls", "failed", "waiting", "workspace")


class Lines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {"time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
                                   "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        told |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info and record.exc_info[0] is not None:
            told["exception"] = record.exc_info[0].__name__     # its text may quote what was said
        return json.dumps(told, ensure_ascii=False)


def set_up(settings: Settings, verbose: bool = False) -> None:
    """Logs of this process: JSON from `info` on where [observing] log says so, else text where `verbose` asks for it."""
    if settings.observing.log == "json":
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Lines())
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
        logging.getLogger("httpx").setLevel(logging.WARNING)     # a line for every word with Prefect's server
    else:
        logging.basicConfig(level=logging.INFO if verbose else logging.CRITICAL, stream=sys.stderr)
