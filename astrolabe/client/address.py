"""Where the stream is."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_PATH = "/api/v1/ws"


def endpoint(text: str) -> str:
    """The stream's address of `host:port`, `http://…` or `ws://…`. Raises ValueError."""
    try:
        parts = urlsplit(text if "://" in text else f"ws://{text}")
        meant = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        meant = False
    if not meant:
        raise ValueError("not host:port, ws://host:port or http://host:port")
    path = parts.path.rstrip("/").removesuffix(_PATH) + _PATH
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, "subscribe=false", ""))


def base(text: str) -> str:
    """What stands before the API's paths, for plain HTTP; of the same texts as `endpoint`."""
    parts = urlsplit(endpoint(text))
    scheme = "https" if parts.scheme == "wss" else "http"
    return f"{scheme}://{parts.netloc}{parts.path.removesuffix(_PATH)}"


def shown(url: str) -> str:
    """An endpoint for people: without a password, and without what every one of them has."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.removesuffix(_PATH)}"
