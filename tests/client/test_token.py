"""What a client shows to a server that asks for a token, and to one with TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from astrolabe.client import Backoff, Client, ClientError, Token, TokenFile
from astrolabe.settings import Limits
from tests.support.certificates import Pair
from tests.support.serving import PATIENCE, Site, serve
from tests.support.worlds import facts, shop

TOKEN = "open-sesame-3f2a"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """Those of the server."""
    path = tmp_path / "tokens"
    path.write_text(f"{TOKEN}\nanother\n")
    return path


@asynccontextmanager
async def closed(tokens: Path, **settings: str) -> AsyncIterator[Site]:
    """A shop for those who have a token."""
    limits = Limits(heartbeat=0.2)
    async with (
        serve(shop(), limits, auth="token", auth_token_file=str(tokens), **settings) as site,
        asyncio.timeout(PATIENCE),
    ):
        yield site


def client_of(site: Site, token: Token | None) -> Client:
    return Client(f"127.0.0.1:{site.port}", token=token, backoff=Backoff(base=0.01, longest=0.05))


async def asked_slowly() -> str:
    await asyncio.sleep(0)
    return TOKEN


@pytest.mark.parametrize("token", [TOKEN, lambda: TOKEN, asked_slowly])
async def test_a_valid_token_is_accepted(tokens: Path, token: Token) -> None:
    async with closed(tokens) as site, client_of(site, token) as client:
        await client.ready()
        assert len(client.graph.nodes) == 9


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "a token is needed"),
        ("wrong", "the token is not known"),
        (lambda: "wrong", "the token is not known"),
    ],
)
async def test_without_a_token_the_error_says_what_to_do(
    tokens: Path, token: Token | None, said: str
) -> None:
    async with closed(tokens) as site, client_of(site, token) as client:
        with pytest.raises(ClientError) as caught:
            await client.ready()
    assert caught.value.code == "unauthorised"
    assert str(caught.value) == (
        f"ws://127.0.0.1:{site.port} refuses: HTTP 401, {said}; it takes a token of its --auth-token-file or, with --auth=kubernetes, of a user of its cluster"
    )


@pytest.mark.parametrize("token", ["", "two words", "a\nline", "tab\t", "\x7f"])
async def test_invalid_tokens_are_not_sent(tokens: Path, token: str) -> None:
    async with closed(tokens) as site, client_of(site, lambda: token) as client:
        with pytest.raises(ClientError, match=r"^the token is empty or contains") as caught:
            await client.ready()
    assert caught.value.code == "bad-token"


async def test_a_token_is_read_again_for_each_connection(tokens: Path) -> None:
    given: Iterator[str] = iter([TOKEN, "another"])
    async with closed(tokens) as site, client_of(site, lambda: next(given)) as client:
        await client.ready()
        client.drop()
        site.world.set(facts("Pod", "new"))
        await client.reached(site.hub.graph.seq)
    assert list(given) == []


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server looks at its file whenever it is asked."""
    monkeypatch.setattr("astrolabe.http.access.tokens.LOOK_EVERY", 0.0)


@pytest.mark.usefixtures("at_once")
async def test_a_revoked_token_ends_the_connection(tokens: Path) -> None:
    async with closed(tokens) as site, client_of(site, lambda: TOKEN) as client:
        await client.ready()
        await asyncio.to_thread(tokens.write_text, "another\n")
        with pytest.raises(ClientError, match=r"the token is no longer valid; it takes a token of") as caught:
            await client.reached(99)
    assert caught.value.code == "unauthorised"


