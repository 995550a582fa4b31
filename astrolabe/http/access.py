"""Who is let in: by token and by origin, before anything else is looked at; and what browsers are told."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from sanic import Sanic
from sanic.request import Request
from sanic.response import BaseHTTPResponse, HTTPResponse

from astrolabe.http.errors import Refusal
from astrolabe.http.tokens import Digest, Tokens, digest_of

#: Of every answer.
SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

#: How a browser sends a token with a WebSocket, for which it can set no header; as the Kubernetes API has it.
TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io."

#: The origin that stands for all of them.
ANY = "*"

_PREFLIGHT: Mapping[str, str] = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Authorization, If-None-Match, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "ETag, Retry-After, X-Astrolabe-Epoch, X-Astrolabe-Seq, X-Astrolabe-State"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Guard:
    """Looks at every request to a route that is not marked `open`, and adds headers to every answer.

    tokens: None when nobody is asked for one. state: headers that tell how far answers may be trusted.
    origins: of pages that may connect, beside those of this host. shared: of those that may also read (CORS).
    """

    def __init__(
        self,
        tokens: Tokens | None,
        *,
        state: Callable[[], Mapping[str, str]],
        origins: Collection[str] = (),
        shared: Collection[str] = (),
    ) -> None:
        self._state = state
        self._tokens = tokens
        self._origins = frozenset((*origins, *shared))
        self._shared = frozenset(shared)

    def add_to(self, app: Sanic[Any, Any]) -> None:
        app.register_middleware(self._judge, "request")
        app.register_middleware(self._finish, "response")

    def headers(self, request: Request) -> dict[str, str]:
        """Those that the answer carries, whatever it is."""
        headers = {**SECURITY_HEADERS, **self._state()}
        if not self._shared:
            return headers
        headers["Vary"] = "Origin"
        origin = request.headers.get("origin", "")
        if origin and _matches(origin, self._shared):
            headers["Access-Control-Allow-Origin"] = ANY if ANY in self._shared else origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED
        return headers

    def renewal(self, request: Request) -> Callable[[], bool]:
        """Asks whether who was let in with this request still is."""
        tokens = self._tokens
        digest = _digest(request) if tokens is not None else None
        if tokens is None or digest is None:
            return _always
        return lambda: tokens.knows(digest)

    async def _judge(self, request: Request) -> HTTPResponse | None:
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            self._check_origin(request)
            return HTTPResponse(status=204, headers=dict(_PREFLIGHT))
        if request.route is not None and not getattr(request.route.ctx, "open", False):
            self._check_origin(request)
            self._check_token(request)
        return None

    async def _finish(self, request: Request, response: BaseHTTPResponse) -> None:
        headers = self.headers(request)
        if "Vary" in headers and "vary" in response.headers:
            headers["Vary"] = f"{response.headers['vary']}, {headers['Vary']}"
        response.headers.update(headers)

    def _check_origin(self, request: Request) -> None:
        origin = request.headers.get("origin", "")
        if origin and not _is_own(origin, request) and not _matches(origin, self._origins):
            raise Refusal(403, "forbidden-origin", "pages of this origin are not allowed here")

    def _check_token(self, request: Request) -> None:
        if self._tokens is None:
            return
        digest = _digest(request)
        if digest is None or not self._tokens.knows(digest):
            why = "a token is needed" if digest is None else "the token is not known"
            raise Refusal(401, "unauthorised", why, headers={"WWW-Authenticate": "Bearer"})


def _always() -> bool:
    return True


def _digest(request: Request) -> Digest | None:
    """Of the token that the request carries; None when it carries none."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return digest_of(token.strip())
    for header in request.headers.getall("sec-websocket-protocol", ()):
        for offered in header.split(","):
            if offered.strip().startswith(TOKEN_PROTOCOL):
                return _decoded(offered.strip().removeprefix(TOKEN_PROTOCOL))
    return None


def _decoded(text: str) -> Digest | None:
    """Of a token in base64url, with or without padding; None when it is not."""
    try:
        return digest_of(urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
    except (binascii.Error, ValueError):
        return None


def _matches(origin: str, origins: Collection[str]) -> bool:
    return ANY in origins or origin.lower() in origins


def _is_own(origin: str, request: Request) -> bool:
    """Whether the page comes from where the request goes to, as the browser says."""
    try:
        page = urlsplit(origin)
        port = page.port or _DEFAULT_PORTS.get(page.scheme)
        asked = urlsplit(f"//{request.headers.get('host', '')}")
        # The scheme may be another here than for the browser, behind a proxy that ends TLS.
        return bool(page.hostname) and (page.hostname, port) == (
            asked.hostname,
            asked.port or _DEFAULT_PORTS.get(page.scheme),
        )
    except ValueError:
        return False
