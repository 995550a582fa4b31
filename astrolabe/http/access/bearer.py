"""The bearer token of a request. A leaf, because both the guard and the authentication read it."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode

from sanic.request import Request

#: How a browser, which cannot set headers for a WebSocket, sends a token: as for the Kubernetes API.
TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io."


def bearer_token(request: Request) -> str | None:
    """The token; None without one."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    for header in request.headers.getall("sec-websocket-protocol", ()):
        for offered in header.split(","):
            if offered.strip().startswith(TOKEN_PROTOCOL):
                return _decoded(offered.strip().removeprefix(TOKEN_PROTOCOL))
    return None


def _decoded(text: str) -> str | None:
    """A token in base64url, with or without padding; None if it is not base64url."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
