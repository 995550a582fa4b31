"""Requests, and what the user is told at the start when they fail, word for word."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from kubernetes_asyncio.config import incluster_config

from astrolabe import __version__
from astrolabe.kube.client import Cluster
from astrolabe.kube.errors import ApiError, ClusterError, ConnectionBroken, NotTheApi
from astrolabe.settings import Settings
from tests.kube.support import (
    RudeServer,
    Step,
    answer,
    connected,
    plugin,
    refusal,
    settings_for,
    stream,
    write_kubeconfig,
)
from tests.support.redis_server import free_port

ADVICE = (
    "Outside a cluster, choose another kubeconfig with `--in-cluster=false --kubeconfig PATH`;"
    " without a cluster, try `astrolabe demo`."
)
CERTIFICATE = Path(__file__).parent / "tls/cert.pem"
OK = answer(200, b"{}")
LIST_FORBIDDEN = refusal(403, "Forbidden", 'pods is forbidden: User "u" cannot list resource "pods"')


@asynccontextmanager
async def cluster_of(folder: Path, url: str, **settings: object) -> AsyncIterator[Cluster]:
    cluster = await Cluster.connect(settings_for(write_kubeconfig(folder / "config", url), **settings))
    try:
        yield cluster
    finally:
        await cluster.close()


async def message_of(cluster: Cluster) -> str:
    with pytest.raises(ClusterError) as caught:
        await cluster.verify()
    return str(caught.value)


async def message_after(folder: Path, *steps: Step) -> str:
    """What `verify` raises when the server plays these steps; HOST stands for its address."""
    async with RudeServer(*steps) as server, cluster_of(folder, server.url) as cluster:
        return (await message_of(cluster)).replace(server.url, "HOST").replace(str(folder), "FOLDER")


async def test_verify_asks_for_the_version_and_one_pod(tmp_path: Path) -> None:
    async with RudeServer(OK, OK) as server, cluster_of(tmp_path, server.url) as cluster:
        await cluster.verify()
        assert [(asked.method, asked.path, asked.query) for asked in server.asked] == [
            ("GET", "/version", {}),
            ("GET", "/api/v1/pods", {"limit": "1"}),
        ]
        assert server.asked[0].headers["User-Agent"] == f"astrolabe/{__version__}"
        assert server.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("step", "identity"),
    [
        (answer(200, b'{"items":[{"metadata":{"name":"kube-system","uid":"u-1"}}]}'), "u-1"),
        (answer(200, b'{"items":[{"metadata":{"name":"other","uid":"u-2"}}]}'), ""),
        (answer(200, b'{"items":7}'), ""),
        (LIST_FORBIDDEN, ""),
    ],
)
async def test_a_cluster_is_known_by_the_uid_of_kube_system(
    tmp_path: Path, step: Step, identity: str
) -> None:
    async with RudeServer(step) as server, cluster_of(tmp_path, server.url) as cluster:
        assert await cluster.identity() == identity
        (asked,) = server.asked
        assert (asked.path, asked.query["fieldSelector"]) == (
            "/api/v1/namespaces",
            "metadata.name=kube-system",
        )


async def test_verify_asks_in_a_namespace_that_is_watched(tmp_path: Path) -> None:
    async with (
        RudeServer(OK, OK) as server,
        cluster_of(tmp_path, server.url, namespaces=("shop",)) as cluster,
    ):
        await cluster.verify()
        assert server.asked[1].path == "/api/v1/namespaces/shop/pods"


@pytest.mark.parametrize("steps", [(LIST_FORBIDDEN, OK), (OK, LIST_FORBIDDEN)], ids=["version", "list"])
async def test_verify_accepts_partly_forbidden_access(tmp_path: Path, steps: tuple[Step, ...]) -> None:
    async with RudeServer(*steps) as server, cluster_of(tmp_path, server.url) as cluster:
        await cluster.verify()
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            [refusal(401, "Unauthorized", "Unauthorized")],
            "The API server HOST refuses the credentials of the kubeconfig FOLDER/config, context test:"
            " 401 Unauthorized: Unauthorized. ",
        ),
        (
            [OK, refusal(401, "Unauthorized", "Unauthorized")],
            "The API server HOST refuses the credentials of the kubeconfig FOLDER/config, context test:"
            " 401 Unauthorized: Unauthorized. ",
        ),
        (
            [LIST_FORBIDDEN, LIST_FORBIDDEN],
            "The API server HOST refuses the credentials of the kubeconfig FOLDER/config, context test:"
            ' 403 Forbidden: pods is forbidden: User "u" cannot list resource "pods". ',
        ),
        (
            [OK, refusal(403, "Forbidden", 'pods is forbidden: User "system:anonymous" cannot list')],
            "The API server HOST refuses the credentials of the kubeconfig FOLDER/config, context test:"
            ' 403 Forbidden: pods is forbidden: User "system:anonymous" cannot list. ',
        ),
        (
            [refusal(503, "ServiceUnavailable", "the server is currently unable to handle the request")],
            "The API server HOST (kubeconfig FOLDER/config, context test) cannot be used: it answered"
            " 503 ServiceUnavailable: the server is currently unable to handle the request. ",
        ),
        (
            [answer(200, b"<html>", {"Content-Type": "text/html"})],
            "The API server HOST (kubeconfig FOLDER/config, context test) cannot be used: the answer is"
            " text/html, not JSON (a proxy in between?). ",
        ),
    ],
)
async def test_verify_says_what_is_wrong(tmp_path: Path, steps: list[Step], message: str) -> None:
    assert await message_after(tmp_path, *steps) == message + ADVICE


async def test_a_stopped_server(tmp_path: Path) -> None:
    async with RudeServer() as server:
        url = server.url
    async with cluster_of(tmp_path, url) as cluster:
        address = url.removeprefix("http://")
        assert await message_of(cluster) == (
            f"The API server {url} (kubeconfig {tmp_path}/config, context test) cannot be used:"
            f" no connection to {address}: Connection refused. {ADVICE}"
        )


async def test_a_pod_blocked_by_a_network_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("t0ken")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(CERTIFICATE))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port := str(free_port()))
    cluster = await Cluster.connect(Settings())
    try:
        assert await message_of(cluster) == (
            f"The API server https://127.0.0.1:{port} (service account of this pod) cannot be used:"
            f" no connection to 127.0.0.1:{port}: Connection refused. NetworkPolicies must let the pod connect to it,"
            " and a role must permit its service account to list and watch, as in deploy/."
        )
    finally:
        await cluster.close()


async def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    async with cluster_of(tmp_path, "https://no-such-host.invalid:6443") as cluster:
        assert await message_of(cluster) == (
            f"The API server https://no-such-host.invalid:6443 (kubeconfig {tmp_path}/config, context test)"
            f" cannot be used: the name no-such-host.invalid does not resolve. {ADVICE}"
        )


async def test_a_server_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astrolabe.kube.client.VERIFY_TIMEOUT", 0.2)

    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    message = await message_after(tmp_path, silent)
    assert message.startswith("The API server HOST (kubeconfig FOLDER/config, context test) cannot be used: ")
    assert "the server stopped responding" in message or "did not answer within" in message


@asynccontextmanager
async def tls_server() -> AsyncIterator[str]:
    async def play(_: web.Request) -> web.Response:
        return web.json_response({})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("key.pem"))
    app = web.Application()
    app.router.add_get("/{path:.*}", play)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    async with tls_server() as url, cluster_of(tmp_path, url) as cluster:
        assert await message_of(cluster) == (
            f"The API server {url} (kubeconfig {tmp_path}/config, context test) cannot be used:"
            f" its certificate is not trusted: self-signed certificate. {ADVICE}"
        )


async def test_tls_to_a_server_without_it(tmp_path: Path) -> None:
    async with RudeServer() as server:
        url = server.url.replace("http:", "https:")
        async with cluster_of(tmp_path, url) as cluster:
            assert "cannot be used: TLS fails: " in await message_of(cluster)


async def test_reload_uses_a_replaced_certificate_authority(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    path = write_kubeconfig(tmp_path / "config", "")
    config = yaml.safe_load(path.read_text())
    async with tls_server() as url:
        config["clusters"][0]["cluster"] = {"server": url}
        path.write_text(yaml.safe_dump(config))
        cluster = await Cluster.connect(settings_for(path))
        with pytest.raises(ConnectionBroken) as caught:
            await cluster.read("/version", {}, read_timeout=5)
        assert caught.value.tls
        authority.write_bytes(CERTIFICATE.read_bytes())
        config["clusters"][0]["cluster"]["certificate-authority"] = str(authority)
        path.write_text(yaml.safe_dump(config))
        await cluster.reload()
        assert await cluster.read("/version", {}, read_timeout=5) == b"{}"
        await cluster.close()


async def test_reload_takes_a_new_token_and_leaves_running_answers_alone(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    async with (
        RudeServer(stream(b"one", then="hang"), OK) as server,
        connected(server.url, tmp_path, tokenFile=str(tmp_path / "token")) as cluster,
        cluster.stream("/watch", {}, read_timeout=5) as running,
    ):
        assert await running.read() == b"one\n"
        (tmp_path / "token").write_text("new")
        await asyncio.gather(cluster.reload(), cluster.reload(), cluster.reload())
        await cluster.read("/version", {}, read_timeout=5)
        assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer old", "Bearer new"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await running.read()


async def test_concurrent_reloads_are_merged(tmp_path: Path) -> None:
    user = {"exec": plugin(tmp_path, expires="2100-01-01T00:00:00Z")}
    async with RudeServer(OK) as server, connected(server.url, tmp_path, **user) as cluster:
        await asyncio.gather(*(cluster.reload() for _ in range(5)))
        await cluster.read("/version", {}, read_timeout=5)
        assert server.asked[0].headers["Authorization"] == "Bearer token-2"


async def test_reload_of_a_broken_kubeconfig_keeps_the_old_one(tmp_path: Path) -> None:
    async with RudeServer(OK) as server, connected(server.url, tmp_path, token="good") as cluster:
        (tmp_path / "kubeconfig").write_text("{}")
        with pytest.raises(ClusterError, match="cannot be used"):
            await cluster.reload()
        assert await cluster.read("/version", {}, read_timeout=5) == b"{}"
        assert server.asked[0].headers["Authorization"] == "Bearer good"


@pytest.mark.parametrize(
    ("step", "error", "text"),
    [
        (refusal(410, "Expired", "too old"), ApiError, "410 Expired: too old"),
        (answer(204), ApiError, "204"),
        (answer(200, b"{}", {"Content-Type": "text/plain"}), NotTheApi, "the answer is text/plain, not JSON"),
        (stream(b"{}", then="cut"), ConnectionBroken, "the server closed the connection"),
    ],
)
async def test_status_and_content_type_are_always_checked(
    tmp_path: Path, step: Step, error: type[Exception], text: str
) -> None:
    async with RudeServer(step) as server, connected(server.url, tmp_path) as cluster:
        with pytest.raises(error, match=text):
            await cluster.read("/api/v1/pods", {}, read_timeout=5)


async def test_a_content_type_may_have_parameters(tmp_path: Path) -> None:
    step = answer(
        200, b"{}", {"Content-Type": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
    )
    async with RudeServer(step) as server, connected(server.url, tmp_path) as cluster:
        async with cluster.stream("/", {"a": "1 b"}, accept="x/y", read_timeout=5) as given:
            assert (given.status, await given.read(), await given.read()) == (200, b"{}", b"")
        assert server.asked[0].query == {"a": "1 b"}
        assert server.asked[0].headers["Accept"] == "x/y"


async def test_silence_beyond_the_read_timeout_is_a_broken_connection(tmp_path: Path) -> None:
    async with RudeServer(stream(b"{}", then="hang")) as server, connected(server.url, tmp_path) as cluster:
        with pytest.raises(ConnectionBroken, match="the server stopped responding"):
            await cluster.read("/api/v1/pods", {}, read_timeout=0.1)


async def test_a_watch_has_tcp_keepalive(tmp_path: Path) -> None:
    async with (
        RudeServer(stream(b"{}", then="hang")) as server,
        connected(server.url, tmp_path) as cluster,
        cluster.stream("/", {}, read_timeout=5) as given,
    ):
        peer = given._response.connection.transport.get_extra_info("socket")
        assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30


async def test_two_hundred_watches_at_once(tmp_path: Path) -> None:
    """kubernetes_asyncio's default pool holds 100 connections; the next request would wait for ever."""
    async with RudeServer() as server, connected(server.url, tmp_path) as cluster:

        async def watch() -> None:
            async with cluster.stream("/watch", {}, read_timeout=60):
                await asyncio.Event().wait()

        watches = [asyncio.create_task(watch()) for _ in range(200)]
        await server.until_asked(200)
        for task in watches:
            task.cancel()
        await asyncio.gather(*watches, return_exceptions=True)


