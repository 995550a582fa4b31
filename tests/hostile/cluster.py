"""A simulated API server whose cluster is in motion while other things happen, in a process of its own.

`python -m tests.hostile.cluster OBJECTS [USERS]` answers commands: see `Moving`, and `tests.benchmarks.processes`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec
import uvloop

from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.benchmarks.processes import answer
from tests.benchmarks.simulator import OBJECTS_AT_FULL_SCALE
from tests.hostile.user_attacks import ADMIN, user
from tests.support.tenants import OWN, binding, grant, role, rule

#: A kind whose objects are left alone by all that happens in the cluster.
KIND = "NetworkPolicy"


class Moving:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._store = simulator.store
        self._churn = Churn(self._store)
        self._task: asyncio.Task[None] | None = None
        self._nested: dict[str, Any] | None = None

    async def site(self) -> dict[str, Any]:
        return {"url": self._simulator.url, "namespaces": sorted(self._store.collection("Namespace").items)}

    async def begin(self, *, rate: float) -> None:
        """Let so much happen a second, until `end`."""
        self._task = asyncio.create_task(self._churn.run(rate), name="churn")

    async def end(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def nest(self, *, depth: int) -> None:
        """Put an object there that is nested so deep; of depth 0, take it away. Its kind has to be listed anew."""
        if self._nested is not None:
            self._store.delete(KIND, self._nested)
            self._nested = None
        if depth:
            nested = msgspec.Raw(b'{"a":' * depth + b"1" + b"}" * depth)
            namespace = min(self._store.collection("Namespace").items)
            meta = {"namespace": namespace, "name": "deep", "uid": "deep", "annotations": {}}
            self._nested = {
                "metadata": meta,
                "spec": {"podSelector": {"matchLabels": nested}, "deep": nested},
            }
            self._store.create(KIND, self._nested)
            self._store.compact()
            self._simulator.disconnect()


def with_users(store: ObjectStore, number: int) -> Authorizer:
    """Let so many users read some kinds in a namespace each, and the administrator everything."""
    grant(
        store,
        role("everything", rule("*", group="*")),
        binding("admin", "everything", f"User/{ADMIN}"),
        role(
            "some", rule("pods", "services", "configmaps"), rule("deployments", "replicasets", group="apps")
        ),
    )
    namespaces = sorted(each["metadata"]["name"] for each in store.manifests("Namespace"))
    names = [user(index) for index in range(number)]
    for index, name in enumerate(names):
        where = namespaces[index % len(namespaces)]
        grant(store, binding(f"some-{index}", "some", f"User/{name}", namespace=where))
    return Authorizer(
        {OWN: "system:serviceaccount:astrolabe:astrolabe", **{each: each for each in (ADMIN, *names)}}
    )


async def main(objects: int, users: int = 0) -> None:
    store = ObjectStore()
    load(store, objects / OBJECTS_AT_FULL_SCALE, seed=1)
    async with Simulator(store, authorizer=with_users(store, users) if users else None) as simulator:
        moving = Moving(simulator)
        await answer({"site": moving.site, "begin": moving.begin, "end": moving.end, "nest": moving.nest})


if __name__ == "__main__":
    uvloop.run(main(*map(int, sys.argv[1:])))
