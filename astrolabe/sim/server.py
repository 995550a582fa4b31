"""`Simulator`: the API server on a port. It can start, stop, go offline and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType

from aiohttp import web

from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.api.list_options import EVENT_FIELDS
from astrolabe.sim.faults import FaultInjector
from astrolabe.sim.handler import Handler
from astrolabe.sim.request_log import RequestLog
from astrolabe.sim.store import ObjectStore

#: Seconds that aiohttp waits for running handlers at shutdown. All connections are aborted before.
_SHUTDOWN = 1.0


class Simulator:
    """An API server on a local port; an async context manager that starts and stops it.

    store: the objects to serve. faults and authorizer: injected faults and access rules; can be changed at
    any time. request_log: the requests so far. bookmark_interval: seconds between the bookmarks of a watch.
    event_groups: the API groups that serve Events. event_fields: the fields by which Events can be selected.
    evicts: whether evictions delete Pods, which must not happen while churn writes the store. Dry runs of
    evictions are always answered.
    """

    def __init__(
        self,
        store: ObjectStore | None = None,
        *,
        authorizer: Authorizer | None = None,
        bookmark_interval: float = 60.0,
        event_groups: Sequence[str] = ("", "events.k8s.io"),
        event_fields: Sequence[str] = EVENT_FIELDS,
        evicts: bool = False,
    ) -> None:
        self.store = store or ObjectStore()
        self.authorizer = authorizer or Authorizer()
        self.faults = FaultInjector()
        self.request_log = RequestLog()
        self.url = ""
        self._handler = Handler(
            self.store,
            authorizer=self.authorizer,
            faults=self.faults,
            request_log=self.request_log,
            bookmark_interval=bookmark_interval,
            event_groups=event_groups,
            event_fields=event_fields,
            evicts=evicts,
        )
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._address = ("127.0.0.1", 0)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Start listening and return the URL. Raises OSError if the port is taken."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handler.handle)
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN
        )
        await self._runner.setup()
        self._address = (host, port)
        await self.go_online()
        self.url = f"http://{host}:{self._address[1]}"
        return self.url

    async def stop(self) -> None:
        """Abort every connection and stop listening."""
        if self._runner is not None:
            self.disconnect()
            await self._runner.cleanup()
            self._runner = self._site = None

    async def go_offline(self) -> None:
        """Stop listening and abort every connection, until `go_online`."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self.disconnect()

    async def go_online(self) -> None:
        """Listen (again), on the same port."""
        if self._runner is None or self._site is not None:
            return
        host, port = self._address
        self._site = web.TCPSite(self._runner, host, port, reuse_address=True)
        await self._site.start()
        self._address = (host, self._runner.addresses[0][1])

    @property
    def aggregates(self) -> bool:
        """Whether it has aggregated discovery, as since Kubernetes 1.26. It can be switched off."""
        return self._handler.aggregates

    @aggregates.setter
    def aggregates(self, aggregates: bool) -> None:
        self._handler.aggregates = aggregates

    @property
    def connections(self) -> list[asyncio.Transport]:
        """The open connections."""
        server = self._runner.server if self._runner is not None else None
        handlers = server.connections if server is not None else []
        return [handler.transport for handler in handlers if handler.transport is not None]

    def disconnect(self) -> None:
        """Abort every connection. New ones are accepted."""
        for connection in self.connections:
            connection.abort()

    async def __aenter__(self) -> Simulator:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
