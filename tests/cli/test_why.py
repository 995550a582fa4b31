"""`astrolabe why`, of a served cluster."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.cli.asking import ask, served, store_of
from tests.incidents.made import APP, MadeCluster, running, waiting


def trouble(c: MadeCluster) -> None:
    c.workload("web", running())
    spec = {"containers": [{**APP, "envFrom": [{"secretRef": {"name": "creds"}}]}]}
    c.workload(
        "cart", waiting("CreateContainerConfigError", 'secret "creds" not found', spec=spec), template=spec
    )


@pytest.fixture
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setenv("COLUMNS", "80")
    async with served(store_of(trouble)) as address:
        monkeypatch.setenv("ASTROLABE_SERVER", address)
        yield address


CHAIN = """\
Secret/shop/creds does not exist
└─ Pod/shop/cart-0  Error CreateContainerConfigError
   uses-secret: spec.containers[app].envFrom[0].secretRef
   secret "creds" not found
   └─ Service/shop/cart  Error NoReadyEndpoints
      selects: spec.selector
      0/1 endpoints ready: pod cart-0: CreateContainerConfigError: secret
      "creds" not found
"""

WELL = """\
Pod/shop/web-0 is Ready (Running), for 3d
It needs:
  Ready    Node/n1
           runs-on: spec.nodeName
  Ready    ServiceAccount/shop/default
           uses-sa: spec.serviceAccountName
"""


async def test_the_chain_of_causes_root_first(shop: str) -> None:
    for words in (("svc/cart",), ("service", "cart"), ("svc/shop/cart",), ("Service-cart",)):
        assert await ask("why", *words) == (0, CHAIN, "")


async def test_needs_of_a_healthy_object(shop: str) -> None:
    assert await ask("why", "po/web-0", "-n", "shop") == (0, WELL, "")
    code, out, _ = await ask("why", "Pod-web-0", "-o", "json")
    assert (code, json.loads(out)["node"]["name"]) == (0, "web-0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("deploy/wep", "there is no deploy 'wep', did you mean Deployment/shop/web?"),
        (
            "secret/creds",
            "there is no secret 'creds', but Deployment/shop/cart, Pod/shop/cart-0 ask for it;"
            " `astrolabe why Deployment/shop/cart` says more",
        ),
        ("po/web-0 -n other", "there is no po 'web-0' in namespace other, did you mean Pod/shop/web-0?"),
        (
            "cart",
            "'cart' matches 2 objects; write one of these: Deployment/shop/cart, Service/shop/cart",
        ),
        ("po/a/b/c", "write KIND/NAME, such as deployment/web, and the namespace with -n"),
        ("po/a/b -n c", "po/a/b is in namespace a, but -n says c"),
        ("nobody", "nothing is called 'nobody'; `astrolabe find \"nob\"` searches"),
    ],
)
async def test_ambiguous_or_unknown_objects_are_named_with_suggestions(
    shop: str, words: str, said: str
) -> None:
    assert await ask("why", *words.split()) == (2, "", f"astrolabe: {said}\n")


async def test_an_unknown_kind_is_reported_without_the_search(shop: str) -> None:
    code, _, err = await ask("why", "pood/web")
    assert code == 2
    assert err.startswith("astrolabe: unknown kind 'pood', the kinds are: Namespace, Node, ")
    assert err.endswith(", CustomResourceDefinition\n")
