"""Authenticating proxies that are known by a client certificate, over real TLS."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

from astrolabe.http.access import certificate
from astrolabe.settings import Limits
from tests.access.test_access import two_shops
from tests.support.certificates import Pair
from tests.support.serving import PATIENCE, eventually
from tests.support.tenants import tenancy

pytestmark = pytest.mark.asyncio

AS_JANE = {"X-Remote-User": "jane"}


def showing(server: Pair, client: Pair | None) -> ssl.SSLContext:
    """Of a client that shows a certificate, or none."""
    context = server.trusting()
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    return context


async def ask(port: int, context: ssl.SSLContext, headers: dict[str, str]) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"https://127.0.0.1:{port}/api/v1/whoami", ssl=context, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


async def test_only_a_proxy_with_a_certificate_of_an_allowed_name_may_name_users(tmp_path: Path) -> None:
    server, proxy = Pair(tmp_path, "server"), Pair(tmp_path, "front-proxy")
    other, stranger = Pair(tmp_path, "other"), Pair(tmp_path, "stranger")
    authority = tmp_path / "authority.pem"
    authority.write_bytes(proxy.certificate.read_bytes() + other.certificate.read_bytes())
    secrets = tmp_path / "secrets"
    secrets.write_text("a-secret-of-the-proxy")
    given: dict[str, Any] = {
        "auth": "proxy",
        "auth_proxy_client_ca_file": str(authority),
        "auth_proxy_allowed_names": ("front-proxy",),
        **server.settings,
    }
    async with tenancy(two_shops(), **given) as site:
        port = site.application.port
        status, told = await ask(port, showing(server, proxy), {**AS_JANE, "X-Remote-Group": "shoppers"})
        assert status == 200
        assert told["user"] == {"name": "jane", "groups": ["shoppers", "system:authenticated"]}
        assert told["coverage"]["namespaces"] == ["shop"]
        # Of that authority, but another's; none; and the right one, without a user.
        assert (await ask(port, showing(server, other), AS_JANE))[0] == 401
        assert (await ask(port, showing(server, None), AS_JANE))[0] == 401
        assert (await ask(port, showing(server, proxy), {}))[0] == 401
        # A secret proves nothing where there is no file of them.
        secret = {"X-Astrolabe-Proxy-Secret": "a-secret-of-the-proxy"}
        assert (await ask(port, showing(server, None), {**AS_JANE, **secret}))[0] == 401
        # Of no authority that is known: there is no connection.
        with pytest.raises((aiohttp.ClientError, OSError)):
            await ask(port, showing(server, stranger), AS_JANE)
    both = {**given, "auth_proxy_secret_file": str(secrets), "auth_proxy_allowed_names": ()}
    async with tenancy(two_shops(), **both) as site:
        port = site.application.port
        assert (await ask(port, showing(server, other), AS_JANE))[0] == 200
        assert (await ask(port, showing(server, None), {**AS_JANE, **secret}))[0] == 200
        assert (await ask(port, showing(server, None), AS_JANE))[0] == 401


async def test_an_authority_that_is_removed_from_the_file_counts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(certificate, "LOOK_EVERY", 0.1)
    server, proxy, other = (Pair(tmp_path, name) for name in ("server", "front-proxy", "other"))
    authority = tmp_path / "authority.pem"
    authority.write_bytes(proxy.certificate.read_bytes() + other.certificate.read_bytes())
    given: dict[str, Any] = {"auth": "proxy", "auth_proxy_client_ca_file": str(authority)}
    async with tenancy(two_shops(), **given, **server.settings, limits=Limits(heartbeat=0.2)) as site:
        port, of_proxy, of_other = (
            site.application.port,
            showing(server, proxy),
            showing(server, other),
        )
        url = f"wss://127.0.0.1:{port}/api/v1/ws"
        async with (
            connect(url, ssl=of_proxy, additional_headers=AS_JANE) as stream,
            connect(url, ssl=of_other, additional_headers=AS_JANE) as kept,
            aiohttp.ClientSession() as http,
        ):
            whoami = f"https://127.0.0.1:{port}/api/v1/whoami"
            async with http.get(whoami, ssl=of_proxy, headers=AS_JANE) as answer:
                assert answer.status == 200
            third = Pair(tmp_path, "third").certificate.read_bytes()
            authority.write_bytes(authority.read_bytes() + third)
            await eventually(lambda: "reloaded" in caplog.text)  # an authority that is added ends nothing
            async with http.get(whoami, ssl=of_proxy, headers=AS_JANE) as answer:
                assert answer.status == 200
            authority.write_bytes(other.certificate.read_bytes())
            await asyncio.wait_for(asyncio.gather(stream.wait_closed(), kept.wait_closed()), PATIENCE)
            assert (stream.close_code, kept.close_code) == (4501, 4501)
            # Over the connection that was kept, with the session that was resumed, and over a new one.
            async with http.get(whoami, ssl=of_proxy, headers=AS_JANE) as answer:
                assert answer.status == 401
        for _ in range(2):
            with pytest.raises((aiohttp.ClientError, OSError)):
                await ask(port, of_proxy, AS_JANE)
            assert (await ask(port, of_other, AS_JANE))[0] == 200
