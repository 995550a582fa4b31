"""The HTTP server: one Sanic application in the running event loop, without Sanic's manager."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from ssl import SSLContext
from typing import Any, NamedTuple
from uuid import uuid4

from sanic import Sanic
from sanic.application.state import ApplicationServerInfo
from sanic.http import Http
from sanic.http.constants import HTTP
from sanic.models.server_types import Signal
from sanic.request import Request
from sanic.server import AsyncioServer

from astrolabe.http.access.authentication import Authenticator
from astrolabe.http.access.certificate import Certificate
from astrolabe.http.access.guard import create_guard, state_header
from astrolabe.http.access.visible import Rights
from astrolabe.http.counters import ReviewCounters
from astrolabe.http.doors import FrontDoors
from astrolabe.http.entrance import Entrance
from astrolabe.http.errors import JsonErrors, ServerError
from astrolabe.http.graphql.documents import QueryCache
from astrolabe.http.net.acceptor import Acceptor
from astrolabe.http.net.limits import RequestLimit, SocketLimit
from astrolabe.http.net.transport import StreamProtocol
from astrolabe.http.openapi.operation import ApiEndpoint
from astrolabe.http.openapi.route import ApiDescription
from astrolabe.http.ops.metrics import AccessFigures, Metrics
from astrolabe.http.responses.shared import position_headers
from astrolabe.http.rest.release_details import HelmKnowledge, NoKnowledge
from astrolabe.http.scopes.scopes import Doors
from astrolabe.http.source import GraphSource, source_of
from astrolabe.http.stream.connections import Connections
from astrolabe.http.viewer.pages import Viewer, find_static
from astrolabe.settings import Limits, Settings
from astrolabe.timeslice import Lane, TurnQuota

logger = logging.getLogger("astrolabe.http")

#: Connections that may wait to be accepted. The system limits it to net.core.somaxconn, 4096 by default. A
#: peer that is turned away tries again a second later.
BACKLOG = 4096
#: Connections that are cleaned up per turn of the event loop, at about 150 microseconds each with what their
#: tasks do then.
ENDS = 16


class UserAccess(NamedTuple):
    """What the API server knows of users.

    rights: what each may see. authenticators: who knows users, beside the files of the settings.
    reviews: those that the API server was asked for.
    """

    rights: Rights
    authenticators: Sequence[Authenticator]
    reviews: Mapping[str, ReviewCounters]


def create_server(
    settings: Settings,
    source: GraphSource,
    *,
    listener: socket.socket | None = None,
    helm: HelmKnowledge | None = None,
    access: UserAccess | None = None,
) -> HttpServer:
    """A server of this graph, not yet started, at the host and port of the settings (port 0: any).

    listener: a listening socket, instead of that address. helm: what is read of releases; None: only labels.
    access: of users of the cluster; None: everybody sees everything.
    Raises FileError if a file of the settings cannot be used.
    """
    guard = create_guard(
        settings,
        source.state,
        authenticators=access.authenticators if access is not None else (),
        scoped=access is not None,
    )
    connections = Connections(settings.limits.max_connections, guard)
    known = NoKnowledge() if helm is None else helm
    queries = QueryCache(settings.limits)
    doors = FrontDoors(settings, source, connections, helm=known, queries=queries)
    entrance: Entrance | None = None
    users = None
    if access is not None:
        entrance = Entrance(settings, source, access.rights, doors, connections, helm=known, queries=queries)
        users = partial(_figures, access, entrance)
    viewer = Viewer(find_static())
    endpoints = [
        *doors.endpoints,
        Metrics(source, connections, open=settings.open_metrics, users=users).endpoint,
        *viewer.endpoints,
    ]
    description = ApiDescription(endpoints, source.catalogue, tokens=bool(settings.auth_modes))
    app = _create_app(source, settings.limits, scoped=access is not None)
    guard.install(app)
    if entrance is not None:
        endpoints = [entrance.of(endpoint) for endpoint in endpoints]
    endpoints = [viewer.with_page(endpoint) if endpoint.page else endpoint for endpoint in endpoints]
    _route([*endpoints, description.endpoint], app)
    return HttpServer(
        app, settings, connections, source, doors=doors if entrance is None else entrance, listener=listener
    )


def _figures(access: UserAccess, entrance: Entrance) -> AccessFigures:
    return AccessFigures(access.rights.users, entrance.views, access.reviews)


class HttpServer:
    """Made by `create_server`. doors: are closed in the end.

    open: the open TCP connections.
    """

    def __init__(
        self,
        app: Sanic[Any, Any],
        settings: Settings,
        connections: Connections,
        source: GraphSource,
        *,
        doors: Doors,
        listener: socket.socket | None,
    ) -> None:
        self._app = app
        self._address = (settings.listen_host, settings.port)
        self._limits = settings.limits
        self._connections = connections
        self._source = source
        self._doors = doors
        self._listener = listener
        files = settings.tls_cert_file, settings.tls_key_file
        self._certificate = (
            Certificate(*files, client_authority=settings.auth_proxy_client_ca_file)
            if settings.tls_cert_file
            else None
        )
        self._acceptor: Acceptor | None = None
        self.open: set[StreamProtocol] = set()

    @property
    def streams(self) -> int:
        """The number of open streams."""
        return len(self._connections)

    async def start(self) -> int:
        """Listen, and return the port. Raises ServerError if that is impossible at this address."""
        listener = self._listener or _listen(*self._address)
        port: int = listener.getsockname()[1]
        # Sanic's own start would also accept connections.
        self._app.asgi = False
        sanic: Any = AsyncioServer(self._app, asyncio.get_running_loop(), None, self.open)
        await sanic.startup()
        self._acceptor = Acceptor(
            listener,
            self._make_protocol(),
            limit=self._limits.max_sockets,
            tls=self._context if self._certificate is not None else None,
            timeouts=self._tls_timeouts(),
        )
        self._acceptor.start()
        state = self._source.state
        self._source.hub.problems.follow(lambda: state.refresh().state != "syncing")
        if self._certificate is not None:
            self._certificate.watch()
        logger.info("listening at %s:%d", self._address[0], port)
        return port

    def _make_protocol(self) -> Callable[[], StreamProtocol]:
        """Makes the protocol of a connection, as Sanic does."""
        loop = asyncio.get_running_loop()
        return partial(
            StreamProtocol, loop=loop, app=self._app, signal=Signal(), connections=self.open, state={}
        )

    def _context(self) -> SSLContext:
        assert self._certificate is not None
        return self._certificate.context

    def _tls_timeouts(self) -> dict[str, float]:
        if self._certificate is None:
            return {}
        return {
            "ssl_handshake_timeout": self._limits.request_timeout,
            "ssl_shutdown_timeout": self._limits.stall_timeout,
        }

    async def stop(self) -> None:
        """Tell all clients, wait for `grace` seconds at most, and cut the connections that are left."""
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is None:
            return
        self._source.hub.problems.rest()
        if self._certificate is not None:
            self._certificate.stop()
        await acceptor.close(self._limits.grace)
        self._connections.shut_down()
        for connection in list(self.open):
            if connection.channel is None:
                connection.close_if_idle()
        await _settled(self.open, self._limits.grace)
        for connection in list(self.open):
            connection.abort()
        await self._doors.close()
        await _settled(self.open, self._limits.grace)
        with suppress(TimeoutError):
            async with asyncio.timeout(
                self._limits.grace
            ):  # a transport closes in the turns after it was cut
                await self._app.ctx.sockets.until_empty()


def _create_app(source: GraphSource, limits: Limits, *, scoped: bool) -> Sanic[Any, Any]:
    """A Sanic application without routes. scoped: whether users see parts of the source."""

    def error_headers(request: Request) -> dict[str, str]:
        seen = source_of(request) or (None if scoped else source)
        position = position_headers(seen.hub.graph) if seen is not None else {}
        state = seen.state if seen is not None else None
        return {**position, **state_header(source.state, scoped=scoped, seen=state)}

    # Its warnings are for developers.
    logging.getLogger("sanic.error").setLevel(logging.ERROR)
    app: Sanic[Any, Any] = Sanic(
        f"astrolabe-{uuid4()}",
        configure_logging=False,
        env_prefix=None,
        error_handler=JsonErrors(error_headers),
    )
    # Sanic would keep it for ever to look it up by name.
    Sanic.unregister_app(app)
    app.config.update(
        ACCESS_LOG=False,
        AUTO_EXTEND=False,
        MOTD=False,
        REQUEST_MAX_SIZE=64 * 1024,
        REQUEST_TIMEOUT=limits.request_timeout,
        REQUEST_BUFFER_SIZE=32 * 1024,
        STALL_TIMEOUT=limits.stall_timeout,
        MIN_RATE=limits.min_rate,
        # Sanic strips unused hooks from its own classes when the first application starts, which halves the
        # time of a small request. It fails if that is done twice in a process.
        TOUCHUP=not getattr(Http, "__touched__", False),
    )
    app.ctx.counters = source.hub.counters
    app.ctx.answers = RequestLimit(limits.max_requests)
    app.ctx.sockets = SocketLimit(limits.max_sockets)
    app.ctx.ends = TurnQuota(ENDS, Lane.PEER)
    # Only with this does it also strip an empty `alt-svc` header from every answer.
    app.state.server_info.append(ApplicationServerInfo(settings={"version": HTTP.VERSION_1}))
    return app


def _route(endpoints: Iterable[ApiEndpoint], app: Sanic[Any, Any]) -> None:
    for endpoint in endpoints:
        app.add_route(
            endpoint.handler,
            endpoint.path,
            methods=endpoint.methods,
            name=endpoint.name,
            unquote=True,  # an id may have a slash in it, which stands as %2F in a path
            strict_slashes=endpoint.strict_slashes or None,
            ctx_open=endpoint.open,
            ctx_visible=endpoint.visible,
            ctx_page=endpoint.page,
        )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::"
        )
    except OSError as error:
        raise ServerError(f"cannot listen at {host}:{port}: {error.strerror or error}") from error
    # Accepted sockets inherit it. asyncio's own loop does not always set it, and without it a head and a body
    # in two writes wait 40 ms for a delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def _settled(connections: set[StreamProtocol], timeout: float) -> None:
    """Wait until the tasks of these connections have ended, at most this many seconds."""
    tasks = [connection.task for connection in connections if connection.task is not None]
    if tasks:
        await asyncio.wait(tasks, timeout=timeout)
