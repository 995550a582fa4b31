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
from tests.support.tenants import aggregate, aggregated, binding, grant, role

Json = dict[str, Any]
_VERBS = (
    *(["list"], ["get", "list", "watch"], ["list", "watch"], ["get", "list"], ["*"]),
    *(["get", "watch"], ["get"], ["create", "delete"]),
)
#: Much of what is said of these comes from others: a right to some of them is more likely.
_TELLING = frozenset(
    ("Pod", "Deployment", "ReplicaSet", "Service", "Ingress", "CronJob", "Job", "PersistentVolumeClaim")
)
#: The kinds whose objects' names stand in rules with `resourceNames`.
_NAMED = ("Secret", "ConfigMap", "Pod", "Deployment")


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
        self,
        store: ObjectStore,
        seed: int,
        *,
        kinds: list[Kind[Any]],
        namespaces: list[str],
        cluster: str = "",
    ) -> None:
        """cluster: one of several, in which the same users have other rights."""
        self.random = Random(f"roles {seed}{cluster}")
        self._store = store
        self._seed = seed
        self._kinds = kinds
        self._namespaces = namespaces
        self.users = [f"user-{seed}-{number}" for number in range(2)]
        self.users.append(f"system:serviceaccount:{namespaces[0]}:robot-{seed}")
        self.groups = {self.users[0]: [f"team-{seed}"], self.users[1]: [f"team-{seed}", f"other-{seed}"]}
        self._granted: list[Granted] = []
        self.paths: set[str] = set()
        self._known_names = sorted(
            {each["metadata"]["name"] for kind in _NAMED for each in store.manifests(kind)}
        )
        for number in range(self.random.randint(3, 7)):
            self._add(f"set-{seed}-{number}")
        self._add_aggregated(f"sum-{seed}")
        if self.random.random() < 0.3:
            self._add_path(f"path-{seed}", "/metrics")
        aggregate(store)

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

    def binds(self, user: str, namespace: str) -> bool:
        """Whether a binding of this namespace names the user."""
        who = self._who(user)
        return any(given.who in who and given.namespace == namespace for given in self._granted)

    def _who(self, user: str) -> set[str]:
        return {f"User/{user}", *[f"Group/{each}" for each in self.groups.get(user, ())]}

    def _rules(self, user: str, namespace: str) -> list[Json]:
        who = self._who(user)
        return [
            given.rule for given in self._granted if given.who in who and given.namespace in ("", namespace)
        ]

    def _add(self, name: str) -> None:
        random = self.random
        rules = [self._rule() for _ in range(random.randint(1, 4))]
        place = "" if random.random() < 0.3 else random.choice(self._namespaces)
        is_cluster_role = not place or random.random() < 0.5
        subjects = random.sample([*self.users, *{team for each in self.groups.values() for team in each}], 2)
        named, whom = [], []
        for each in subjects:
            kind = "User" if each in self.users else "Group"
            named.append(_subject(each) if kind == "User" else f"{kind}/{each}")
            whom.append(f"{kind}/{each}")
        kind = "ClusterRole" if is_cluster_role else "Role"
        grant(
            self._store,
            role(name, *rules, namespace="" if is_cluster_role else place),
            binding(name, name, *named, namespace=place, kind=kind),
        )
        self._granted += [Granted(who, place, each) for who in whom for each in rules]

    def _add_aggregated(self, name: str) -> None:
        """A ClusterRole that has its rules from others, as `view` and `edit` have."""
        random = self.random
        rules = [self._rule() for _ in range(2)]
        label = {f"aggregate-to-{name}": "true"}
        for number, rule in enumerate(rules):
            kind, part = role(f"{name}-part-{number}", rule)
            part["metadata"]["labels"] = label
            grant(self._store, (kind, part))
        place, user = random.choice((*self._namespaces, "")), random.choice(self.users)
        grant(self._store, aggregated(name, label), binding(name, name, _subject(user), namespace=place))
        self._granted += [Granted(f"User/{user}", place, each) for each in rules]

    def _add_path(self, name: str, path: str) -> None:
        """The right of the first user to a path that is no resource."""
        rule = {"nonResourceURLs": [path], "verbs": ["get"]}
        grant(self._store, role(name, rule), binding(name, name, f"User/{self.users[0]}"))
        self.paths.add(path)

    def _rule(self) -> Json:
        random = self.random
        telling = [kind for kind in self._kinds if kind.key in _TELLING]
        chosen = random.sample(telling, random.randint(0, 3))
        chosen += random.sample(self._kinds, random.randint(1, 5))
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
            rule["resourceNames"] = ["web", "postgres", *random.sample(self._known_names, 3)]
        if random.random() < 0.1:  # of what belongs to an object, which is no right to the object
            rule["resources"] = [f"{each}/status" for each in rule["resources"]]
        if random.random() < 0.15:
            rule["resources"] = [*rule["resources"], "events"]
            rule["apiGroups"] = sorted({*rule["apiGroups"], ""})
        return rule


def _subject(user: str) -> str:
    """As bindings name it: a service account by its namespace and name."""
    parts = user.split(":")
    return f"ServiceAccount/{parts[2]}/{parts[3]}" if len(parts) == 4 else f"User/{user}"


def _covers(rule: Json, verb: str, group: str, plural: str) -> bool:
    return all(
        {"*", value} & {*rule[field]}
        for field, value in (("verbs", verb), ("apiGroups", group), ("resources", plural))
    )
