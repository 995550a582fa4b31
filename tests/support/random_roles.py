"""Random roles and bindings, and a straight reading of what they permit.

Written after https://kubernetes.io/docs/reference/access-authn-authz/rbac/, not after the product or the
simulator: rights only add up, a rule with `resourceNames` permits no `list`, and a RoleBinding grants in its
namespace alone, also what a ClusterRole says.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from astrolabe.kinds.kind import Kind
from astrolabe.sim.store import ObjectStore
from tests.support.tenants import binding, grant, role

Json = dict[str, Any]
_VERBS = (["list"], ["get", "list", "watch"], ["*"], ["get", "watch"], ["get"], ["create", "delete"])


@dataclass
class Granted:
    """A rule, whom it is granted (`User/…` or `Group/…`), and where; "": everywhere."""

    who: str
    namespace: str
    rule: Json


class RandomRoles:
    """Puts roles and bindings for some users into a store. The same seed and store give the same.

    kinds: what can be granted. namespaces: where. groups: of users, who are in them by their tokens.
    """

    def __init__(
        self, store: ObjectStore, seed: int, *, kinds: list[Kind[Any]], namespaces: list[str]
    ) -> None:
        self.random = Random(f"roles {seed}")
        self._store = store
        self._seed = seed
        self._kinds = kinds
        self._namespaces = namespaces
        self.users = [f"user-{seed}-{number}" for number in range(2)]
        self.users.append(f"system:serviceaccount:{namespaces[0]}:robot-{seed}")
        self.groups = {self.users[0]: [f"team-{seed}"], self.users[1]: [f"team-{seed}", f"other-{seed}"]}
        self._granted: list[Granted] = []
        for number in range(self.random.randint(3, 7)):
            self._add(f"set-{seed}-{number}")

    def sees(self, user: str, group: str, plural: str, namespace: str) -> bool:
        """Whether the user may list this resource there; namespace "": cluster-scoped, or everywhere."""
        return any(
            not rule.get("resourceNames") and _covers(rule, "list", group, plural)
            for rule in self._rules(user, namespace)
        )

    def gets(self, user: str, group: str, plural: str, namespace: str, name: str) -> bool:
        """Whether the user may get this one object."""
        return any(
            name in rule.get("resourceNames", (name,)) and _covers(rule, "get", group, plural)
            for rule in self._rules(user, namespace)
        )

    def _rules(self, user: str, namespace: str) -> list[Json]:
        who = {f"User/{user}", *[f"Group/{each}" for each in self.groups.get(user, ())]}
        return [
            given.rule for given in self._granted if given.who in who and given.namespace in ("", namespace)
        ]

    def _add(self, name: str) -> None:
        random = self.random
        rules = [self._rule() for _ in range(random.randint(1, 4))]
        place = random.choice((*self._namespaces, ""))
        is_cluster_role = not place or random.random() < 0.5
        subjects = random.sample([*self.users, *{team for each in self.groups.values() for team in each}], 2)
        named, whom = [], []
        for each in subjects:
            kind = "User" if each in self.users else "Group"
            named.append(f"{kind}/{each}")
            whom.append(f"{kind}/{each}")
        kind = "ClusterRole" if is_cluster_role else "Role"
        grant(
            self._store,
            role(name, *rules, namespace="" if is_cluster_role else place),
            binding(name, name, *named, namespace=place, kind=kind),
        )
        self._granted += [Granted(who, place, each) for who in whom for each in rules]

    def _rule(self) -> Json:
        random = self.random
        chosen = random.sample(self._kinds, random.randint(1, 8))
        rule: Json = {
            "apiGroups": sorted({kind.group for kind in chosen}),
            "resources": sorted({kind.plural for kind in chosen}),
            "verbs": random.choice(_VERBS),
        }
        odds = random.random()
        if odds < 0.08:
            rule["resources"] = ["*"]
        elif odds < 0.16:
            rule["apiGroups"] = ["*"]
        elif odds < 0.2:
            rule["resources"], rule["apiGroups"] = ["*"], ["*"]
        if random.random() < 0.12:
            rule["resourceNames"] = ["web", "postgres"]
        if random.random() < 0.15:
            rule["resources"] = [*rule["resources"], "events"]
            rule["apiGroups"] = sorted({*rule["apiGroups"], ""})
        return rule


def _covers(rule: Json, verb: str, group: str, plural: str) -> bool:
    return all(
        {"*", value} & {*rule[field]}
        for field, value in (("verbs", verb), ("apiGroups", group), ("resources", plural))
    )
