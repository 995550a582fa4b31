"""A served shop; and the event loops: production runs on uvloop, which has transports of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from astrolabe.http import server
from tests.support.serving import Site, serve
from tests.support.worlds import shop

#: The loop that serves in production, and the one of the standard library.
LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}

#: The modules whose tests depend on what a transport does.
ON_BOTH = {
    "test_access",
    "test_browsers",
    "test_dead_peers",
    "test_events",
    "test_frames",
    "test_fuzz",
    "test_handshake",
    "test_outflow",
    "test_proxies",
    "test_restart",
    "test_server",
    "test_streams",
    "test_tls",
    "test_transport",
    "test_websocket",
}


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loops that a test runs on."""
    return LOOPS if item.path.stem in ON_BOTH else {"uvloop": LOOPS["uvloop"]}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serve(shop()) as site:
        yield site


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A viewer of one page."""
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "viewer.css").write_text("")
    monkeypatch.setattr(server, "find_static", lambda: tmp_path)
