"""Words, headers and probes that would tell of what may not be seen, and headers that would tell who one is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from astrolabe.sim.api.reviews import Reviews
from tests.access.test_access import two_shops
from tests.support.tenants import Tenancy, binding, grant, role, rule, tenancy
from tests.test_helm_details import cluster, kept

pytestmark = pytest.mark.asyncio

Json = dict[str, Any]


async def ask(site: Tenancy, path: str, *headers: tuple[str, str]) -> tuple[int, str, str]:
    """The status, the state in the header, and the text of an answer."""
    async with site.http.get(site.url(path), headers=CIMultiDict(headers)) as answer:
        return answer.status, answer.headers["X-Astrolabe-State"], await answer.text()


async def test_a_skipped_hidden_object_appears_in_no_header() -> None:
    store = two_shops()
    store.create("Pod", {"metadata": {"name": "bank-vault", "namespace": "bank"}, "spec": "none"})
    jane, admin = ("Authorization", "Bearer jane"), ("Authorization", "Bearer admin")
    async with tenancy(store, "jane", "admin") as site:
        assert (await ask(site, "/api/v1/graph", admin))[1] == "partial"
        for path in ("/api/v1/graph", "/health", "/metrics", "/no-such-path", "/api/v1/resources/none"):
            assert (await ask(site, path, jane))[1] == "live", path
        for path in ("/livez", "/readyz", "/openapi.json", "/api/v1/graph", "/no-such-path", "/"):
            assert (await ask(site, path))[1] == "live", path
        assert (await ask(site, "/api/v1/graph", ("Authorization", "Bearer nobody")))[:2] == (401, "live")


async def test_messages_of_the_api_server_name_only_visible_namespaces() -> None:
    store = two_shops()
    grant(store, role("secrets", rule("secrets")), binding("fred", "secrets", "User/fred"))
    given: Json = {"namespaces": ("shop", "bank"), "readable": {"Secret": ["shop"]}}
    async with tenancy(store, "jane", "fred", "admin", **given) as site:
        for user in ("admin", "fred"):  # who may list Secrets everywhere is told where the server may not
            assert "in bank: " in json.dumps(await site.json(user, "/health"))
        health = await site.json("jane", "/health")
        assert health["partial"] == [
            {
                "kind": "Secret",
                "reason": "forbidden",
                "why": "the account of the server may not read it",
            }
        ]
        assert "bank" not in json.dumps(health)


async def test_helm_records_in_another_namespace_need_rights_there() -> None:
    store = cluster(namespace="flux-system", flux="flux-system")
    grant(
        store,
        role("all", rule("*", group="*", verbs=["*"])),
        role("keeper", rule("secrets", "configmaps", "services"), rule("statefulsets", group="apps")),
        binding("admin", "all", "User/admin"),
        binding("jane", "keeper", "User/jane", "User/fred", namespace="shop"),
        binding("fred", "keeper", "User/fred", namespace="flux-system"),
    )
    async with tenancy(store, "jane", "fred", "admin", helm_details=True) as site:

        async def release(user: str) -> Json:
            found: Json = await site.json(user, "/api/v1/releases/shop/shop")
            return found

        async with asyncio.timeout(10):
            while True:
                if "notes" in (everything := await release("admin")):
                    break
                await asyncio.sleep(0.05)
        assert not {"notes", "missing", "objects"} & {*await release("jane")}
        fred = await release("fred")
        assert fred["notes"] == everything["notes"]
        # Whether there is a Deployment, he does not know.
        assert [each["kind"] for each in everything["missing"]] == ["Deployment", "Secret", "Service"]
        assert [each["kind"] for each in fred["missing"]] == ["Secret", "Service"]


async def test_reading_a_hidden_release_changes_no_etag() -> None:
    store = cluster()
    grant(
        store,
        role("all", rule("*", group="*", verbs=["*"])),
        role("keeper", rule("secrets", "configmaps")),
        binding("admin", "all", "User/admin"),
        binding("jane", "keeper", "User/jane", namespace="shop"),
    )
    async with tenancy(store, "jane", "admin", helm_details=True) as site:

        async def etag() -> str:
            url = site.url("/api/v1/releases?detail=true")
            async with site.http.get(url, headers={"Authorization": "Bearer jane"}) as answer:
                return answer.headers["ETag"]

        async def reads(user: str, namespace: str) -> None:
            async with asyncio.timeout(10):
                while True:
                    if "notes" in (await site.ask(user, f"/api/v1/releases/{namespace}/shop"))[1]:
                        return
                    await asyncio.sleep(0.05)

        await reads("jane", "shop")
        before = await etag()
        store.create("Namespace", {"metadata": {"name": "bank"}})
        store.create("Secret", kept("Secret", "", namespace="bank"))
        await reads("admin", "bank")
        assert await etag() == before


async def test_duplicate_user_headers_are_refused(tmp_path: Path) -> None:
    """A proxy that adds its headers to those of the client would let the client choose who it is."""
    secret = tmp_path / "secret"
    await asyncio.to_thread(secret.write_text, "shown-by-the-proxy\n")
    proxy = ("X-Astrolabe-Proxy-Secret", "shown-by-the-proxy")
    jane, admin = ("X-Remote-User", "jane"), ("X-Remote-User", "admin")
    modes: Json = {"auth": "kubernetes,proxy", "auth_proxy_secret_file": str(secret)}
    async with tenancy(two_shops(), "jane", "admin", **modes) as site:
        assert (await ask(site, "/api/v1/graph", proxy, jane))[0] == 200
        for twice in (
            [proxy, admin, jane],
            [proxy, jane, admin],
            [proxy, ("X-Astrolabe-Proxy-Secret", "guessed"), jane],
            [("Authorization", "Bearer admin"), ("Authorization", "Bearer jane")],
            [("Authorization", "Bearer jane"), ("X-ID-Token", "jane"), ("X-ID-Token", "admin")],
        ):
            status, _, text = await ask(site, "/api/v1/graph", *twice)
            assert (status, json.loads(text)["error"]) == (401, "unauthorised")
            assert "more than once" in text
        # A name without the secret is no name, however it is spelled.
        for header in ("X-Remote-User", "x-remote-user", "X_Remote_User"):
            with_token = await ask(
                site, "/api/v1/whoami", ("Authorization", "Bearer jane"), (header, "admin")
            )
            assert json.loads(with_token[2])["user"]["name"] == "jane"
            assert (await ask(site, "/api/v1/graph", (header, "admin")))[0] == 401
        for path in (
            "/api/v1/graph?token=admin",
            "/api/v1/graph?access_token=admin",
            "/api/v1/ws?token=admin",
        ):
            assert (await ask(site, path))[0] == 401


async def test_what_a_proxy_says_of_a_user_reaches_the_api_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its headers hold percent-encoded keys. What names a credential is for audit logs alone."""
    secret = tmp_path / "secret"
    await asyncio.to_thread(secret.write_text, "shown-by-the-proxy\n")
    told: list[Json] = []
    answer = Reviews.access

    def access(self: Reviews, request: Json) -> Json:
        if request["spec"]["user"] == "jane":
            told.append(request["spec"].get("extra"))
        return answer(self, request)

    monkeypatch.setattr(Reviews, "access", access)
    async with tenancy(two_shops(), "jane", auth="proxy", auth_proxy_secret_file=str(secret)) as site:
        status, _, _ = await ask(
            site,
            "/api/v1/graph",
            ("X-Astrolabe-Proxy-Secret", "shown-by-the-proxy"),
            ("X-Remote-User", "jane"),
            ("X-Remote-Extra-Example.com%2Fproject", "shop"),
            ("X-Remote-Extra-Authentication.kubernetes.io%2Fcredential-id", "X509SHA256=1f"),
        )
    assert status == 200
    assert told
    assert all(extra == {"example.com/project": ["shop"]} for extra in told)
