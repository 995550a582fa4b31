"""Authenticating proxies that are known by a client certificate, over real TLS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.access.test_access import two_shops
from tests.support.certificates import Pair
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
