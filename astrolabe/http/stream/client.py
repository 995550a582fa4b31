"""The subscriptions of one connection, and the pump that brings them up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.views.filter import Filter
from astrolabe.http.net.message import Message
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.shared_subscription import SharedSubscription
from astrolabe.http.stream.subscription import ClientSubscription, StreamConnection, fail

#: Seconds to wait for a position that another replica has already reached.
CATCH_UP_TIMEOUT = 2.0


class SharedSubscriptions(Protocol):
    """Where clients get shared subscriptions, see `hub.Hub`."""

    graph: ServedGraph

    def share(self, filter: Filter) -> SharedSubscription: ...
    def release(self, shared: SharedSubscription) -> None: ...
    def schedule(self, call: Callable[[], None]) -> None: ...
    async def wait_for_seq(self, seq: int, *, timeout: float) -> bool: ...


class Subscription(Protocol):
    """One subscription of a client, as the pump sees it."""

    def next(self) -> Message | None:
        """The next message to write. None when there is nothing, or until the client is woken."""
        ...

    def bookmark(self) -> None:
        """Send the current position if the client is in step and its transport accepts data."""
        ...


class StreamClient:
    """The subscriptions of one connection. Made by `Hub.join`; call `leave` when the connection is lost."""

    def __init__(self, subscriptions: SharedSubscriptions, connection: StreamConnection) -> None:
        self._hub = subscriptions
        self.connection = connection
        #: By id; each with what ends it.
        self._subscriptions: dict[str, tuple[Subscription, Callable[[], None]]] = {}
        self._ahead: dict[str, asyncio.Task[None]] = {}
        #: Whether `_pump` is scheduled.
        self._waits = False
        #: The latest message for the whole connection, if it could not be written yet. It replaces earlier
        #: ones.
        self._notice: Message | None = None

    def __len__(self) -> int:
        """The number of subscriptions."""
        return len(self._subscriptions)

    def __contains__(self, id: str) -> bool:
        return id in self._subscriptions

    @property
    def position(self) -> tuple[str, int]:
        """The epoch and seq of the served graph."""
        graph = self._hub.graph
        return graph.epoch, graph.seq

    def subscribe(self, id: str, filter: Filter, since: StreamPosition | None = None) -> None:
        """Follow a part of the graph under an unused id. The snapshot goes out at once, or when it is
        complete.

        Raises Refusal if too many filters are in use.
        """
        shared = self._hub.share(filter)
        subscription = ClientSubscription(id, shared, self.connection, wake=self.wake)
        subscription.start(since)
        shared.subscriptions[subscription] = None

        def end() -> None:
            del shared.subscriptions[subscription]
            self._hub.release(shared)

        self._subscriptions[id] = (subscription, end)
        if subscription.is_ahead():
            wait = self._wait(subscription)
            self._ahead[id] = asyncio.get_running_loop().create_task(wait, name="astrolabe.http.ahead")
        elif not self._waits:
            self._pump()

    def add(self, id: str, subscription: Subscription, end: Callable[[], None]) -> None:
        """Pump another subscription under an unused id. end: called when it ends."""
        self._subscriptions[id] = (subscription, end)
        self.wake()

    def unsubscribe(self, id: str) -> None:
        """End a subscription; nothing more is written under its id. Raises KeyError for an unknown id."""
        _, end = self._subscriptions.pop(id)
        end()
        if id in self._ahead:
            self._ahead.pop(id).cancel()

    def leave(self) -> None:
        """End all subscriptions: the connection is lost."""
        self._notice = None
        for id in list(self._subscriptions):
            self.unsubscribe(id)

    def wake(self) -> None:
        """Schedule the pump: the transport accepts data again, or there is more to send."""
        if not self._waits and (self._subscriptions or self._notice is not None):
            self._waits = True
            self._hub.schedule(self._pump)

    def notify(self, message: Message) -> None:
        """Send a message that concerns the whole connection. It replaces one that is still waiting."""
        self._notice = message
        self.wake()

    def beat(self) -> None:
        """Send a bookmark for every subscription that is in step. Called every heartbeat."""
        for subscription, _ in self._subscriptions.values():
            subscription.bookmark()

    async def _wait(self, subscription: ClientSubscription) -> None:
        """Wait until this replica reaches the client's position; reset the client if it does not in time."""
        await self._hub.wait_for_seq(subscription.sent_seq, timeout=CATCH_UP_TIMEOUT)
        del self._ahead[subscription.id]
        try:
            if subscription.is_ahead():
                subscription.restart("too-old")
        except Exception:
            fail(self.connection)
            return
        self.wake()

    def _pump(self) -> None:
        """Write one message, then let all other clients have a turn before the next."""
        self._waits = False
        if not self.connection.writable:
            return
        try:
            message = self._next()
            if message is not None:
                self.connection.write(message)
        except Exception:
            fail(self.connection)
            return
        if message is not None:
            self.wake()

    def _next(self) -> Message | None:
        if self._notice is not None:
            notice, self._notice = self._notice, None
            return notice
        for id, (subscription, end) in self._subscriptions.items():
            message = subscription.next()
            if message is not None:
                # It goes behind the others, so that a busy subscription does not silence them.
                del self._subscriptions[id]
                self._subscriptions[id] = subscription, end
                return message
        return None
