"""A simulated API server with users of teams, in a process of its own.

`python -m tests.benchmarks.tenants USERS TEAMS` answers commands: see `Tenants`, and `processes`. Each team has
a namespace, and a RoleBinding there of its group to one ClusterRole. The token of a user is their name.
"""

from __future__ import annotations

import sys
from typing import Any

import uvloop

from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.benchmarks.processes import answer
from tests.support.tenants import OWN, binding, grant, role, rule

#: Objects of each namespace.
OBJECTS = 20
#: What the role permits at first, and what only for a while.
BASE, MORE = ("services", "configmaps", "events"), ("pods",)


def user_of(number: int) -> str:
    """The name, and token, of a user."""
    return f"user-{number}"


class Tenants:
    """What the benchmark does with the API server."""

    def __init__(self, users: int, teams: int) -> None:
        store = ObjectStore()
        for team in range(teams):
            namespace = f"team-{team}"
            store.create("Namespace", {"metadata": {"name": namespace}})
            for number in range(OBJECTS):
                meta = {"name": f"{namespace}-{number}", "namespace": namespace}
                store.create("ConfigMap", {"metadata": meta})
                store.create("Pod", {"metadata": meta, "spec": {"containers": []}, "status": {}})
            grant(store, binding("team", "reader", f"Group/{namespace}", namespace=namespace))
        names = [user_of(number) for number in range(users)]
        authorizer = Authorizer(
            {OWN: "system:serviceaccount:astrolabe:astrolabe", **{name: name for name in names}}
        )
        authorizer.groups = {name: [f"team-{number % teams}"] for number, name in enumerate(names)}
        self.simulator = Simulator(store, authorizer=authorizer)
        self._grant(*BASE)

    def _grant(self, *resources: str) -> None:
        grant(self.simulator.store, role("reader", rule(*resources)))

    async def url(self) -> str:
        """Where it listens."""
        return self.simulator.url

    async def change(self, *, to: str) -> int:
        """Change the role: to `more`, `base`, `all` or `nothing`. Returns how many requests came so far."""
        match to:
            case "all":
                grant(self.simulator.store, role("reader", rule("*", group="*")))
            case "nothing":
                grant(self.simulator.store, role("reader"))
            case _:
                self._grant(*BASE, *(MORE if to == "more" else ()))
        return await self.questions()

    async def questions(self) -> int:
        """How many requests came so far: questions about rights, but for a few."""
        return self.simulator.request_log.total


async def main(users: int, teams: int) -> None:
    tenants = Tenants(users, teams)
    async with tenants.simulator:
        commands: dict[str, Any] = {
            "url": tenants.url,
            "change": tenants.change,
            "questions": tenants.questions,
        }
        await answer(commands)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
