"""Users see what Kubernetes grants them, through real HTTP, from a simulated API server."""

from __future__ import annotations

from typing import Any

import pytest

from astrolabe.sim.store import ObjectStore
from tests.support.tenants import binding, grant, role, rule, tenancy

pytestmark = pytest.mark.asyncio


def a_pod(namespace: str, name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "web"}},
        "spec": {
            "containers": [{"name": "app", "image": "web:1"}],
            "volumes": [{"name": "s", "secret": {"secretName": "gone"}}],
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def two_shops() -> ObjectStore:
    store = ObjectStore()
    for namespace in ("shop", "bank"):
        store.create("Namespace", {"metadata": {"name": namespace}})
        store.create("Pod", a_pod(namespace, f"{namespace}-pod"))
        store.create(
            "Service",
            {"metadata": {"name": "web", "namespace": namespace}, "spec": {"selector": {"app": "web"}}},
        )
        store.create("Secret", {"metadata": {"name": f"{namespace}-secret", "namespace": namespace}})
    grant(
        store,
        role("reader", rule("pods", "services", "events"), rule("endpointslices", group="discovery.k8s.io")),
        role("all", rule("*", group="*", verbs=["*"]), {"nonResourceURLs": ["*"], "verbs": ["get"]}),
        binding("jane", "reader", "User/jane", namespace="shop"),
        binding("admin", "all", "User/admin"),
    )
    return store


async def test_a_user_sees_what_they_may_list() -> None:
    async with tenancy(two_shops(), "jane", "admin", "nobody") as site:
        assert await site.names("jane") == {("Pod", "shop", "shop-pod"), ("Service", "shop", "web")}
        assert await site.names("nobody") == set()
        assert {name for _, _, name in await site.names("admin")} > {"shop-pod", "bank-pod", "bank-secret"}
        assert (await site.ask("", "/api/v1/graph"))[0] == 401
        assert (await site.ask("stranger", "/api/v1/graph"))[0] == 401


async def test_nothing_reveals_hidden_objects() -> None:
    async with tenancy(two_shops(), "jane", "admin") as site:
        admin = await site.json("admin", "/api/v1/graph")
        uids = {node["name"]: node["uid"] for node in admin["nodes"]}
        assert "gone" in str(
            next(node for node in admin["nodes"] if node["name"] == "shop-pod")["unresolved"]
        )
        jane = await site.json("jane", "/api/v1/graph")
        pod = next(node for node in jane["nodes"] if node["kind"] == "Pod")
        assert "unresolved" not in pod
        assert pod["reason"] == "Running"
        hidden = (await site.ask("jane", f"/api/v1/resources/{uids['bank-pod']}"))[0]
        absent = (await site.ask("jane", "/api/v1/resources/no-such-uid"))[0]
        assert (hidden, absent) == (404, 404)
        assert await site.json("jane", "/api/v1/namespaces") == ["shop"]
        kinds = {each["kind"]: each for each in await site.json("jane", "/api/v1/kinds")}
        assert sum(kinds["Pod"]["counts"].values()) == 1
        assert sum(kinds["Secret"]["counts"].values()) == 0
        health = await site.json("jane", "/health")
        assert health["nodes"] == 2
        assert sum(each["objects"] for each in health["kinds"].values()) == 2
        assert health["coverage"]["namespaces"] == ["shop"]
        assert "Secret" in health["coverage"]["hidden"]
        assert "bank" not in str(health)
        assert (await site.ask("jane", "/metrics"))[0] == 403
        assert (await site.ask("admin", "/metrics"))[0] == 200


async def test_whoami_names_the_user_and_what_is_hidden() -> None:
    async with tenancy(two_shops(), "jane", "admin") as site:
        jane = await site.json("jane", "/api/v1/whoami")
        assert jane["user"] == {"name": "jane", "groups": ["system:authenticated"]}
        assert jane["coverage"]["namespaces"] == ["shop"]
        assert "Secret" in jane["coverage"]["hidden"]
        assert jane["coverage"]["limited"] == ["Pod", "EndpointSlice", "Service", "Event"]
        assert (await site.json("admin", "/api/v1/whoami"))["coverage"] is None
        assert (await site.json("jane", "/api/v1/whoami?rights=true"))["rights"] == {
            "everywhere": [],
            "within": {"shop": ["EndpointSlice", "Event", "Pod", "Service"]},
            "complete": True,
        }
        all_rights = {"everywhere": ["*"], "within": {}, "complete": True}
        assert (await site.json("admin", "/api/v1/whoami?rights=true"))["rights"] == all_rights


async def test_an_id_token_beside_an_unknown_access_token() -> None:
    """As Grafana forwards them (`oauthPassThru`)."""
    async with tenancy(two_shops(), "jane", "admin") as site:

        async def ask(**headers: str) -> tuple[int, Any]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with site.http.get(site.url("/api/v1/whoami"), headers=named) as answer:
                document = await answer.json()
                return answer.status, document["user"]["name"] if answer.status == 200 else document["error"]

        assert await ask(Authorization="Bearer opaque", X_ID_Token="jane") == (200, "jane")
        assert await ask(X_ID_Token="jane") == (401, "unauthorised")  # a proxy has taken the other away
        assert await ask(Authorization="Bearer admin", X_ID_Token="jane") == (200, "admin")
        assert await ask(Authorization="Bearer opaque", X_ID_Token="forged") == (401, "unauthorised")
        assert await ask(Authorization="Bearer opaque", X_ID_Token=" ") == (401, "unauthorised")


async def test_a_rule_with_resource_names_shows_these_objects_only() -> None:
    store = two_shops()
    grant(
        store,
        role("one", rule("secrets", verbs=["get"], resourceNames=["bank-secret"]), namespace="bank"),
        binding("one", "one", "User/jane", namespace="bank", kind="Role"),
    )
    async with tenancy(store, "jane", "admin") as site:
        graph = await site.json("admin", "/api/v1/graph")
        uids = {node["name"]: node["uid"] for node in graph["nodes"]}
        one = await site.json("jane", f"/api/v1/resources/{uids['bank-secret']}")
        assert one["node"]["name"] == "bank-secret"
        assert one["edges"] == {"out": [], "in": []}
        assert (await site.ask("jane", f"/api/v1/resources/{uids['shop-secret']}"))[0] == 404
        assert await site.names("jane") == {("Pod", "shop", "shop-pod"), ("Service", "shop", "web")}


async def test_hidden_objects_are_answered_like_missing_ones() -> None:
    async with tenancy(two_shops(), "jane", "admin") as site:
        graph = await site.json("admin", "/api/v1/graph")
        uids = {node["name"]: node["uid"] for node in graph["nodes"]}
        absent = "00000000-0000-4000-8000-000000000000"
        answers = []
        for uid in (uids["bank-pod"], uids["shop-secret"], absent):
            for part in ("", "/why", "/impact"):
                url = site.url(f"/api/v1/resources/{uid}{part}")
                async with site.http.get(url, headers={"Authorization": "Bearer jane"}) as answer:
                    text = (await answer.text()).replace(uid, "<uid>")
                    answers.append((part, answer.status, text, sorted(answer.headers.items())))
        assert [status for _, status, _, _ in answers] == [404] * 9
        assert answers[0:3] == answers[3:6] == answers[6:9]
        shown = (await site.json("jane", "/health"))["epoch"]
        assert all(("X-Astrolabe-Epoch", shown) in headers for _, _, _, headers in answers)
        for probe in ("/livez", "/readyz"):  # they come without a token
            async with site.http.get(site.url(probe)) as answer:
                assert not {"X-Astrolabe-Epoch", "X-Astrolabe-Seq"} & {*answer.headers}
