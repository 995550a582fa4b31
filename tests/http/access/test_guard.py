"""Who is let in by token and by origin, and what browsers are told of the answers."""

import asyncio
import hmac
import logging
import os
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from astrolabe.http.access.bearer import TOKEN_PROTOCOL
from astrolabe.http.access.tokens import Tokens, digest_of
from astrolabe.http.errors import FileError
from astrolabe.settings import Limits
from tests.support.browser import seen
from tests.support.raw import UPGRADE, dial
from tests.support.serving import Site, eventually, read, read_types, serve
from tests.support.timing import ManualClock
from tests.support.worlds import World, shop

TOKEN = "open-sesame-3f2a"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PATHS = (
    *("/api/v1/graph", "/api/v1/resources/x", "/api/v1/events", "/api/v1/ws", "/health", "/metrics"),
    *("/api/v1/ws/flat/changes", "/api/v1/ws/flat/stats/namespace/shop"),
)
PAGE = "https://grafana.example"


def protocol(token: str) -> Subprotocol:
    return Subprotocol(TOKEN_PROTOCOL + urlsafe_b64encode(token.encode()).decode().rstrip("="))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"# of the dashboards\n{TOKEN}\n\n  another  \n")
    return path


@pytest.fixture
async def closed(file: Path) -> AsyncIterator[Site]:
    """A shop for those who have a token."""
    async with serve(shop(), auth="token", auth_token_file=str(file)) as site:
        yield site


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "a token is needed"),
        ({"Authorization": "Bearer wrong"}, "the token is not known"),
        ({"Authorization": "Bearer "}, "a token is needed"),
        ({"Authorization": f"Basic {TOKEN}"}, "a token is needed"),
        ({"Authorization": f"Bearer {TOKEN} "[:-2]}, "the token is not known"),
    ],
)
async def test_unknown_tokens_are_refused(
    closed: Site, path: str, headers: dict[str, str], message: str
) -> None:
    async with closed.get(path, headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert await answer.json() == {"error": "unauthorised", "message": message}


async def test_a_websocket_is_refused_before_the_upgrade(closed: Site) -> None:
    async with dial(closed.port) as peer:
        await peer.ask("/api/v1/ws", UPGRADE + "Connection: close\r\n")
        head = await peer.read()
    assert head.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    with pytest.raises(InvalidStatus):
        await closed.stream(subprotocols=[protocol("wrong"), Subprotocol("astrolabe.v1")])


@pytest.mark.parametrize(
    "header", [b"Authorization: Bearer \xff\xfe", b"Authorization: Bearer " + b"x" * 4000]
)
async def test_arbitrary_bytes_in_headers_raise_nothing(
    closed: Site, header: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with dial(closed.port) as peer:
        await peer.send(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + b"\r\n\r\n")
        status, headers, _ = await peer.read_answer()
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert caplog.text == ""


async def test_arbitrary_bytes_in_the_origin_raise_nothing() -> None:
    async with serve(shop(), cors_origins=("*",)) as site, dial(site.port) as peer:
        await peer.send(
            b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: http://\xff\r\n\r\n"
        )
        status, headers, _ = await peer.read_answer()
    assert (status, headers["access-control-allow-origin"]) == (200, "*")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_known_tokens_are_accepted(closed: Site, scheme: str) -> None:
    for token in (TOKEN, "another"):
        headers = {"Authorization": f"{scheme} {token}"}
        for path in ("/api/v1/graph", "/health", "/metrics", "/api/v1/events"):
            async with closed.get(path, headers=headers) as answer:
                assert answer.status == 200
        async with closed.stream(additional_headers=headers) as stream:
            await read_types(stream, "hello", "snapshot")


async def test_a_browser_sends_the_token_as_a_subprotocol(closed: Site) -> None:
    offered = [Subprotocol("astrolabe.v1"), protocol(TOKEN)]
    for protocols in (offered, offered[::-1]):
        async with closed.stream(subprotocols=protocols) as stream:
            assert stream.subprotocol == "astrolabe.v1"
            await read_types(stream, "hello", "snapshot")


@pytest.mark.parametrize("text", ["", "!", "w", "_w", "gA"])
async def test_invalid_base64url_is_not_a_token(closed: Site, text: str) -> None:
    with pytest.raises(InvalidStatus, match="401"):
        await closed.stream(additional_headers={"Sec-WebSocket-Protocol": TOKEN_PROTOCOL + text})


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/", "/viewer.css"])
async def test_probes_and_viewer_need_no_token(file: Path, path: str) -> None:
    async with serve(shop(), auth="token", auth_token_file=str(file)) as site, site.get(path) as answer:
        assert answer.status == 200


async def test_metrics_need_no_token_if_configured(file: Path) -> None:
    async with serve(shop(), auth="token", auth_token_file=str(file), open_metrics=True) as site:
        async with site.get("/metrics") as answer:
            assert answer.status == 200
        assert (await site.refused("/health"))[0] == 401


async def test_a_withdrawn_token_ends_what_is_open(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astrolabe.http.access.tokens.LOOK_EVERY", 0.0)
    limits = Limits(heartbeat=0.2)
    async with (
        serve(shop(), limits, auth="token", auth_token_file=str(file)) as site,
        site.stream(additional_headers=BEARER) as stream,
        site.stream(additional_headers={"Authorization": "Bearer another"}) as kept,
        site.get("/api/v1/events", headers=BEARER) as events,
    ):
        await read_types(stream, "hello", "snapshot")
        await asyncio.to_thread(file.write_text, "another\na-new-one\n")
        while (message := await read(stream))["type"] == "bookmark":
            pass
        assert message == {
            "type": "error",
            "code": "unauthorised",
            "message": "the token is no longer known",
        }
        with pytest.raises(ConnectionClosed) as ended:
            await stream.recv()
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 4501
        body = await events.content.read()
        assert b"event: snapshot" in body
        assert body.endswith(
            b'event: error\ndata: {"type":"error","code":"unauthorised",'
            b'"message":"the token is no longer known"}\n\n'
        )
        await read_types(kept, "hello", "snapshot", "bookmark")
        assert site.server.streams == 1
        async with site.get("/health", headers={"Authorization": "Bearer a-new-one"}) as answer:
            assert answer.status == 200


def test_the_file_is_checked_once_a_second(file: Path) -> None:
    clock = ManualClock()
    tokens = Tokens(str(file), clock=clock)
    file.write_text("new\n")
    assert not tokens.knows(digest_of("new"))
    clock.now = 1.0
    assert tokens.knows(digest_of("new"))
    assert not tokens.knows(digest_of(TOKEN))


def test_token_checks_take_constant_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first, the last, and none: each is compared with all, by what takes as long for any bytes."""
    compared: list[int] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(len(other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    tokens = Tokens(str(file), clock=ManualClock())
    assert [tokens.knows(digest_of(text)) for text in (TOKEN, "another", "x" * 99)] == [True, True, False]
    assert compared == [32] * 6


def test_a_briefly_missing_file_changes_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    tokens = Tokens(str(file), clock=clock)
    file.unlink()
    clock.now = 1.0
    assert tokens.knows(digest_of(TOKEN))
    assert f"the token file {file} cannot be read, the previous ones stay valid: No such file" in caplog.text
    caplog.clear()
    clock.now = 2.0
    assert tokens.knows(digest_of(TOKEN))
    assert caplog.text == ""  # said once
    file.write_text("# none\n")
    clock.now = 3.0
    assert not tokens.knows(digest_of(TOKEN))
    assert f"the token file {file} no longer has a token: nobody is let in" in caplog.text
    caplog.clear()
    file.unlink()
    clock.now = 4.0
    assert not tokens.knows(digest_of(TOKEN))
    assert "cannot be read" in caplog.text  # another time


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "cannot be read: No such file or directory"),
        (lambda path: path.write_text("# nobody\n\n"), "has no token"),
        (lambda path: path.write_bytes(b"secret\xff"), "cannot be read: it is not UTF-8"),
        (
            lambda path: path.write_text("# two\n\na secret\n"),
            "cannot be read: line 3 is not a token: .* blank",
        ),
        (
            lambda path: path.write_text("a\tsecret"),
            "cannot be read: line 1 is not a token: it contains a blank",
        ),
        (
            lambda path: path.write_text("a\0secret"),
            "cannot be read: line 1 is not a token: it contains a control character",
        ),
        (os.mkdir, "cannot be read: it is not a regular file"),
        (os.mkfifo, "cannot be read: it is not a regular file"),
    ],
)
def test_an_unusable_file_is_reported(tmp_path: Path, make: Callable[[Path], object], why: str) -> None:
    make(tmp_path / "tokens")
    with pytest.raises(FileError, match=why) as failed:
        Tokens(str(tmp_path / "tokens"), clock=ManualClock())
    assert "secret" not in str(failed.value)


async def test_tokens_are_never_logged(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("asyncio", "sanic.root", "sanic.error", "sanic.access", "websockets", "astrolabe"):
        caplog.set_level(logging.DEBUG, logger=name)
    tokens = (TOKEN, "wrong-token-77", "in\u00e4-token")
    async with serve(shop(), auth="token", auth_token_file=str(file)) as site:
        caplog.clear()
        for token in tokens:
            for path in (*PATHS, "/nothing", f"/health?token={token}", f"/api/v1/ws?token={token}"):
                path = path.encode("ascii", "ignore").decode()
                async with dial(site.port) as peer:
                    await peer.ask(path, f"Authorization: Bearer {token}\r\nConnection: close\r\n")
                    await peer.read()
                async with dial(site.port) as peer:  # gone halfway
                    await peer.ask(path, f"Authorization: Bearer {token}\r\nContent-Length: 9\r\n")
                    await eventually(lambda: len(site.server.open) == 1)
                    peer.reset()
                await eventually(lambda: not site.server.open)
            async with dial(site.port) as peer:
                await peer.ask("/api/v1/ws", UPGRADE + f"Sec-WebSocket-Protocol: {protocol(token)}\r\n")
                await peer.read()
        await site.json("/livez")
    for token in tokens:
        assert token not in caplog.text
        assert protocol(token) not in caplog.text


async def test_pages_of_other_hosts_are_refused(site: Site) -> None:
    for path in PATHS[:3]:
        async with site.get(path, headers={"Origin": PAGE}) as answer:
            assert answer.status == 403
            refusal = await answer.json()
            assert refusal["error"] == "forbidden-origin"
            assert refusal["message"].startswith("pages of this origin are not allowed here; if")
    for headers, status in (({}, 426), ({"Sec-Fetch-Site": "cross-site"}, 403)):  # no handshake
        async with site.get("/api/v1/ws", headers={"Origin": PAGE, **headers}) as answer:
            assert answer.status == status
    for origin in (PAGE, "null", "https://[", "https://:x", f"http://127.0.0.1:{site.port + 1}"):
        assert await seen(site, origin=origin) == ("forbidden-origin", 4503)


async def test_pages_of_this_host_and_programs_are_let_in(site: Site) -> None:
    async with site.stream(origin=Origin(f"http://127.0.0.1:{site.port}")) as stream:
        await read_types(stream, "hello", "snapshot")
    async with site.stream() as stream:
        await read_types(stream, "hello", "snapshot")
    for host, origin in (("a.example", "https://a.example"), ("a.example:443", "https://A.example")):
        async with site.get("/health", headers={"Host": host, "Origin": origin}) as answer:
            assert answer.status == 200


async def test_allowed_origins_may_connect_but_not_read() -> None:
    async with serve(shop(), allowed_origins=(PAGE,)) as site:
        async with site.stream(origin=Origin(PAGE)) as stream:
            await read_types(stream, "hello", "snapshot")
        async with site.get("/health", headers={"Origin": PAGE}) as answer:
            assert answer.status == 200
            assert "Access-Control-Allow-Origin" not in answer.headers
        async with site.get("/api/v1/events", headers={"Origin": PAGE}) as answer:
            assert answer.status == 200
            assert answer.headers["Access-Control-Allow-Origin"] == PAGE
            assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("shared", [PAGE, "*"])
async def test_cors_origins_may_read(file: Path, shared: str) -> None:
    async with serve(shop(), auth="token", auth_token_file=str(file), cors_origins=(shared,)) as site:
        for path in ("/api/v1/graph", "/api/v1/events", "/health"):
            async with site.get(path, headers={"Origin": PAGE, **BEARER}) as answer:
                assert answer.status == 200
                assert answer.headers["Access-Control-Allow-Origin"] == shared
                assert "X-Astrolabe-Seq" in answer.headers["Access-Control-Expose-Headers"]
                assert "Origin" in answer.headers["Vary"]
        # A page may read that it is refused, too.
        async with site.get("/health", headers={"Origin": PAGE}) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, shared)
        async with site.get("/health", headers=BEARER) as answer:
            assert answer.headers["Vary"] == "Origin"
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_preflight_requests_need_no_token(file: Path) -> None:
    asks = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    async with serve(shop(), auth="token", auth_token_file=str(file), cors_origins=(PAGE,)) as site:
        url = f"http://127.0.0.1:{site.port}/api/v1/graph"
        async with site.http.options(url, headers=asks) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == PAGE
            assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
            assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        async with site.http.options(url, headers={**asks, "Origin": "https://other"}) as answer:
            assert answer.status == 403
            assert "Access-Control-Allow-Origin" not in answer.headers
        async with site.http.options(url) as answer:
            assert answer.status == 405


@pytest.mark.usefixtures("page")
async def test_every_answer_has_security_headers() -> None:
    paths = (
        "/",
        "/viewer.css",
        "/health",
        "/metrics",
        "/api/v1/graph",
        "/nothing",
        "/api/v1/ws",
        "/api/v1/events",
    )
    async with serve(shop()) as site:
        for path in paths:
            async with site.get(path) as answer:
                assert answer.headers["X-Content-Type-Options"] == "nosniff", path
                assert answer.headers["Referrer-Policy"] == "no-referrer", path
                if path == "/":
                    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
                    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


async def test_a_server_without_its_tokens_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        async with serve(World(), auth="token", auth_token_file=str(tmp_path / "none")):
            pass


def test_a_byte_order_mark_is_not_part_of_a_token(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_bytes(b"\xef\xbb\xbffirst\nsecond\n")
    tokens = Tokens(str(tmp_path / "tokens"), clock=ManualClock())
    assert tokens.knows(digest_of("first"))


def test_a_later_line_with_blanks_changes_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    tokens = Tokens(str(file), clock=clock)
    file.write_text("good\nsecret words\n")
    clock.now = 1.0
    assert tokens.knows(digest_of(TOKEN))
    assert not tokens.knows(digest_of("good"))
    assert (
        f"the token file {file} cannot be read, the previous ones stay valid: line 2 is not a token"
        in caplog.text
    )
    assert "secret" not in caplog.text
