"""Which hosts are answered for, what pages of other sites may ask, and what a browser sees of refusals."""

import json
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from astrolabe.settings import Limits
from tests.support.browser import seen
from tests.support.raw import dial
from tests.support.serving import Site, read_types, serve
from tests.support.worlds import World, shop

PAGE = "https://grafana.example"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("open-sesame\n")
    return path


async def asked(site: Site, head: str) -> int:
    """The status of the answer to a request of these lines."""
    async with dial(site.port) as peer:
        await peer.send(f"{head}\r\nConnection: close\r\n\r\n".encode())
        return (await peer.read_answer())[0]


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("path", ["/health", "/livez", "/", "/viewer.css", "/docs", "/nothing"])
async def test_outside_a_cluster_only_known_hosts_are_served(path: str) -> None:
    async with serve(shop(), in_cluster=False) as site:
        async with site.get(path, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421
            refusal = await answer.json()
        assert refusal["error"] == "misdirected"
        assert "'evil.example'" in refusal["message"]
        assert "--allowed-hosts" in refusal["message"]
        async with site.get(path) as answer:
            assert answer.status != 421


@pytest.mark.parametrize(
    ("host", "shown", "flag"),
    [
        ("Evil.example:8080", "<code>Evil.example:8080</code>", "<code>--allowed-hosts=evil.example</code>"),
        (
            "<script>alert(1)</script>",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "<code>--allowed-hosts</code>",
        ),
    ],
)
async def test_an_unknown_host_gets_an_explaining_page(host: str, shown: str, flag: str) -> None:
    async with serve(shop(), in_cluster=False) as site:
        headers = {"Host": host, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        async with site.get("/", headers=headers) as answer:
            assert (answer.status, answer.content_type) == (421, "text/html")
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            page = await answer.text()
    assert shown in page
    assert flag in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /livez HTTP/1.1\r\nHost: localhost:8080", 200),
        ("GET /livez HTTP/1.1\r\nHost: LocalHost.:", 200),
        ("GET /livez HTTP/1.1\r\nHost: a.localhost", 200),
        ("GET /livez HTTP/1.1\r\nHost: 10.0.0.7", 200),
        ("GET /livez HTTP/1.1\r\nHost: [::1]:8080", 200),
        ("GET /livez HTTP/1.1\r\nHost: Astrolabe.Example:80", 200),
        ("GET /livez HTTP/1.1\r\nHost: a.b.wild.example", 200),
        ("GET /livez HTTP/1.0", 200),
        ("GET /livez HTTP/1.0\r\nHost:", 200),
        ("GET /livez HTTP/1.1\r\nHost: wild.example", 421),
        ("GET /livez HTTP/1.1\r\nHost: astrolabe.example.evil.example", 421),
        ("GET /livez HTTP/1.1\r\nHost: notlocalhost", 421),
        ("GET /livez HTTP/1.1\r\nHost: 127.0.0.1.evil.example", 421),
        ("GET /livez HTTP/1.1\r\nHost: 0x7f000001", 421),
        ("GET /livez HTTP/1.1\r\nHost: evil.example@localhost", 421),
        ("GET /livez HTTP/1.1\r\nHost: [localhost]", 421),
        ("GET http://evil.example/livez HTTP/1.1\r\nHost: localhost", 400),
    ],
)
async def test_known_hosts(head: str, status: int) -> None:
    hosts = ("astrolabe.example", "*.wild.example")
    async with serve(shop(), allowed_hosts=hosts) as site:  # in a cluster, too, once they are given
        assert await asked(site, head) == status


@pytest.mark.parametrize(
    "settings", [{}, {"in_cluster": False, "allowed_hosts": ("*",)}, {"in_cluster": False, "auth": "token"}]
)
async def test_in_a_cluster_any_host_is_served(file: Path, settings: dict[str, Any]) -> None:
    if "auth" in settings:
        settings = {**settings, "auth_token_file": str(file)}
    async with serve(shop(), **settings) as site:
        assert await asked(site, "GET /livez HTTP/1.1\r\nHost: any.example") == 200


@pytest.mark.usefixtures("page")
async def test_a_page_of_another_site_may_link_but_not_fetch(site: Site) -> None:
    for where in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": where, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        for path in ("/api/v1/graph", "/health", "/api/v1/events"):
            async with site.get(path, headers=headers) as answer:
                assert (answer.status, (await answer.json())["error"]) == (403, "forbidden-origin")
        link = {"Sec-Fetch-Site": where, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        for path in ("/", "/viewer.css"):
            async with site.get(path, headers=link) as answer:
                assert answer.status == 200
    for where in ("same-origin", "none"):
        async with site.get("/health", headers={"Sec-Fetch-Site": where}) as answer:
            assert answer.status == 200


async def test_an_allowed_origin_may_fetch_across_sites() -> None:
    headers = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}
    async with (
        serve(shop(), allowed_origins=(PAGE,)) as site,
        site.get("/api/v1/events", headers=headers) as answer,
    ):
        assert answer.status == 200


