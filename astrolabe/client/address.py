"""URLs: from what a user types to the endpoint of the stream."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_PATH = "/api/v1/ws"


def endpoint(text: str) -> str:
    """The URL of the stream for `host:port`, `http://…` or `ws://…`. Raises ValueError."""
    try:
        parts = urlsplit(text if "://" in text else f"ws://{text}")
        meant = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # a port that is not a number, an unclosed bracket
        meant = False
    if not meant:
        raise ValueError("not host:port, ws://host:port or http://host:port")
    path = parts.path.rstrip("/").removesuffix(_PATH) + _PATH
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, "subscribe=false", ""))


def base(text: str) -> str:
    """The base URL of the HTTP API. Takes the same texts as `endpoint`."""
    parts = urlsplit(endpoint(text))
    scheme = "https" if parts.scheme == "wss" else "http"
    return f"{scheme}://{parts.netloc}{parts.path.removesuffix(_PATH)}"


def shown(url: str) -> str:
    """An endpoint for people: without password, path of the stream, and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.removesuffix(_PATH)}"
