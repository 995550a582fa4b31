"""A served cluster with users, for the tests of the viewer: a user's token is their name.

    python -m tests.support.tenant_server PORT

`admin` sees everything, `jane` and `joe` see Pods and Services of `shop`, `nobody` sees nothing. Commands on
stdin, each acknowledged by a line on stdout, in JSON:

grant USER NAMESPACE      they see Pods and Services of this namespace, too
withdraw USER NAMESPACE   no more
forget USER               their token is not known any more
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from astrolabe.http.access import authentication
from astrolabe.settings import Limits
from astrolabe.sim.store import ObjectStore
from tests.support.tenants import Tenancy, binding, grant, role, rule, tenancy, withdraw

USERS = ("admin", "jane", "joe", "nobody")


def a_pod(namespace: str, name: str, *, ready: bool) -> dict[str, Any]:
    status = "True" if ready else "False"
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": "web:1"}]},
        "status": {
            "phase": "Running" if ready else "Failed",
            "conditions": [{"type": "Ready", "status": status}],
        },
    }


def shop_and_bank() -> ObjectStore:
    """In `shop` all is well, in `bank` a Pod has failed."""
    store = ObjectStore()
    for namespace in ("shop", "bank"):
        store.create("Namespace", {"metadata": {"name": namespace}})
        store.create("Pod", a_pod(namespace, f"{namespace}-web", ready=namespace == "shop"))
        store.create("Secret", {"metadata": {"name": f"{namespace}-keys", "namespace": namespace}})
    store.create(
        "Service", {"metadata": {"name": "front", "namespace": "shop"}, "spec": {"selector": {"app": "x"}}}
    )
    grant(
        store,
        role("reader", rule("pods", "services")),
        role("all", rule("*", group="*", verbs=["*"])),
        binding("admin", "all", "User/admin"),
        *(binding(f"{user}-shop", "reader", f"User/{user}", namespace="shop") for user in ("jane", "joe")),
    )
    return store


def obey(site: Tenancy, command: str, user: str, namespace: str = "") -> None:
    """Carry out one command."""
    bound = binding(f"{user}-{namespace}", "reader", f"User/{user}", namespace=namespace)
    match command:
        case "grant":
            grant(site.store, bound)
        case "withdraw":
            withdraw(site.store, bound)
        case "forget":
            del site.simulator.authorizer.tokens[user]
        case _:
            raise ValueError(f"there is no command {command!r}")


async def main(port: int) -> None:
    """Serve until stdin ends."""
    authentication.ACCEPTED_SECONDS = 0.2  # so that a forgotten token is noticed soon
    async with tenancy(shop_and_bank(), *USERS, port=port, limits=Limits(heartbeat=1.0)) as site:
        sys.stderr.write(f"serving {site.url('/')}, 0 nodes\n")
        sys.stderr.flush()
        while line := await asyncio.to_thread(sys.stdin.readline):
            obey(site, *line.split())
            sys.stdout.write("{}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
