"""Which hosts this server answers for, and which host a request names.

A hostile page can let its own name resolve to this machine (DNS rebinding). To the browser its requests then
go to the page's own origin. Only their `Host` header gives them away.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from html import escape
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from sanic.request import Request

from astrolabe.http.errors import Refusal

#: Stands for all hosts.
ANY = "*"

#: `host[:port]` (RFC 9110, 7.2); the port may be empty.
_AUTHORITY = re.compile(r"(?:\[([0-9A-Za-z:.%_-]+)\]|([^\s:/?#@\[\]]+))(?::([0-9]{0,5}))?")


class Authority(NamedTuple):
    """host: in lower case, without brackets and trailing dot. port: None if none is given."""

    host: str
    port: int | None


def parse_authority(text: str) -> Authority | None:
    """The host and port of a header; None if it is malformed."""
    match = _AUTHORITY.fullmatch(text.strip())
    if match is None:
        return None
    literal, name, port = match.groups()
    if literal is not None and not _is_address(literal):
        return None
    return Authority((literal or name).lower().removesuffix("."), int(port) if port else None)


class AllowedHosts:
    """Refuses requests to other hosts. allowed: names, `*.name` for all subdomains, `*` for any.

    Addresses and localhost are always allowed: nobody else can own them. So is a request without a host, as
    in HTTP/1.0: a browser always sends one.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._names = frozenset(host.lower() for host in allowed)
        self._below = tuple(name.removeprefix("*") for name in self._names if name.startswith("*."))

    def check(self, request: Request, *, forwarded: Sequence[str] = ()) -> None:
        """Raise Refusal for another host. forwarded: the hosts that a proxy was asked for."""
        for text in (*hosts_of(request), *forwarded):
            if not self._allows(text):
                authority = parse_authority(text)
                raise misdirected(text, authority.host if authority else None)

    def _allows(self, text: str) -> bool:
        if ANY in self._names:
            return True
        authority = parse_authority(text)
        if authority is None:
            return False
        host = authority.host
        return (
            host in self._names
            or host == "localhost"
            or host.endswith((".localhost", *self._below))
            or _is_address(host)
        )


def hosts_of(request: Request) -> list[str]:
    """The hosts in the request's header and in its target, which may be a whole URL."""
    named = [text.strip() for text in request.headers.getall("host", ())]
    target = request.raw_url.decode("latin-1")
    if "://" in target.partition("?")[0]:
        named.append(re.split(r"[/?#]", target.partition("://")[2], maxsplit=1)[0])
    return [text for text in named if text]


class TrustedProxies:
    """The proxies whose forwarding headers are trusted. networks: addresses and CIDRs."""

    def __init__(self, networks: Collection[str]) -> None:
        self._networks = tuple(ip_network(network, strict=False) for network in networks)

    def hosts(self, request: Request) -> list[str]:
        """The hosts that a trusted proxy was asked for."""
        if not self._trusts(request):
            return []
        found = _listed(request, "x-forwarded-host")
        return [*found, *_forwarded(request, "host")]

    def schemes(self, request: Request) -> list[str]:
        """The schemes by which a trusted proxy was asked."""
        if not self._trusts(request):
            return []
        found = _listed(request, "x-forwarded-proto")
        return [scheme.lower() for scheme in (*found, *_forwarded(request, "proto"))]

    def _trusts(self, request: Request) -> bool:
        if not self._networks:
            return False
        with suppress(ValueError):  # the socket has no address
            peer = ip_address(request.ip)
            peer = getattr(peer, "ipv4_mapped", None) or peer
            return any(peer in network for network in self._networks)
        return False


def _listed(request: Request, name: str) -> list[str]:
    values = [part.strip() for text in request.headers.getall(name, ()) for part in text.split(",")]
    return [value for value in values if value]


def _forwarded(request: Request, name: str) -> list[str]:
    """The values of one parameter of `Forwarded` (RFC 7239)."""
    pairs = re.split(r"[;,]", ",".join(request.headers.getall("forwarded", ())))
    found = [pair.partition("=") for pair in pairs]
    return [
        value.strip().strip('"') for key, _, value in found if key.strip().lower() == name and value.strip()
    ]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


#: The page loads nothing, and nothing may embed it.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Astrolabe does not answer for this host</title>
<style>
  body {{ background: Canvas; color: CanvasText }}
  main {{ max-width: 36rem; margin: 14vh auto; padding: 0 1.5rem; font: 1rem/1.6 system-ui, sans-serif }}
  h1 {{ font-size: 1.4rem; line-height: 1.3 }}
  code {{ display: inline-block; max-width: 100%; padding: 0 .3em; overflow-wrap: anywhere }}
  code {{ border-radius: .3em; background: #8882 }}
</style>
<main>
<h1>Astrolabe does not answer for this host</h1>
<p>It was asked for <code>{host}</code>, and does not know that name as its own. Any site can give a name of
its own the address of this server, to read the cluster through your browser: so it answers only for names
that it knows.</p>
<p>If this name is meant to lead here, start Astrolabe with {flag}, or open it by its address or as
<code>localhost</code>.</p>
</main>
</html>
"""


def misdirected(text: str, name: str | None) -> Refusal:
    """The refusal of a host. text: as in the request. name: without the port; None if malformed."""
    flag = "--allowed-hosts" if name is None else f"--allowed-hosts={name[:100]}"
    return Refusal(
        421,
        "misdirected",
        f"this server does not answer for the host {text[:100]!r}; "
        "start it with --allowed-hosts and that name if it should",
        headers=_HEADERS,
        page=_PAGE.format(host=escape(text[:100]), flag=f"<code>{escape(flag)}</code>"),
    )
