"""What the watched roles and bindings say: who has rights where, and whom a change of them concerns."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from astrolabe.graph.model.facts import Facts
from astrolabe.kinds import rbac
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, Manifest, Projection
from astrolabe.users import RightsChange, User, subjects_of

#: Pairs of group and plural that are kept of one role. More are not told apart.
MOST_LISTED = 10_000
_ALL = "*"
#: What the names of users begin with who are service accounts.
_SERVICE_ACCOUNT = "system:serviceaccount:"


class _PolicyRule(Projection):
    """PolicyRule of rbac.authorization.k8s.io/v1."""

    verbs: Items[str] | None = None
    api_groups: Items[str] | None = None
    resources: Items[str] | None = None
    resource_names: Items[str] | None = None
    urls: Items[str] | None = msgspec.field(default=None, name="nonResourceURLs")


class _Role(Manifest):
    rules: Items[_PolicyRule] | None = None


class _Permitted(NamedTuple):
    """What a role permits. listed: see `RightsChange`; None if it is too much to be told apart.

    rules: a digest of all rules, also of those that permit to list nothing.
    """

    listed: frozenset[tuple[str, str]] | None
    rules: bytes


_NOTHING = _Permitted(frozenset(), b"")


def _permitted(role: _Role) -> _Permitted:
    """A rule with names of objects permits to list nothing without them."""
    digest = blake2b(msgspec.json.encode(role.rules), digest_size=16).digest()
    found: set[tuple[str, str]] = set()
    for rule in role.rules or ():
        if rule.resource_names or not {"list", _ALL} & set(rule.verbs or ()):
            continue
        groups, resources = rule.api_groups or (), rule.resources or ()
        if len(found) + len(groups) * len(resources) > MOST_LISTED:
            return _Permitted(None, digest)
        found.update([(group, resource) for group in groups for resource in resources])
    return _Permitted(frozenset(found), digest)


#: The kinds as they are watched here: with what a role permits, which the graph does not show.
_WITH_RULES: Any = {"manifest": _Role, "details": _permitted}
ROLE = replace(rbac.ROLE, **_WITH_RULES)
CLUSTER_ROLE = replace(rbac.CLUSTER_ROLE, **_WITH_RULES)
ROLES: tuple[Kind[Any], ...] = (ROLE, CLUSTER_ROLE)
BINDINGS: tuple[Kind[Any], ...] = (rbac.ROLE_BINDING, rbac.CLUSTER_ROLE_BINDING)
_BINDINGS = frozenset([kind.key for kind in BINDINGS])
_ROLE_BINDING = rbac.ROLE_BINDING.key


class KnownRoles:
    """An index of roles and bindings. `set` and `drop` return what each change may mean.

    complete: whether there are no other roles. As long as that is not known, a binding to an unknown role may
    grant anything.
    """

    def __init__(self) -> None:
        self.complete = False
        self._bindings: dict[str, _KnownBinding] = {}
        #: The uids of the bindings of each role.
        self._bound: dict[str, set[str]] = {}
        #: The roles as bindings name them, by uid: a deletion names only the uid. What they permit to list.
        self._roles: dict[str, str] = {}
        self._permitted: dict[str, _Permitted] = {}
        #: Whom bindings name: the namespaces ("": all), with the number of bindings in each.
        self._namespaces: dict[str, dict[str, int]] = {}
        #: The namespaces of all known objects by kind and uid.
        self._places: dict[str, dict[str, str]] = {kind.key: {} for kind in (*ROLES, *BINDINGS)}

    def uids(self, kind: str, namespace: str) -> list[str]:
        """The known objects of a kind in a namespace; "": in all."""
        return [uid for uid, place in self._places[kind].items() if namespace in ("", place)]

    def namespaces_of(self, user: User) -> Set[str]:
        """The namespaces in which a RoleBinding names the user or a group of theirs."""
        found: dict[str, int] = {}
        for name in subjects_of(user):
            found |= self._namespaces.get(name, {})
        return found.keys() - {""}

    def bound_as(self, user: User) -> frozenset[str]:
        """See `Grants.bound_as`."""
        return frozenset([name for name in subjects_of(user) if name in self._namespaces])

    def set(self, kind: str, facts: Facts) -> RightsChange | None:
        """There is this object now; None if that changes nobody's rights."""
        if kind in _BINDINGS:
            return self._set_binding(kind, facts)
        role = _role_of(f"{kind}/{facts.name}", facts.namespace)
        before = self._permitted.get(role, _NOTHING)
        self._places[kind][facts.uid] = facts.namespace
        self._roles[facts.uid] = role
        self._permitted[role] = facts.details
        return self._of_role(role, before, facts.details)

    def drop(self, kind: str, uid: str) -> RightsChange | None:
        """There is no such object any more."""
        self._places[kind].pop(uid, None)
        if kind in _BINDINGS:
            binding = self._bindings.pop(uid, None)
            if binding is None:
                return None
            self._unbind(uid, binding)
            return self._of_binding(binding, binding.subjects)
        role = self._roles.pop(uid, None)
        if role is None:
            return None
        return self._of_role(role, self._permitted.pop(role, _NOTHING), _NOTHING)

    def _set_binding(self, kind: str, facts: Facts) -> RightsChange | None:
        namespace = facts.namespace
        role = _role_of(facts.metadata.get("role", ""), namespace)
        now = _KnownBinding(namespace, _subjects(facts), role)
        before = self._bindings.get(facts.uid)
        if before == now:
            return None
        if before is not None:
            self._unbind(facts.uid, before)
        self._places[kind][facts.uid] = namespace
        self._bindings[facts.uid] = now
        self._bound.setdefault(role, set()).add(facts.uid)
        for subject in now.subjects:
            places = self._namespaces.setdefault(subject, {})
            places[namespace] = places.get(namespace, 0) + 1
        if before is None:
            return self._of_binding(now, now.subjects)
        if before.role == role:  # who is named now as before has the same rights as before
            return self._of_binding(now, now.subjects ^ before.subjects)
        return RightsChange({subject: {namespace} for subject in now.subjects | before.subjects})

    def _unbind(self, uid: str, binding: _KnownBinding) -> None:
        bound = self._bound[binding.role]
        bound.discard(uid)
        if not bound:
            del self._bound[binding.role]
        for subject in binding.subjects:
            places = self._namespaces[subject]
            places[binding.namespace] -= 1
            if not places[binding.namespace]:
                del places[binding.namespace]
            if not places:
                del self._namespaces[subject]

    def _of_binding(self, binding: _KnownBinding, subjects: Iterable[str]) -> RightsChange:
        unknown = _NOTHING if self.complete else _Permitted(None, b"")
        listed = self._permitted.get(binding.role, unknown).listed
        return RightsChange({subject: {binding.namespace} for subject in subjects}, listed)

    def _of_role(self, role: str, before: _Permitted, now: _Permitted) -> RightsChange | None:
        if before == now:
            return None
        places: dict[str, set[str]] = {}
        for uid in self._bound.get(role, ()):
            binding = self._bindings[uid]
            for subject in binding.subjects:
                places.setdefault(subject, set()).add(binding.namespace)
        if before.listed is None or now.listed is None:
            return RightsChange(places)
        return RightsChange(places, before.listed ^ now.listed)


class _KnownBinding(NamedTuple):
    """namespace: "" for all. subjects: whom it names (`subjects_of`). role: that it grants (`_role_of`)."""

    namespace: str
    subjects: frozenset[str]
    role: str


def _role_of(named: str, namespace: str) -> str:
    """One word for a role: kind and name, and the namespace of a Role."""
    return f"{named} in {namespace}" if named.startswith("Role/") else named


def _subjects(facts: Facts) -> frozenset[str]:
    """Whom a binding names, see `subjects_of`."""
    told = facts.metadata
    accounts = [each.replace("/", ":", 1) for each in told.get("serviceAccounts", ())]
    return frozenset(
        (
            *[f"user {name}" for name in told.get("users", ())],
            *[f"group {name}" for name in told.get("groups", ())],
            *[f"user {_SERVICE_ACCOUNT}{name}" for name in accounts],
        )
    )
