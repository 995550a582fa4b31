"""Watches roles and bindings. They say where users may have rights and when to ask; they decide nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import Any, NamedTuple, NoReturn

from astrolabe.engine.inbox import Deleted, InboxMessage, ObjectChanges, Replace, WatchStatus
from astrolabe.graph.model.facts import Facts
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.rbac import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from astrolabe.kube.client import Cluster
from astrolabe.kube.health import OutageLog
from astrolabe.kube.reflector import Reflector
from astrolabe.users import User, subjects_of

#: What is watched of the rights that the API server grants.
TELLING_OF_RIGHTS = (ROLE_BINDING, CLUSTER_ROLE_BINDING, ROLE, CLUSTER_ROLE)
_BINDINGS = (ROLE_BINDING.key, CLUSTER_ROLE_BINDING.key)
#: Groups of a service account, beside those of its token.
_SERVICE_ACCOUNT = "system:serviceaccount:"


def role_scopes(namespaces: Sequence[str]) -> tuple[tuple[Kind[Any], str], ...]:
    """The watches: each kind with a namespace, or "" for all. namespaces: the only ones that are served."""
    return tuple(
        (kind, namespace)
        for kind in TELLING_OF_RIGHTS
        for namespace in (namespaces or ("",) if kind.namespaced else ("",))
    )


class RoleWatch:
    """Implements `users.Grants` and `engine.inbox.Sink`. What may not be watched is tried again every
    minute or so, and nothing waits for it.

    namespaces: watch roles and bindings of these only; none: of all.
    """

    def __init__(self, cluster: Cluster, namespaces: Sequence[str] = ()) -> None:
        self._listeners: list[Callable[[Collection[str] | None], None]] = []
        self._bindings: dict[str, _KnownBinding] = {}
        #: The uids of the bindings of each role.
        self._bound: dict[str, set[str]] = {}
        #: The roles as bindings name them, by uid: a deletion names only the uid.
        self._roles: dict[str, str] = {}
        #: Whom bindings name: the namespaces, with the number of bindings in each.
        self._namespaces: dict[str, dict[str, int]] = {}
        #: Namespaces of all known objects by uid: a deletion names only the uid.
        self._places: dict[str, dict[str, str]] = {kind.key: {} for kind in TELLING_OF_RIGHTS}
        scopes = role_scopes(namespaces)
        #: The namespaces ("": all) whose bindings are not known.
        self._unknown = {namespace for kind, namespace in scopes if kind is ROLE_BINDING}
        #: The kinds and namespaces of bindings that are not known.
        self._unlisted = {(kind.key, namespace) for kind, namespace in scopes if kind.key in _BINDINGS}
        random, outages = Random(), OutageLog()
        self._reflectors = [
            Reflector(
                kind,
                cluster,
                self,
                random=random,
                clock=time.monotonic,
                namespace=namespace,
                outages=outages,
                expected=False,
            )
            for kind, namespace in scopes
        ]

    async def run(self) -> NoReturn:
        """Follow them until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._reflectors:
                group.create_task(reflector.run(), name=f"astrolabe.kube.{reflector.health.kind}")
        raise AssertionError("reflectors run until they are cancelled")

    def follow(self, listener: Callable[[Collection[str] | None], None]) -> None:
        self._listeners.append(listener)

    def namespaces_of(self, user: User) -> Collection[str] | None:
        if self._unknown:
            return None
        found: dict[str, int] = {}
        for name in subjects_of(user):
            found |= self._namespaces.get(name, {})
        return found.keys()

    async def put(self, message: InboxMessage) -> None:
        match message:
            case Replace(kind, namespace, _, _):
                self._replace(kind, namespace, list(message.drain()))
            case ObjectChanges(kind, changes):
                for change in changes:
                    self._change(kind, change)
            case WatchStatus(kind, namespace, "unavailable", _, _) if kind in _BINDINGS:
                self._unlisted.add((kind, namespace))
                if kind == ROLE_BINDING.key:
                    self._unknown.add(namespace)

    def _replace(self, kind: str, namespace: str, listed: list[Facts]) -> None:
        places = self._places[kind]
        known = {uid for uid, place in places.items() if namespace in ("", place)}
        for uid in known - {facts.uid for facts in listed}:
            self._drop(kind, uid)
        for facts in listed:
            self._set(kind, facts)
        if kind == ROLE_BINDING.key:
            self._unknown.discard(namespace)
        self._unlisted.discard((kind, namespace))
        self._tell(None)

    def _change(self, kind: str, change: object) -> None:
        if isinstance(change, Facts):
            before = self._concerned(change.uid)
            self._set(kind, change)
            self._tell(before | self._concerned(change.uid))
        elif isinstance(change, Deleted):
            concerned = self._concerned(change.uid)
            self._drop(kind, change.uid)
            self._tell(concerned)
        else:  # it cannot be read: whoever it concerns
            self._tell(None)

    def _concerned(self, uid: str) -> frozenset[str]:
        """Whom a binding names, or those of a role."""
        uids = self._bound.get(self._roles[uid], ()) if uid in self._roles else (uid,)
        return frozenset[str]().union(
            *[self._bindings[uid].subjects for uid in uids if uid in self._bindings]
        )

    def _set(self, kind: str, facts: Facts) -> None:
        self._drop(kind, facts.uid)
        namespace = facts.namespace
        self._places[kind][facts.uid] = namespace
        if kind not in _BINDINGS:
            self._roles[facts.uid] = _role_of(f"{kind}/{facts.name}", namespace)
            return
        role = _role_of(facts.metadata.get("role", ""), namespace)
        binding = self._bindings[facts.uid] = _KnownBinding(namespace, _subjects(facts), role)
        self._bound.setdefault(role, set()).add(facts.uid)
        if kind == ROLE_BINDING.key:
            for subject in binding.subjects:
                places = self._namespaces.setdefault(subject, {})
                places[namespace] = places.get(namespace, 0) + 1

    def _drop(self, kind: str, uid: str) -> None:
        self._places[kind].pop(uid, None)
        self._roles.pop(uid, None)
        binding = self._bindings.pop(uid, None)
        if binding is None:
            return
        bound = self._bound[binding.role]
        bound.discard(uid)
        if not bound:
            del self._bound[binding.role]
        if kind != ROLE_BINDING.key:
            return
        for subject in binding.subjects:
            places = self._namespaces[subject]
            places[binding.namespace] -= 1
            if not places[binding.namespace]:
                del places[binding.namespace]
            if not places:
                del self._namespaces[subject]

    def _tell(self, subjects: Collection[str] | None) -> None:
        """subjects: whom it concerns; None, and while not all bindings are known: anybody."""
        for listener in self._listeners:
            listener(None if self._unlisted else subjects)


class _KnownBinding(NamedTuple):
    """subjects: whom it names (see `subjects_of`). role: that it grants (see `_role_of`)."""

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