async def test_the_browser_knows_what_is_the_same_origin(site: Site) -> None:
    rewritten = {"Host": "upstream", "Origin": PAGE}
    async with site.get("/health", headers={**rewritten, "Sec-Fetch-Site": "same-origin"}) as answer:
        assert answer.status == 200
    own = f"http://127.0.0.1:{site.port}"
    for where in ("cross-site", "same-site"):
        async with site.get("/health", headers={"Origin": own, "Sec-Fetch-Site": where}) as answer:
            assert answer.status == 403


@pytest.mark.parametrize(
    ("headers", "trusted", "status"),
    [
        ({"X-Forwarded-Host": "grafana.example"}, True, 200),
        ({"X-Forwarded-Host": "grafana.example", "X-Forwarded-Proto": "https"}, True, 200),
        ({"Forwarded": 'for=10.0.0.1;host="grafana.example:443";proto=https'}, True, 200),
        ({"X-Forwarded-Host": "grafana.example", "X-Forwarded-Proto": "http"}, True, 403),
        ({"X-Forwarded-Host": "grafana.example:8443"}, True, 403),
        ({"X-Forwarded-Host": "grafana.example"}, False, 403),
    ],
)
async def test_a_trusted_proxy_forwards_the_requested_host(
    headers: dict[str, str], trusted: bool, status: int
) -> None:
    proxies = ("127.0.0.0/8",) if trusted else ("10.0.0.0/8",)
    async with (
        serve(shop(), trusted_proxies=proxies) as site,
        site.get("/health", headers={"Host": "upstream", "Origin": PAGE, **headers}) as answer,
    ):
        assert answer.status == status


async def test_a_host_forwarded_by_a_trusted_proxy_must_be_known() -> None:
    settings = {"in_cluster": False, "trusted_proxies": ("127.0.0.1",)}
    async with (
        serve(shop(), **settings) as site,
        site.get("/health", headers={"X-Forwarded-Host": "evil.example"}) as answer,
    ):
        assert answer.status == 421


async def test_a_browser_sees_why_its_websocket_is_refused(file: Path) -> None:
    async with serve(shop(), Limits(max_connections=1)) as site:
        assert await seen(site, "/api/v1/ws?kind=Pood") == ("bad-filter", 4500)
        assert await seen(site, "/api/v1/ws?since=x") == ("bad-filter", 4500)
        async with site.stream() as stream:
            await read_types(stream, "hello", "snapshot")
            assert await seen(site) == ("too-many-connections", 4429)
            with pytest.raises(InvalidStatus, match="503"):
                await site.stream()
        assert site.server.streams <= 1
    world = World(limits=Limits(max_filters=1))
    async with serve(world) as site, site.stream("/api/v1/ws?kind=Pod") as stream:
        await read_types(stream, "hello", "snapshot")
        assert await seen(site, "/api/v1/ws?kind=Service") == ("too-many-filters", 4429)
    async with serve(shop(), in_cluster=False) as site:
        assert await seen(site) == ("misdirected", 4521)
    async with serve(shop(), auth="token", auth_token_file=str(file)) as site:
        assert await seen(site) == ("unauthorised", 4501)


async def test_a_refused_row_stream_is_closed_with_nothing_but_a_code(site: Site) -> None:
    async with site.stream("/api/v1/ws/flat/changes", origin=Origin(PAGE)) as stream:
        with pytest.raises(ConnectionClosed) as ended:
            await stream.recv()
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 4503


@pytest.mark.parametrize(
    ("head", "lines"),
    [
        (
            "GET /api/v1/ws HTTP/1.0\r\nHost: x",
            ["proxy_http_version 1.1;", "Upgrade $http_upgrade;", 'Connection "upgrade";'],
        ),
        ("GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket", ['Connection "upgrade";']),
    ],
)
async def test_missing_proxy_headers_are_named(site: Site, head: str, lines: list[str]) -> None:
    async with dial(site.port) as peer:
        await peer.send(f"{head}\r\nConnection: close\r\n\r\n".encode())
        status, headers, body = await peer.read_answer()
    assert (status, headers["upgrade"]) == (426, "websocket")
    assert json.loads(body)["error"] == "upgrade-required"
    for line in lines:
        assert line in json.loads(body)["message"]
