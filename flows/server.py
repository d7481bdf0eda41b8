"""Prefect's API for one run, in a process of its own: `python -m flows.server`. Prints its address when it answers.

With a port it is the lasting server of `tingjian serve`, which also runs schedules and shows Prefect's pages.

Why not the temporary server that Prefect starts by itself: that one outlives a run that is killed, and takes some five
seconds of processor time from recognition when it starts. This one ends when its standard input does, that is with the
process that started it however that dies, and runs at a low priority.
"""
from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path

PRIORITY = 15       # nice: recognition goes first, the cores' idle moments are enough for the server


def main() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(PRIORITY)
    import uvicorn
    from filelock import FileLock
    from prefect.server.api.server import create_app

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            # Two first runs at once would both lay out the database.
            with FileLock(Path(os.environ["PREFECT_HOME"]) / "startup.lock"):
                await super().startup(sockets=sockets)
            print(f"http://127.0.0.1:{listener.getsockname()[1]}/api", flush=True)

    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    app = create_app(ephemeral=not port, final=True)
    Announced(uvicorn.Config(app, log_level="error", lifespan="on")).run(sockets=[listener])


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