@pytest.mark.usefixtures("at_once")
async def test_a_revoked_token_that_was_replaced_does_not_end_it(tokens: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text(f"{TOKEN}\n")
    async with closed(tokens) as site, client_of(site, TokenFile(str(mine))) as client:
        await client.ready()
        await asyncio.to_thread(mine.write_text, "fresh\n")
        await asyncio.to_thread(tokens.write_text, "fresh\n")
        events = []
        async for update in client.updates():
            events.append((update.event, update.reason))
            if update.event == "connected":
                break
        site.world.set(facts("Pod", "new"))
        await client.reached(site.hub.graph.seq)
        assert client.graph.nodes["pod-new"]["name"] == "new"
    assert [event for event in events if event[0] != "bookmark"] == [
        ("disconnected", "the token was refused; trying the new one"),
        ("connected", ""),
    ]


async def test_two_refused_tokens_are_final(tokens: Path) -> None:
    made = iter(range(99))
    async with closed(tokens) as site, client_of(site, lambda: f"made-{next(made)}") as client:
        with pytest.raises(ClientError, match=r"the token is not known"):
            await client.ready()
    assert next(made) == 3  # shown, compared, shown


async def test_exceptions_of_a_token_callable_propagate(tokens: Path) -> None:
    def fail() -> str:
        raise LookupError("no vault")

    async with closed(tokens) as site, client_of(site, fail) as client:
        with pytest.raises(LookupError, match="no vault"):
            await client.ready()


Change = Callable[[Path], Awaitable[object] | object]


def test_the_first_non_empty_line_of_a_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("# of the dashboards\n\n  first  \nsecond\n")
    token = TokenFile(str(path))
    assert token() == "first"
    path.write_text("fresh")
    assert token() == "fresh"


@pytest.mark.parametrize(
    "change", [Path.unlink, lambda path: path.write_text("# none\n"), lambda path: path.write_bytes(b"\xff")]
)
def test_a_file_that_is_being_replaced_changes_nothing(tmp_path: Path, change: Change) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    token = TokenFile(str(path))
    change(path)
    assert token() == "first"


def test_a_file_without_a_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        TokenFile(str(tmp_path / "none"))
    for content in (b"", b"# secret\n", b"secret\xff\n"):
        (tmp_path / "token").write_bytes(content)
        with pytest.raises(ValueError, match=r"^the file contains no token$"):
            TokenFile(str(tmp_path / "token"))


def test_token_files_are_read_like_the_servers(tmp_path: Path) -> None:
    file = tmp_path / "token"
    for content in (b"\xef\xbb\xbfgood\n", b"# of the dashboards\r\n\r\n  good\r\nother\r\n"):
        file.write_bytes(content)
        assert TokenFile(str(file))() == "good"
    file.write_bytes(b"\n\na secret\n")
    with pytest.raises(ValueError, match=r"^line 3 is not a token: it contains a space$"):
        TokenFile(str(file))


async def test_a_server_with_tls_is_trusted_as_the_context_says(tokens: Path, tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    async with closed(tokens, **pair.settings) as site:
        url = f"https://127.0.0.1:{site.port}"
        async with Client(url, token=TOKEN, ssl=pair.trusting()) as client:
            await client.ready()
        async with Client(url, token=TOKEN) as client:
            with pytest.raises(ClientError, match=r"certificate of wss://.* is not trusted: self") as caught:
                await client.ready()
        assert caught.value.code == "certificate"
        async with Client(f"https://localhost:{site.port}", token=TOKEN, ssl=pair.trusting()) as client:
            with pytest.raises(ClientError, match=r"not valid for 'localhost'$") as caught:
                await client.ready()
        assert caught.value.code == "bad-certificate"


async def test_a_tls_mismatch_is_reported(tokens: Path, tmp_path: Path) -> None:
    for settings, scheme, said in (
        ({}, "wss", "the server does not use TLS; use http://"),
        (Pair(tmp_path).settings, "ws", "the server closed the connection; if it uses TLS, use https://"),
    ):
        async with closed(tokens, **settings) as site:
            url = f"{scheme}://127.0.0.1:{site.port}"
            async with Client(url, token=TOKEN) as client:
                update = await anext(client.updates())
            assert (update.event, update.reason) == ("disconnected", f"cannot connect to {url}: {said}")


def test_an_ssl_context_without_tls_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^ssl needs an https or wss URL$"):
        Client("http://127.0.0.1:1", ssl=Pair(tmp_path).trusting())
