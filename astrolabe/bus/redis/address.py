"""Parses addresses of Redis from the flags: one server, Sentinels, or a Redis Cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Topology = Literal["server", "sentinel", "cluster"]
HostPort = tuple[str, int]

#: The default ports.
DEFAULT_PORTS: dict[Topology, int] = {"server": 6379, "sentinel": 26379, "cluster": 6379}

FORMS = "not redis://, rediss://, redis+sentinel://, redis+cluster:// or unix:// with a host or path"

_SEVERAL = re.compile(r"(rediss?)\+(sentinel|cluster)://([^/?#]*)(/[^?#]*)?(\?[^#]*)?")
_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@,/]+))(?::([0-9]{1,5}))?")


@dataclass(frozen=True)
class RedisAddress:
    """kind: what answers at the address. nodes: its hosts and ports; none for a Unix socket.

    service: the name of the primary in the Sentinels. shown: for people, without user and password.
    url: of the first server in redis-py's form, with user, password, database and TLS options.
    """

    kind: Topology
    nodes: tuple[HostPort, ...]
    service: str
    shown: str
    url: str


def parse(url: str) -> RedisAddress:
    """Parse a URL. Raises ValueError with a message that says what the URL must be."""
    several = _SEVERAL.fullmatch(url)
    if several is not None:
        return _several(several)
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.path:
        return RedisAddress("server", (), "", parts.path, url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError(FORMS)
    if not re.fullmatch(r"/?[0-9]*", parts.path):
        raise ValueError("the path of redis:// is the number of a database")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("invalid port; for several hosts use redis+sentinel:// or redis+cluster://")
    node = (parts.hostname, port or DEFAULT_PORTS["server"])
    return RedisAddress("server", (node,), "", shown(node), url)


def of_server(address: str, database: int) -> RedisAddress:
    """The address of the server at `host:port`."""
    return parse(f"redis://{address}/{database}")


def shown(node: HostPort) -> str:
    """`host:port`."""
    host, port = node
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _several(match: re.Match[str]) -> RedisAddress:
    scheme, kind, place, path, query = match.groups(default="")
    user, at, hosts = place.rpartition("@")
    which: Topology = "sentinel" if kind == "sentinel" else "cluster"
    nodes = tuple(_node(text, DEFAULT_PORTS[which]) for text in hosts.split(","))
    service, database = _path(which, path)
    names = ",".join(map(shown, nodes))
    about = f"Sentinel, {service}" if which == "sentinel" else "Redis Cluster"
    url = f"{scheme}://{user}{at}{shown(nodes[0])}/{database}{query}"
    return RedisAddress(which, nodes, service, f"{names} ({about})", url)


def _node(text: str, port: int) -> HostPort:
    match = _NODE.fullmatch(text)
    found = int(match[3] or port) if match is not None else 0
    if match is None or not 0 < found < 65536:
        raise ValueError("one of the hosts is not of the form host or host:port")
    return match[1] or match[2], found


def _path(kind: Topology, path: str) -> tuple[str, int]:
    """The service and the database in the path of a URL."""
    if kind == "cluster":
        if path not in ("", "/", "/0"):
            raise ValueError("a Redis Cluster has only database 0")
        return "", 0
    match = re.fullmatch(r"/([^/]+)(?:/([0-9]*))?", path)
    if match is None:
        raise ValueError("the path of redis+sentinel:// is /<name of the primary>, or /<name>/<database>")
    return match[1], int(match[2] or 0)
