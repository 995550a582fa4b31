"""`astrolabe watch`: prints the changes of the graph, and the state of the connection and of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from ssl import SSLContext

from astrolabe.cli.formatting import coverage_line_of, state_line, trouble_of
from astrolabe.client import Change, Client, Filter, ServerState, Token, Update, UserCoverage

DEFAULT_URL = "ws://localhost:8080"

#: Shortest time in seconds between two lines about a stale graph that differ only in the reason. While the
#: server's watches recover one by one, the reason changes with each.
REASON_EVERY = 10.0


class WatchCommand:
    """on_change: called with every change. on_status: called with lines for people."""

    def __init__(
        self,
        url: str,
        filter: Filter,
        *,
        on_change: Callable[[Sequence[Change]], None],
        on_status: Callable[[str], None],
        initial: bool = False,
        token: Token | None = None,
        ssl: SSLContext | None = None,
    ) -> None:
        """initial: also report the nodes and edges that exist at the start. token, ssl: as in `Client`."""
        self._client = Client(url, filter, token=token, ssl=ssl)
        self._filter = filter
        self._on_change = on_change
        self._on_status = on_status
        self._initial = initial
        self._begun = False
        #: Whether the server has accepted the filter. It sends its state before it looks at the filter.
        self._accepted = False
        #: The last reported reason for a lost connection; "" while connected.
        self._loss_reason = ""
        #: The last reported state of the server; None before the first.
        self._reported: ServerState | None = None
        self._reported_at = 0.0
        #: What the user may see, as reported last; None: everything.
        self._coverage: UserCoverage | None = None

    async def run(self) -> None:
        """Watch until cancelled. Raises ClientError."""
        async with self._client as client:
            async for update in client.updates():
                self._handle(update)

    def _handle(self, update: Update) -> None:
        match update.event:
            case "disconnected":
                self._report_loss(f"{update.reason}; reconnecting")
            case "violated":
                self._report_loss(f"starting over: {update.reason}; reconnecting")
            case "connected":
                if self._loss_reason:
                    self._loss_reason = ""
                    self._on_status("reconnected" if self._begun else "connected")
            case "state" if not self._accepted:
                self._accepted = True  # the next message follows the server's answer to the filter
            case _:
                self._accepted = True
                self._report_state(self._client.state)  # also on a bookmark: a line may have been held back
                self._report_coverage(self._client.state)
        if update.changes and (self._begun or self._initial):
            self._on_change(update.changes)
        if not self._begun and update.position is not None:
            self._begun = True
            graph, state = self._client.graph, self._client.state
            so_far = " so far" if state is not None and state.state == "syncing" else ""
            nothing = "; nothing matches the filter" if self._filter and not graph.nodes else ""
            size = f"{len(graph.nodes)} nodes and {len(graph.edges)} edges"
            self._on_status(f"watching {size}{so_far}{nothing}")

    def _report_state(self, state: ServerState | None) -> None:
        """Print one line per change; during a sync, one line per completed kind, not one per second."""
        told, now = self._reported, asyncio.get_running_loop().time()
        if state is None or (told is not None and _key(told) == _key(state)):
            return
        again = told is not None and told.state == state.state == "stale" and told.since == state.since
        if again and now - self._reported_at < REASON_EVERY:
            return
        self._reported, self._reported_at = state, now
        self._on_status(state_line(state))

    def _report_coverage(self, state: ServerState | None) -> None:
        if state is None or state.coverage == self._coverage:
            return
        self._coverage = state.coverage
        everything = "you may see everything now"
        self._on_status(coverage_line_of(state.coverage) if state.coverage is not None else everything)

    def _report_loss(self, why: str) -> None:
        """Report repeated failures with the same reason once."""
        self._accepted = self._begun
        if why != self._loss_reason:
            self._on_status(why)
        self._loss_reason = why


def _key(state: ServerState) -> tuple[object, ...]:
    """What must differ for a new line to be printed."""
    if state.state == "syncing":
        return state.state, state.progress.kinds, trouble_of(state)
    return state.state, state.why, state.partial
