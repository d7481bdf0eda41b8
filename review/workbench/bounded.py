"""No request may be larger than a page of ours ever sends: neither by what it announces nor by what then comes."""
from __future__ import annotations

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 2 << 20          # bytes: a card with a reason to each of a hundred items is some 100 KB


class _TooMuch(Exception):
    pass


class Bounded:
    """Answers 413 to a body over `most` bytes instead of reading it."""

    def __init__(self, app: ASGIApp, most: int = MOST) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not announced.isdigit() or int(announced) > self.most:
            return await _refuse(send)
        seen, begun = 0, False

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most:
                raise _TooMuch
            return message

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            return await self.app(scope, bounded, noting)
        except _TooMuch:
            if not begun:
                return await _refuse(send)
            raise


async def _refuse(send: Send) -> None:
    body = json.dumps({"message": "请求太大。The request is too large."}, ensure_ascii=False).encode()
    await send({"type": "http.response.start", "status": 413, "headers": [(b"content-type", b"application/json"), (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
