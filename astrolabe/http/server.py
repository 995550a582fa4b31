"""The HTTP server: one Sanic application in the running event loop, without Sanic's manager."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

from sanic import Sanic
from sanic.application.state import ApplicationServerInfo
from sanic.http import Http
from sanic.http.constants import HTTP
from sanic.models.server_types import Signal
from sanic.server import AsyncioServer

from astrolabe.engine.readiness import Readiness
from astrolabe.engine.serving_state import StateTracker
from astrolabe.http.access.certificate import Certificate
from astrolabe.http.access.guard import Guard
from astrolabe.http.access.hosts import Hosts, Proxies
from astrolabe.http.access.tokens import Tokens
from astrolabe.http.errors import JsonErrors, ServerError
from astrolabe.http.grafana.routes import Grafana
from astrolabe.http.net.acceptor import Acceptor
from astrolabe.http.net.limits import Answers, Sockets
from astrolabe.http.net.transport import StreamProtocol
from astrolabe.http.openapi.route import Description
from astrolabe.http.ops.health import Replication
from astrolabe.http.ops.metrics import Metrics, WatchCounters
from astrolabe.http.ops.probes import Probes
from astrolabe.http.responses.cache import Bodies
from astrolabe.http.rest.endpoints import Rest, position
from astrolabe.http.stream.connections import Connections
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.routes import Streams
from astrolabe.http.viewer.pages import Viewer, find_static
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.settings import Limits, Settings
from astrolabe.timeslice import Few, Lane

logger = logging.getLogger("astrolabe.http")

#: Connections that may wait to be accepted. The system allows for no more than net.core.somaxconn, 4096 by
#: default; whom it turns away asks again a second later.
BACKLOG = 4096
#: Connections that end in one turn of the event loop, each of which takes some 50 microseconds.
ENDS = 32


def create_server(
    settings: Settings,
    hub: Hub,
    readiness: Readiness,
    catalogue: Catalogue,
    *,
    state: StateTracker,
    count: Callable[[str], int],
    role: Callable[[], str],
    lost: Callable[[], Mapping[str, str]] = dict,
    watches: Callable[[], Sequence[WatchCounters]] = tuple,
    replication: Callable[[], Replication | None] = lambda: None,
    listener: socket.socket | None = None,
) -> Server:
    """The server of this graph at the host and port of the settings (port 0: any), not yet started.

    catalogue: the kinds that are watched. state: how far what is served may be trusted.
    count: how many objects of a kind are known.
    role: `leader` or `follower`. lost: the kinds whose watch has no connection now, and why.
    watches: how each watch of this process is doing.
    replication: how the process stands among others; None when it is alone.
    listener: a socket that listens already, instead of that address.
    Raises FileError for a file of the settings that cannot be used.
    """
    limits = settings.limits
    app = _create_app(lambda: {**position(hub), **_state_header(state)}, limits)
    app.ctx.figures = hub.figures
    app.ctx.answers = Answers(limits.max_requests)
    app.ctx.sockets = Sockets(limits.max_sockets)
    app.ctx.ends = Few(ENDS, Lane.PEER)
    guard = _create_guard(settings, state)
    guard.add_to(app)
    connections = Connections(limits.max_connections, guard)
    rules = limits.rules_of_filters(catalogue.keys)
    bodies = Bodies(size=limits.max_body_bytes)
    rest = Rest(hub, catalogue, rules, bodies)
    grafana = Grafana(hub, connections, catalogue, bodies, rules=rules, limits=limits, state=state)
    rest.add_to(app)
    grafana.add_to(app)
    Streams(hub, connections, rules=rules, limits=limits, state=state).add_to(app)
    Probes(hub, readiness, state=state, count=count, role=role, lost=lost, replication=replication).add_to(
        app
    )
    metrics = Metrics(
        hub,
        readiness,
        catalogue,
        connections,
        state=state,
        watches=watches,
        role=role,
        replication=replication,
    )
    metrics.add_to(app, open=settings.open_metrics)
    Viewer(find_static()).add_to(app)
    Description(catalogue, tokens=settings.auth == "token").add_to(app)
    certificate = (
        Certificate(settings.tls_cert_file, settings.tls_key_file) if settings.tls_cert_file else None
    )
    return Server(
        app,
        (settings.listen_host, settings.port),
        connections,
        making=(grafana, bodies),
        limits=limits,
        listener=listener,
        certificate=certificate,
    )


class Server:
    """Made by `create_server`. making: those who may be making an answer when it stops.

    open: the TCP connections that are.
    """

    def __init__(
        self,
        app: Sanic[Any, Any],
        address: tuple[str, int],
        connections: Connections,
        *,
        making: Sequence[Grafana | Bodies],
        limits: Limits,
        listener: socket.socket | None,
        certificate: Certificate | None,
    ) -> None:
        self._app = app
        self._address = address
        self._connections = connections
        self._making = making
        self._limits = limits
        self._listener = listener
        self._certificate = certificate
        self._acceptor: Acceptor | None = None
        self.open: set[StreamProtocol] = set()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._connections)

    async def start(self) -> int:
        """Listen; returns the port. Raises ServerError when that address cannot be listened at."""
        listener = self._listener or _listen(*self._address)
        port: int = listener.getsockname()[1]
        # Sanic's own way to start accepts connections itself, too.
        self._app.asgi = False
        sanic: Any = AsyncioServer(self._app, asyncio.get_running_loop(), None, self.open)
        await sanic.startup()
        self._acceptor = Acceptor(
            listener,
            self._make_protocol(),
            limit=self._limits.max_sockets,
            tls=self._certificate.context if self._certificate is not None else None,
            timeouts=self._tls_timeouts(),
        )
        self._acceptor.start()
        if self._certificate is not None:
            self._certificate.watch()
        logger.info("listening at %s:%d", self._address[0], port)
        return port

    def _make_protocol(self) -> Callable[[], StreamProtocol]:
        """As Sanic makes one for each connection."""
        loop = asyncio.get_running_loop()
        return partial(
            StreamProtocol, loop=loop, app=self._app, signal=Signal(), connections=self.open, state={}
        )

    def _tls_timeouts(self) -> dict[str, float]:
        if self._certificate is None:
            return {}
        return {
            "ssl_handshake_timeout": self._limits.request_timeout,
            "ssl_shutdown_timeout": self._limits.stall_timeout,
        }

    async def stop(self) -> None:
        """Say good-bye to everyone, for `grace` seconds at most, and cut off who is still there."""
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is None:
            return
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
        for each in self._making:
            await each.close()
        await _settled(self.open, self._limits.grace)


def _create_app(headers: Callable[[], Mapping[str, str]], limits: Limits) -> Sanic[Any, Any]:
    """headers: those that every error answer carries."""
    # Its warnings are for those who develop with it.
    logging.getLogger("sanic.error").setLevel(logging.ERROR)
    app: Sanic[Any, Any] = Sanic(
        f"astrolabe-{uuid4()}", configure_logging=False, env_prefix=None, error_handler=JsonErrors(headers)
    )
    # Nobody looks it up by name, and Sanic would keep it for ever.
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
        # Sanic strips unused hooks from its own classes when the first application starts: half the time
        # of a small request. It fails when that is done a second time in a process.
        TOUCHUP=not getattr(Http, "__touched__", False),
    )
    # Only with this does it also strip an empty `alt-svc` header from every answer.
    app.state.server_info.append(ApplicationServerInfo(settings={"version": HTTP.VERSION_1}))
    return app


def _create_guard(settings: Settings, state: StateTracker) -> Guard:
    tokens = Tokens(settings.auth_token_file, clock=monotonic) if settings.auth == "token" else None
    return Guard(
        tokens,
        state=lambda: _state_header(state),
        hosts=Hosts((*settings.allowed_hosts, settings.listen_host)) if settings.checks_hosts else None,
        proxies=Proxies(settings.trusted_proxies),
        origins=settings.allowed_origins,
        shared=settings.cors_origins,
    )


def _state_header(state: StateTracker) -> dict[str, str]:
    return {"X-Astrolabe-State": state.current.state}


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::"
        )
    except OSError as error:
        raise ServerError(f"cannot listen at {host}:{port}: {error.strerror or error}") from error
    # What is accepted has it from here. asyncio's own loop sets it only where the protocol is named, and
    # without it a head and a body in two writes take the 40 ms of a delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def _settled(connections: set[StreamProtocol], timeout: float) -> None:
    """Wait until every connection's task has ended, at most this many seconds."""
    tasks = [connection.task for connection in connections if connection.task is not None]
    if tasks:
        await asyncio.wait(tasks, timeout=timeout)
