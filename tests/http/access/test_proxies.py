"""Behind real proxies, as people configure them: what works, and what one is told where something does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.support.certificates import Pair
from tests.support.proxies import HAPROXY, NAME, NGINX, Proxy, haproxy, nginx
from tests.support.serving import PATIENCE, Site, read, read_types, serve
from tests.support.worlds import facts, shop

ALL = [*(f"nginx-{name}" for name in NGINX), "nginx-tls", *(f"haproxy-{name}" for name in HAPROXY)]
#: Without the lines that pass on a WebSocket.
NO_UPGRADE = ["nginx-defaults", "nginx-prefix-defaults"]
#: With them, but without the one that passes on the host.
NO_HOST = "nginx-upgrade"
GOOD = [name for name in ALL if name not in (*NO_UPGRADE, NO_HOST)]
#: What browsers send with the requests of a page to where it is from (to https, and to localhost).
OWN = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


def before(site: Site, name: str, folder: Path) -> AbstractContextManager[Proxy]:
    program, _, configuration = name.partition("-")
    if name == "nginx-tls":
        return nginx(folder, "recommended", site.port, pair=Pair(folder))
    make = nginx if program == "nginx" else haproxy
    return make(folder, configuration, site.port)


@pytest.fixture
async def behind(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Site, Proxy]]:
    """A shop, and the proxy before it that the test names."""
    trusted = ("127.0.0.1",) if request.param == "nginx-forwarded-host" else ()
    async with serve(shop(), trusted_proxies=trusted) as site:
        with before(site, request.param, tmp_path) as proxy:
            yield site, proxy


def get(site: Site, proxy: Proxy, path: str, **headers: str) -> Any:
    return site.http.get(proxy.url(path), headers={"Host": proxy.host, **headers}, ssl=proxy.tls or False)


def page(proxy: Proxy, *, origin: str = "") -> connect:
    """The WebSocket of a page from behind the proxy."""
    url = proxy.url("/api/v1/ws", websocket=True).replace("127.0.0.1", NAME)
    return connect(
        url,
        host="127.0.0.1",
        origin=Origin(origin or proxy.origin),
        ssl=proxy.tls,
        server_hostname="127.0.0.1" if proxy.tls else None,
        proxy=None,
    )


def behind_all(names: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("behind", names, indirect=True)


@behind_all(ALL)
async def test_requests_of_pages_and_programs_are_answered(behind: tuple[Site, Proxy]) -> None:
    site, proxy = behind
    for headers in ({}, OWN, {**OWN, "Origin": proxy.origin}):
        async with get(site, proxy, "/api/v1/graph", **headers) as answer:
            assert answer.status == 200, await answer.text()
            assert len((await answer.json())["nodes"]) == 9
    async with get(site, proxy, "/api/v1/graph", **{"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 403


@behind_all(ALL)
async def test_events_arrive_at_once(behind: tuple[Site, Proxy]) -> None:
    site, proxy = behind
    async with asyncio.timeout(PATIENCE), get(site, proxy, "/api/v1/events", **OWN) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        seen = []
        while True:
            line = (await answer.content.readline()).decode().strip()
            if line.startswith("event: "):
                seen.append(line.removeprefix("event: "))
            if line == "event: snapshot":
                site.world.set(facts("Pod", "new"))
            if line.startswith("data: ") and seen[-1] == "delta":
                break
        assert seen == ["hello", "state", "snapshot", "delta"]
        assert "shop/new" in line or '"new"' in line


@behind_all(GOOD)
async def test_the_stream_of_a_page(behind: tuple[Site, Proxy]) -> None:
    site, proxy = behind
    async with page(proxy) as stream:
        await read_types(stream, "hello", "snapshot")
        site.world.set(facts("Pod", "new"))
        (delta,) = await read_types(stream, "delta")
        assert [node["name"] for node in delta["nodes"]["set"]] == ["new"]


@behind_all([name for name in ALL if name not in NO_UPGRADE])
async def test_the_stream_of_a_program(behind: tuple[Site, Proxy]) -> None:
    site, proxy = behind
    url = proxy.url("/api/v1/ws", websocket=True)
    async with connect(url, ssl=proxy.tls, proxy=None) as stream:
        await read_types(stream, "hello", "snapshot")
        site.world.set(facts("Pod", "new"))
        await read_types(stream, "delta")


@behind_all(GOOD)
async def test_a_page_of_another_site_is_refused(behind: tuple[Site, Proxy]) -> None:
    _, proxy = behind
    async with page(proxy, origin="https://evil.example") as stream:
        assert (await read(stream))["code"] == "forbidden-origin"
        with pytest.raises(ConnectionClosed, match="4503"):
            await stream.recv()


@behind_all([NO_HOST])
async def test_a_page_is_told_that_the_proxy_does_not_pass_the_host(behind: tuple[Site, Proxy]) -> None:
    _, proxy = behind
    async with page(proxy) as stream:
        error = await read(stream)
        with pytest.raises(ConnectionClosed, match="4503"):
            await stream.recv()
    assert error["code"] == "forbidden-origin"
    assert "proxy_set_header Host $http_host;" in error["message"]


@behind_all(NO_UPGRADE)
async def test_a_client_is_told_that_the_proxy_does_not_pass_websockets(behind: tuple[Site, Proxy]) -> None:
    _, proxy = behind
    with pytest.raises(InvalidStatus) as refused:
        await page(proxy)
    assert refused.value.response.status_code == 426
    body = json.loads(refused.value.response.body or b"")
    assert body["error"] == "upgrade-required"
    for line in (
        "proxy_http_version 1.1;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Host $http_host;",
    ):
        assert line in body["message"]


async def test_the_name_of_the_proxy_has_to_be_allowed_outside_a_cluster(tmp_path: Path) -> None:
    for allowed, status in (((), 421), ((NAME,), 200)):
        folder = tmp_path / str(status)
        folder.mkdir()
        async with serve(shop(), in_cluster=False, allowed_hosts=allowed) as site:
            with before(site, "nginx-recommended", folder) as proxy:
                async with get(site, proxy, "/health") as answer:
                    assert answer.status == status
