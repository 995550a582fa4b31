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

FOLDER = Path(__file__).parent
#: The modules whose tests depend on what a transport does.
ON_BOTH = {
    FOLDER / f"{module}.py"
    for module in (
        "access/test_certificate",
        "access/test_guard",
        "access/test_proxies",
        "net/test_dead_peers",
        "net/test_frames",
        "net/test_handshake",
        "net/test_sse",
        "net/test_transport",
        "net/test_websocket",
        "net/test_write_buffer",
        "stream/test_routes",
        "test_browsers",
        "test_fuzz",
        "test_restart",
        "test_server",
    )
}
if missing := {module for module in ON_BOTH if not module.is_file()}:
    raise AssertionError(f"no such test modules: {missing}")


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loops that a test runs on."""
    return LOOPS if item.path in ON_BOTH else {"uvloop": LOOPS["uvloop"]}


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
