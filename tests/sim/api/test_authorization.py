from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.server import Simulator
from tests.sim.client import Client

USER = "system:serviceaccount:astrolabe:astrolabe"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(authorizer=Authorizer({"good": USER})) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(simulator.url, headers={"Authorization": "Bearer good"}) as session:
        yield Client(session)


async def test_forbidden_everywhere(simulator: Simulator, client: Client) -> None:
    simulator.authorizer.restrict("Deployment")
    status, answer = await client.refusal("/apis/apps/v1/deployments")
    assert (status, answer["reason"]) == (403, "Forbidden")
    assert answer["message"] == (
        f'deployments.apps is forbidden: User "{USER}" cannot list resource "deployments" '
        'in API group "apps" at the cluster scope'
    )
    assert answer["details"] == {"group": "apps", "kind": "deployments"}
    status, answer = await client.refusal("/apis/apps/v1/deployments", watch="1")
    assert (status, "cannot watch resource" in answer["message"]) == (403, True)


async def test_permitted_in_some_namespaces_only(simulator: Simulator, client: Client) -> None:
    simulator.authorizer.restrict("Secret", ["shop"])
    assert (await client.get("/api/v1/namespaces/shop/secrets"))["items"] == []
    for path in ("/api/v1/secrets", "/api/v1/namespaces/other/secrets"):
        assert (await client.refusal(path))[0] == 403
    _, answer = await client.refusal("/api/v1/namespaces/other/secrets")
    assert answer["message"].endswith('in API group "" in the namespace "other"')
    simulator.authorizer.allow("Secret")
    assert (await client.get("/api/v1/secrets"))["items"] == []


async def test_a_token_can_be_revoked(simulator: Simulator, client: Client) -> None:
    assert (await client.get("/api/v1/pods"))["items"] == []
    simulator.authorizer.tokens = {"other": USER}
    assert (await client.refusal("/api/v1/pods"))[0] == 401
    assert (await client.refusal("/version"))[0] == 401


async def test_without_tokens_everybody_reads() -> None:
    async with Simulator() as simulator, aiohttp.ClientSession(simulator.url) as session:
        assert (await Client(session).get("/api/v1/pods"))["items"] == []


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ({"verb": "list", "resource": "pods"}, True),
        ({"verb": "watch", "resource": "secrets", "namespace": "shop"}, True),
        ({"verb": "watch", "resource": "secrets"}, False),
        ({"verb": "list", "resource": "deployments", "group": "apps"}, False),
        ({"verb": "delete", "resource": "pods"}, False),
        ({"verb": "list", "resource": "widgets", "group": "shop.example"}, False),
    ],
)
async def test_reviews_agree_with_lists(
    simulator: Simulator, client: Client, asked: dict[str, Any], allowed: bool
) -> None:
    simulator.authorizer.restrict("Secret", ["shop"])
    simulator.authorizer.restrict("Deployment")
    review = {"spec": {"resourceAttributes": asked}}
    async with client.session.post(REVIEWS, json=review) as response:
        answer = msgspec.json.decode(await response.read())
    assert response.status == 201
    assert (answer["kind"], answer["status"]) == ("SelfSubjectAccessReview", {"allowed": allowed})
    assert simulator.request_log.writes == 0


async def test_a_review_that_is_not_json(client: Client) -> None:
    async with client.session.post(REVIEWS, data=b"?") as response:
        assert response.status == 400
