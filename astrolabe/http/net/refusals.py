"""Refusals that a browser can see.

A web page learns nothing about a refused WebSocket handshake, only that it failed. So a browser is refused on
the WebSocket itself, with an `error` message and a close code. All other clients get the HTTP response.
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


class AcceptedSocket(Protocol):
    """A WebSocket that was accepted, see `websocket.WebSocket`."""

    def close(self, code: int, error: str, message: str) -> None: ...
    def read(self) -> None: ...


def is_browsers(request: Request) -> bool:
    """Whether a browser sent this WebSocket handshake: it always sends `Origin` (RFC 6455, 4.1)."""
    return "origin" in request.headers and request.headers.get("upgrade", "").lower() == "websocket"


def is_visible(request: Request) -> bool:
    """Whether the request is for a WebSocket endpoint, see `visibly`."""
    return bool(getattr(request.route and request.route.ctx, "visible", False))


def seems_a_handshake(request: Request) -> bool:
    """Whether the request was meant to open a WebSocket, whatever a proxy has dropped of it."""
    if not is_visible(request) or request.route is None:
        return False
    # Another path that is not for WebSockets alone takes POST, too.
    return "sec-websocket-key" in request.headers or "POST" not in request.route.methods


def defer(request: Request, refusal: Refusal) -> bool:
    """Leave a refusal to the WebSocket handler made by `visibly`. False if the request has none."""
    if not is_visible(request) or not is_browsers(request):
        return False
    request.ctx.refusal = refusal
    return True


def visibly(
    handler: Handler, accept: Callable[[Request], Any], until_lost: Callable[[Any], Awaitable[None]]
) -> Handler:
    """A WebSocket handler whose refusals a browser can see. Its endpoint is marked `visible`.

    accept: opens a WebSocket, or raises Refusal. until_lost: waits until it is closed.
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
            refusal = as_refusal(error).with_traceback(None)  # a reference cycle with this frame
        try:
            socket: AcceptedSocket = accept(request)
        except Refusal:  # it is no handshake
            raise refusal from None
        socket.close(close_codes.of_status(refusal.status), refusal.error, refusal.message)
        socket.read()
        await until_lost(socket)

    return handle


#: The nginx directive that passes on the host of the request.
HOST_LINE = "proxy_set_header Host $http_host"


def check_upgrade(request: Request, *, knows_host: bool = True) -> None:
    """Raise Refusal if the request does not ask for an upgrade, as behind a proxy that drops the header.

    knows_host: False if the proxy seems not to pass on the host either.
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
    """The nginx directives that seem to be missing."""
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
