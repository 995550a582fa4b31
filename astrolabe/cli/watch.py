"""`astrolabe watch`: prints what a client of the stream is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from ssl import SSLContext

from astrolabe.cli.lines import state_line, trouble_of
from astrolabe.client import Change, Client, Filter, ServerState, Token, Update

DEFAULT_URL = "ws://localhost:8080"

#: Seconds between two lines of which only the reason is news: while the watches of a server come back, one by
#: one, it says another one each time.
REASON_EVERY = 10.0


class Watch:
    """changed: is called with every change; said: with news of the connection, for people."""

    def __init__(
        self,
        url: str,
        filter: Filter,
        *,
        changed: Callable[[Sequence[Change]], None],
        said: Callable[[str], None],
        initial: bool = False,
        token: Token | None = None,
        ssl: SSLContext | None = None,
    ) -> None:
        """initial: tell of what is there at the beginning, too. token, ssl: as `Client` takes them."""
        self._client = Client(url, filter, token=token, ssl=ssl)
        self._filter = filter
        self._changed = changed
        self._said = said
        self._initial = initial
        self._begun = False
        #: Why there is no connection, as it was told last; "" while there is one.
        self._lost = ""
        #: What the server said of itself, as it was told last; None before it said anything.
        self._told: ServerState | None = None
        self._told_at = 0.0

    async def run(self) -> None:
        """Watch until cancelled. Raises ClientError."""
        async with self._client as client:
            async for update in client.updates():
                self._tell(update)

    def _tell(self, update: Update) -> None:
        match update.event:
            case "disconnected":
                self._lose(f"{update.reason}; connecting again")
            case "violated":
                self._lose(f"starting over: {update.reason}; connecting again")
            case "connected" if self._lost:
                self._lost = ""
                self._said("connected again" if self._begun else "connected")
            case _:
                self._tell_state(self._client.state)  # of a bookmark, too: one may have waited
        if update.changes and (self._begun or self._initial):
            self._changed(update.changes)
        if not self._begun and update.position is not None:
            self._begun = True
            graph, state = self._client.graph, self._client.state
            so_far = " so far" if state is not None and state.state == "syncing" else ""
            nothing = f": nothing matches the filter{so_far}" if self._filter and not graph.nodes else so_far
            self._said(f"watching {len(graph.nodes)} nodes and {len(graph.edges)} edges{nothing}")

    def _tell_state(self, state: ServerState | None) -> None:
        """One line a change; of a sync, which moves once a second, one whenever a kind is done."""
        told, now = self._told, asyncio.get_running_loop().time()
        if state is None or (told is not None and _key(told) == _key(state)):
            return
        again = told is not None and told.state == state.state == "stale" and told.since == state.since
        if again and now - self._told_at < REASON_EVERY:
            return
        self._told, self._told_at = state, now
        self._said(state_line(state))

    def _lose(self, why: str) -> None:
        """Attempts that fail for one reason are told of once."""
        if why != self._lost:
            self._said(why)
        self._lost = why


def _key(state: ServerState) -> tuple[object, ...]:
    """What makes a line worth printing."""
    if state.state == "syncing":
        return state.state, state.progress.kinds, trouble_of(state)
    return state.state, state.why, state.partial
