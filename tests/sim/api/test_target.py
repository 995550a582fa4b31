from __future__ import annotations

import pytest

from astrolabe.sim.api.errors import StatusError
from astrolabe.sim.api.target import Routes
from tests.support.kinds import KINDS


@pytest.mark.parametrize(
    ("path", "kind", "namespace", "name"),
    [
        ("/api/v1/pods", "Pod", "", ""),
        ("/api/v1/namespaces", "Namespace", "", ""),
        ("/api/v1/namespaces/shop", "Namespace", "", "shop"),
        ("/api/v1/namespaces/shop/pods", "Pod", "shop", ""),
        ("/api/v1/namespaces/shop/pods/web-1", "Pod", "shop", "web-1"),
        ("/apis/apps/v1/namespaces/shop/deployments", "Deployment", "shop", ""),
        ("/apis/storage.k8s.io/v1/storageclasses/fast", "StorageClass", "", "fast"),
        ("/api/v1/nodes", "Node", "", ""),
    ],
)
def test_targets(path: str, kind: str, namespace: str, name: str) -> None:
    target = Routes(KINDS).target(path)
    assert (target.kind.name, target.namespace, target.name) == (kind, namespace, name)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/widgets", "could not find the requested resource"),
        ("/api/v1/namespaces/shop/nodes", "could not find the requested resource"),
        ("/api/v1/pods/web-1", "could not find the requested resource"),
        ("/api/v1/namespaces/shop/pods/web-1/log", "could not find the requested resource"),
        ("/apis/apps/v1beta1/deployments", "404 page not found"),
        ("/", "404 page not found"),
    ],
)
def test_unknown_paths(path: str, body: str) -> None:
    with pytest.raises(StatusError) as refusal:
        Routes(KINDS).target(path)
    assert refusal.value.status == 404
    assert body in refusal.value.body.decode()
