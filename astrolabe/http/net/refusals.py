"""Refusals that a browser can see.

A page is told nothing of an answer to its WebSocket handshake but that it failed. So what refuses a browser
is said on a WebSocket: as an `error` message, and a close code. Everyone else gets the HTTP answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from sanic.request import Request

from astrolabe.graph.views.filter import FilterError
from astrolabe.http.errors import Refusal, as_refusal
from astrolabe.http.net import close_codes

Handler = Callable[..., Coroutine[Any, Any, None]]

VERSION = {"Sec-WebSocket-Version": "13"}  # RFC 6455, 4.4


class Opened(Protocol):
    """A WebSocket that was accepted: see `websocket.WebSocket`."""

    def close(self, code: int, error: str, message: str) -> None: ...
    def read(self) -> None: ...


def is_browsers(request: Request) -> bool:
    """Whether it is the WebSocket handshake of a browser: these always have an `Origin` (RFC 6455, 4.1)."""
    return "origin" in request.headers and request.headers.get("upgrade", "").lower() == "websocket"


def is_visible(request: Request) -> bool:
    """Whether it is for the route of a WebSocket, see `visibly`."""
    return bool(getattr(request.route and request.route.ctx, "visible", False))


def defer(request: Request, refusal: Refusal) -> bool:
    """Whether the handler of the route says it, by `visibly`."""
    if not is_visible(request) or not is_browsers(request):
        return False
    request.ctx.refusal = refusal
    return True


def visibly(
    handler: Handler, accept: Callable[[Request], Any], until_lost: Callable[[Any], Awaitable[None]]
) -> Handler:
    """The handler of a WebSocket's route, whose refusals a browser can see; the route is marked `visible`.

    accept: opens a WebSocket, or raises Refusal. until_lost: waits for its end.
    """

    async def handle(request: Request, **named: str) -> None:
        try:
            refusal: Refusal | None = getattr(request.ctx, "refusal", None)
            if refusal is not None:
                request.ctx.refusal = None
                raise refusal
            await handler(request, **named)
            return
        except (Refusal, FilterError) as error:
            if not is_browsers(request):
                raise
            refusal = as_refusal(error).with_traceback(None)  # which holds this frame, as this holds it
        try:
            socket: Opened = accept(request)
        except Refusal:  # it is no handshake
            raise refusal from None
        socket.close(close_codes.of_status(refusal.status), refusal.error, refusal.message)
        socket.read()
        await until_lost(socket)

    return handle


#: What nginx needs so that the server is told the name by which it was asked.
HOST_LINE = "proxy_set_header Host $http_host"


def check_upgrade(request: Request, *, knows_host: bool = True) -> None:
    """Raises Refusal where it is no request to upgrade, as behind a proxy that does not pass that on.

    knows_host: false where the proxy does not seem to pass on the host either.
    """
    missing = _missing(request)
    if missing:
        lines = " ".join(f"{line};" for line in [*missing, *([] if knows_host else [HOST_LINE])])
        message = (
            "a WebSocket begins with an HTTP/1.1 request to upgrade, which did not arrive; "
            f"a proxy in front must pass it on (nginx: {lines}), or use /api/v1/events"
        )
        raise Refusal(426, "upgrade-required", message, headers={"Upgrade": "websocket", **VERSION})


def _missing(request: Request) -> list[str]:
    """The lines that nginx would need so that the request were one to upgrade."""
    headers = request.headers
    told = {
        name: [part.strip().lower() for text in headers.getall(name, ()) for part in text.split(",")]
        for name in ("upgrade", "connection")
    }
    lines = {
        "proxy_http_version 1.1": request.version == "1.0",
        "proxy_set_header Upgrade $http_upgrade": "websocket" not in told["upgrade"],
        'proxy_set_header Connection "upgrade"': "upgrade" not in told["connection"],
    }
    return [line for line, is_missing in lines.items() if is_missing]