async def test_a_failing_credential_hook_is_a_broken_connection(tmp_path: Path) -> None:
    async with RudeServer() as server, connected(server.url, tmp_path, token="t") as cluster:

        def fail(_: object) -> None:
            raise RuntimeError("hush")

        cluster._access.configuration.refresh_api_key_hook = fail
        with pytest.raises(ConnectionBroken) as caught:
            await cluster.read("/version", {}, read_timeout=5)
        assert str(caught.value) == "the credentials cannot be renewed (RuntimeError)"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed_and_the_token_stays_here(tmp_path: Path, code: int) -> None:
    async with RudeServer(OK) as elsewhere:
        there = elsewhere.url.replace("127.0.0.1", "localhost") + "/api?token=hush"
        redirect = answer(code, b"", {"Location": there})
        async with RudeServer(redirect) as server, connected(server.url, tmp_path, token="t") as cluster:
            with pytest.raises(NotTheApi) as caught:
                await cluster.read("/version", {}, read_timeout=5)
            assert str(caught.value) == f"it redirects to localhost ({code}), which is not followed"
        assert elsewhere.asked == []


async def test_an_answer_is_read_up_to_a_bound(tmp_path: Path) -> None:
    body = b'"' + b"x" * 998 + b'"'

    async def chunked(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        while True:  # for ever: only a bound ends it
            await response.write(body)

    steps = (answer(200, body), answer(200, body), chunked)
    async with RudeServer(*steps) as server, connected(server.url, tmp_path) as cluster:
        assert await cluster.read("/x", {}, read_timeout=5, longest=1000) == body
        for _ in range(2):
            with pytest.raises(NotTheApi, match=r"^the answer is larger than 999 bytes$"):
                await cluster.read("/x", {}, read_timeout=5, longest=999)


async def test_a_long_buffered_answer_is_read_in_steps(tmp_path: Path) -> None:
    """The system has much more for a client that was busy, in thousands of chunks."""
    lines = [b'{"type":"ADDED","object":{"metadata":{"name":"%06d"}}}' % number for number in range(100_000)]

    async def chunked(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b"\n".join(lines))
        return response

    async with (
        RudeServer(chunked) as server,
        connected(server.url, tmp_path) as cluster,
        cluster.stream("/x", {}, read_timeout=5) as answer,
    ):
        for _ in range(200):
            await asyncio.sleep(0.001)
        parts = []
        while part := await answer.read():
            parts.append(part)
    assert b"".join(parts) == b"\n".join(lines)
    assert max(map(len, parts)) < 1_000_000


async def test_compressed_answers_are_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(b" " * 2**24)
    packed = answer(200, bomb, {"Content-Encoding": "gzip"})
    async with RudeServer(packed) as server, connected(server.url, tmp_path) as cluster:
        with pytest.raises(NotTheApi, match=r"^the answer is compressed \(gzip\), which"):
            await cluster.read("/version", {}, read_timeout=5)
