"""What the roles and bindings of a cluster tell, and that nothing waits for them."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from astrolabe.app import Application
from astrolabe.settings import Settings
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from tests.access.test_access import two_shops
from tests.support.tenants import OWN, Tenancy

pytestmark = pytest.mark.asyncio

RBAC = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


@pytest.mark.parametrize(
    ("lacking", "scope"),
    [
        (RBAC, {}),
        (("RoleBinding",), {}),
        (("Role", "ClusterRole"), {}),
        (RBAC, {"namespaces": ("shop", "bank")}),
        (("ClusterRole", "ClusterRoleBinding"), {"namespaces": ("shop", "bank")}),
    ],
    ids=str,
)
async def test_without_role_watches_rights_are_still_reviewed(
    lacking: tuple[str, ...], scope: dict[str, Any]
) -> None:
    authorizer = Authorizer({OWN: "system:serviceaccount:astrolabe:astrolabe", "jane": "jane"})
    for kind in lacking:
        authorizer.restrict(kind)
    async with Simulator(two_shops(), authorizer=authorizer) as simulator, aiohttp.ClientSession() as http:
        with kubeconfig_file(simulator.url, user={"token": OWN}) as path:
            cluster: dict[str, Any] = {"in_cluster": False, "kubeconfig": path, "label_selector": ""}
            application = Application(
                Settings(**cluster, **scope, host="127.0.0.1", port=0, auth="kubernetes")
            )
            await application.start()
            try:
                await application.ready()
                site = Tenancy(simulator, application, http)
                assert await site.names("jane") == {("Pod", "shop", "shop-pod"), ("Service", "shop", "web")}
            finally:
                await application.stop()


async def test_in_single_namespaces_only_their_bindings_are_watched() -> None:
    authorizer = Authorizer({OWN: "system:serviceaccount:astrolabe:astrolabe", "jane": "jane"})
    # As a Role grants it: there, and nowhere else.
    for kind in ("Role", "RoleBinding"):
        authorizer.restrict(kind, ["shop"])
    async with Simulator(two_shops(), authorizer=authorizer) as simulator, aiohttp.ClientSession() as http:
        with kubeconfig_file(simulator.url, user={"token": OWN}) as path:
            cluster: dict[str, Any] = {"in_cluster": False, "kubeconfig": path, "label_selector": ""}
            application = Application(
                Settings(**cluster, namespaces=("shop",), host="127.0.0.1", port=0, auth="kubernetes")
            )
            await application.start()
            try:
                await application.ready()
                site = Tenancy(simulator, application, http)
                assert len(await site.names("jane")) == 2
            finally:
                await application.stop()
        asked = {each.path for each in simulator.request_log.requests if "rbac.authorization" in each.path}
        prefix = "/apis/rbac.authorization.k8s.io/v1"
        inside = {f"{prefix}/namespaces/shop/{name}" for name in ("roles", "rolebindings")}
        assert inside <= asked
        assert not asked & {f"{prefix}/roles", f"{prefix}/rolebindings"}
