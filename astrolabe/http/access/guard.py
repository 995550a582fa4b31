"""Checks the host, origin and token of every request, and adds the headers that browsers need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from sanic import Sanic
from sanic.request import Request
from sanic.response import BaseHTTPResponse, HTTPResponse

from astrolabe.engine.serving_state import StateTracker, state_of_kinds
from astrolabe.http.access.audit import AuditLog
from astrolabe.http.access.authentication import (
    NAMING,
    Authenticator,
    FileTokens,
    ProxyHeaders,
    identify,
    identity_of,
)
from astrolabe.http.access.bearer import bearer_token
from astrolabe.http.access.hosts import AllowedHosts, TrustedProxies, hosts_of, parse_authority
from astrolabe.http.access.tokens import Tokens
from astrolabe.http.errors import Refusal
from astrolabe.http.net.refusals import HOST_LINE, check_upgrade, defer, seems_a_handshake
from astrolabe.settings import Settings

#: Headers of every response.
SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

#: Stands for all origins.
ANY = "*"

#: The path of the server-sent events: pages of `origins` may also read what they open there.
EVENTS = "/api/v1/events"

#: Values of Sec-Fetch-Site for pages of other origins (W3C Fetch Metadata).
_ELSEWHERE = ("cross-site", "same-site")

#: Why a request was refused: nobody knows who sent it; they may not do it; the API server does not tell.
UNAUTHENTICATED, FORBIDDEN, UNKNOWN = "unauthenticated", "forbidden", "unknown"
DENIALS = (UNAUTHENTICATED, FORBIDDEN, UNKNOWN)

_PREFLIGHT: Mapping[str, str] = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "ETag, Retry-After, X-Astrolabe-Epoch, X-Astrolabe-Seq, X-Astrolabe-State"
_FOREIGN = (
    "pages of this origin are not allowed here; if the page is the server's own, the proxy in front must "
    f"pass on the Host of the request (nginx: {HOST_LINE};); for any other page, set --allowed-origins"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Guard:
    """Checks every request, except to endpoints marked `open`, and adds headers to every response.

    authenticators: find out who comes; none: anybody is let in.
    state: makes the headers that say how far a response to a request can be trusted.
    hosts: None if any is allowed. proxies: whose forwarding headers are trusted.
    origins: of pages that may connect, besides those of this host. shared: of pages that may also read
        (CORS).
    """

    def __init__(
        self,
        authenticators: Sequence[Authenticator] = (),
        *,
        state: Callable[[Request], Mapping[str, str]],
        hosts: AllowedHosts | None,
        proxies: TrustedProxies,
        origins: Collection[str] = (),
        shared: Collection[str] = (),
    ) -> None:
        self.audit = AuditLog()
        #: Requests that were refused, by reason: see `DENIALS`.
        self.denials: Counter[str] = Counter()
        self._state = state
        self._authenticators = tuple(authenticators)
        self._hosts = hosts
        self._proxies = proxies
        self._origins = frozenset((*origins, *shared))
        self._shared = frozenset(shared)

    def install(self, app: Sanic[Any, Any]) -> None:
        """Check every request and complete every response of this application."""
        app.register_middleware(self._handle, "request")
        app.register_middleware(self._finish, "response")

    def headers(self, request: Request) -> dict[str, str]:
        """The headers of any response to this request."""
        readers = self._origins if request.path == EVENTS else self._shared
        headers = {**SECURITY_HEADERS, **self._state(request)}
        if not readers:
            return headers
        headers["Vary"] = "Origin"
        origin = request.headers.get("origin", "")
        if origin and _matches(origin, readers):
            headers["Access-Control-Allow-Origin"] = ANY if ANY in readers else origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED
        return headers

    def renewal(self, request: Request) -> Callable[[], bool]:
        """A function that says whether the sender of this request is still let in."""
        identity = identity_of(request)
        return identity.is_valid if identity is not None else _always

    async def _handle(self, request: Request) -> HTTPResponse | None:
        try:
            return await self._check(request)
        except Refusal as refusal:
            if not defer(request, refusal):
                raise
        return None

    async def _check(self, request: Request) -> HTTPResponse | None:
        if self._hosts is not None:
            self._hosts.check(request, forwarded=self._proxies.hosts(request))
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            self._check_origin(request)
            return HTTPResponse(status=204, headers=dict(_PREFLIGHT))
        if request.route is not None and not is_open(request):
            self._check_origin(request)
            await self._check_identity(request)
        return None

    async def _finish(self, request: Request, response: BaseHTTPResponse) -> None:
        headers = self.headers(request)
        if "Vary" in headers and "vary" in response.headers:
            headers["Vary"] = f"{response.headers['vary']}, {headers['Vary']}"
        response.headers.update(headers)
        self.audit.answered(request, response.status)

    def _check_origin(self, request: Request) -> None:
        """Check the headers that a browser sets. No page can change them.

        Without `Origin` a page cannot read the response, but an image on any page could send the request.
        """
        origin, site = request.headers.get("origin", ""), request.headers.get("sec-fetch-site", "").lower()
        if not origin:
            if site in _ELSEWHERE and ANY not in self._origins:
                why = "pages of other sites may not read this; allow them with --cors-origins"
                raise Refusal(403, "forbidden-origin", why)
            return
        own = site == "same-origin" or (site not in _ELSEWHERE and self._is_own(origin, request))
        if not own and not _matches(origin, self._origins):
            if seems_a_handshake(request) and site not in _ELSEWHERE:
                # A proxy that drops the upgrade is the likelier cause.
                check_upgrade(request, knows_host=False)
            raise Refusal(403, "forbidden-origin", _FOREIGN)

    def _is_own(self, origin: str, request: Request) -> bool:
        """Whether the page was served by the host that the request goes to, as the browser or a proxy says.

        Behind a proxy that terminates TLS the scheme differs; a trusted proxy's headers name the browser's.
        """
        try:
            page = urlsplit(origin)
            port = page.port or _DEFAULT_PORTS.get(page.scheme)
        except ValueError:
            return False
        schemes = self._proxies.schemes(request)
        if not page.hostname or (schemes and page.scheme not in schemes):
            return False
        asked = map(parse_authority, (*hosts_of(request), *self._proxies.hosts(request)))
        default = _DEFAULT_PORTS.get(page.scheme)
        return (page.hostname.removesuffix("."), port) in [
            (each.host, each.port or default) for each in asked if each
        ]

    async def _check_identity(self, request: Request) -> None:
        if not self._authenticators:
            return
        for name in NAMING:
            if len(request.headers.getall(name, ())) > 1:
                self.denials[UNAUTHENTICATED] += 1
                why = f"the header {name} is there more than once; a proxy must replace it, not add another"
                raise Refusal(401, "unauthorised", why, headers={"WWW-Authenticate": "Bearer"})
        try:
            identity = await identify(request, self._authenticators)
        except Refusal:
            self.denials[UNKNOWN] += 1
            raise
        if identity is None:
            self.denials[UNAUTHENTICATED] += 1
            why = "a token is needed" if bearer_token(request) is None else "the token is not known"
            raise Refusal(401, "unauthorised", why, headers={"WWW-Authenticate": "Bearer"})
        request.ctx.identity = identity


def is_open(request: Request) -> bool:
    """Whether anyone may have the answer: the endpoint is open, or it is its page that is asked for."""
    context = request.route.ctx if request.route is not None else None
    return getattr(context, "open", False) or (getattr(context, "page", False) and wants_page(request))


def wants_page(request: Request) -> bool:
    """Whether a browser opens the address itself, and asks nothing by it."""
    if request.method not in ("GET", "HEAD") or request.query_string or "upgrade" in request.headers:
        return False
    return "text/html" in request.headers.get("accept", "")


def _always() -> bool:
    return True


def _matches(origin: str, origins: Collection[str]) -> bool:
    return ANY in origins or origin.lower() in origins


def create_guard(
    settings: Settings,
    state: StateTracker,
    *,
    authenticators: Sequence[Authenticator] = (),
    scoped: bool = False,
) -> Guard:
    """The guard that the settings ask for. authenticators: in addition to those that need only files.

    scoped: whether users see parts of the graph, so that a request without a place learns of no object.
    Raises FileError for a file that cannot be used.
    """
    ways = [*authenticators]
    if "token" in settings.auth_modes:
        ways.insert(0, FileTokens(Tokens(settings.auth_token_file, clock=monotonic)))
    if "proxy" in settings.auth_modes:
        path = settings.auth_proxy_secret_file
        secrets = Tokens(path, clock=monotonic, sort="secret") if path else None
        names = settings.auth_proxy_allowed_names if settings.auth_proxy_client_ca_file else None
        ways.append(ProxyHeaders(secrets, names))
    return Guard(
        ways,
        state=lambda request: state_header(state, scoped=scoped, seen=getattr(request.ctx, "state", None)),
        hosts=AllowedHosts((*settings.allowed_hosts, settings.listen_host))
        if settings.checks_hosts
        else None,
        proxies=TrustedProxies(settings.trusted_proxies),
        origins=settings.allowed_origins,
        shared=settings.cors_origins,
    )


def state_header(
    state: StateTracker, *, scoped: bool = False, seen: StateTracker | None = None
) -> dict[str, str]:
    """The header that says how far an answer may be trusted.

    seen: of what the user of the request sees. scoped: whether nobody else may learn of single objects.
    """
    current = (seen or state).current
    return {"X-Astrolabe-State": state_of_kinds(current) if scoped and seen is None else current.state}
