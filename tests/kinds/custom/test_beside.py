"""References that are looked for in the namespaces of what their object selects: the Secrets of Istio's Gateways."""

from __future__ import annotations

from typing import Any

from astrolabe.graph.model.facts import Facts
from tests.kinds.custom.test_linking import edges, entry, named, secret, told, unresolved, world
from tests.kinds.support import make

ISTIO_GATEWAY = entry("Gateway.networking.istio.io")


def test_all_secrets_of_a_gateway_of_istio_are_where_its_pods_usually_are() -> None:
    of = world(ISTIO_GATEWAY)
    for name in ("one", "rsa", "ca"):
        of.step(secret(name, "istio-ingress"))
    tls = {"credentialName": "one", "credentialNames": ["rsa"], "caCertCredentialName": "ca"}
    of.step(named(ISTIO_GATEWAY, "gw", spec={"servers": [{"tls": tls}]}))
    assert edges(of) == [("uses-secret", "gw", f"istio-ingress/{name}") for name in ("ca", "one", "rsa")]
    assert unresolved(of, "gw") == []


def gateway(uid: str, **tls: Any) -> Facts:
    spec = {"selector": {"istio": "ingress"}, "servers": [{"tls": tls}]}
    return named(ISTIO_GATEWAY, uid, spec=spec)


def ingress_pod(uid: str, namespace: str, **labels: str) -> Facts:
    return make("Pod", metadata={"name": uid, "namespace": namespace, "uid": uid, "labels": labels})


def test_secrets_of_a_gateway_of_istio_are_where_the_pods_are_that_it_selects() -> None:
    of = world(ISTIO_GATEWAY)
    of.step(secret("tls", "edge"))
    of.step(secret("tls", "istio-system"))
    of.step(gateway("gw", credentialName="tls"))
    assert edges(of) == [("uses-secret", "gw", "istio-system/tls")]
    of.step(ingress_pod("a", "edge", istio="ingress"))
    assert edges(of) == [("selects", "gw", "a"), ("uses-secret", "gw", "edge/tls")]
    of.step(ingress_pod("b", "more", istio="ingress"))
    assert [each["namespace"] for each in unresolved(of, "gw")] == ["more"]
    assert told(of, "gw")[:2] == ("Error", "ReferenceMissing")
    of.step(ingress_pod("b", "more", istio="other"))
    assert (unresolved(of, "gw"), told(of, "gw")[0]) == ([], "Ready")
    of.step("a")  # the last of its Pods is gone
    assert edges(of) == [("uses-secret", "gw", "istio-system/tls")]
    of.step(gateway("gw", credentialName="none"))
    assert (edges(of), unresolved(of, "gw")) == ([], [])


def test_a_gateway_of_istio_that_comes_last_finds_its_secrets_at_once() -> None:
    of = world(ISTIO_GATEWAY)
    of.step(ingress_pod("a", "edge", istio="ingress"))
    of.step(secret("tls", "edge"))
    of.step(gateway("gw", credentialName="tls"))
    assert edges(of) == [("selects", "gw", "a"), ("uses-secret", "gw", "edge/tls")]
    of.step("gw")
    assert edges(of) == []


def test_a_model_that_is_built_anew_knows_what_is_beside_what_it_selects() -> None:
    of = world(ISTIO_GATEWAY)
    of.step(ingress_pod("a", "edge", istio="ingress"))
    of.step(secret("tls", "edge"))
    of.step(secret("tls", "istio-system"))
    of.step(gateway("gw", credentialName="tls"))
    edges(of)
    fresh = of.model.empty_copy()
    for record in of.model.records():
        fresh.restore(record)
    fresh.commit()
    assert {edge.key for edge in fresh.edges("gw")} == {edge.key for edge in of.model.edges("gw")}
    fresh.remove("a")
    fresh.commit()
    assert [edge.target for edge in fresh.edges("gw")] == ["istio-system/tls"]
