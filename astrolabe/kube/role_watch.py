"""Watches roles and bindings. They say where users may have rights and when to ask; they decide nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import Any, NoReturn

from astrolabe.engine.inbox import Deleted, InboxMessage, ObjectChanges, Replace, WatchStatus
from astrolabe.graph.model.facts import Facts
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.rbac import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from astrolabe.kube.client import Cluster
from astrolabe.kube.health import OutageLog
from astrolabe.kube.reflector import Reflector
from astrolabe.users import User

#: What is watched of the rights that the API server grants.
TELLING_OF_RIGHTS = (ROLE_BINDING, CLUSTER_ROLE_BINDING, ROLE, CLUSTER_ROLE)
#: Groups of a service account, in addition to those of its token.
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
        self._listeners: list[Callable[[str], None]] = []
        #: By uid of the binding: its namespace, and whom it names (see `_subjects`).
        self._bindings: dict[str, tuple[str, frozenset[str]]] = {}
        #: For each subject of bindings, the namespaces, with the number of bindings in each.
        self._namespaces: dict[str, dict[str, int]] = {}
        #: Namespaces of all known objects by uid: a deletion names only the uid.
        self._places: dict[str, dict[str, str]] = {kind.key: {} for kind in TELLING_OF_RIGHTS}
        scopes = role_scopes(namespaces)
        #: The namespaces ("": all) whose bindings are not known.
        self._unknown = {namespace for kind, namespace in scopes if kind is ROLE_BINDING}
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

    def follow(self, listener: Callable[[str], None]) -> None:
        self._listeners.append(listener)

    def namespaces_of(self, user: User) -> Collection[str] | None:
        if self._unknown:
            return None
        found: dict[str, int] = {}
        for name in (f"user {user.name}", *[f"group {group}" for group in user.groups]):
            found |= self._namespaces.get(name, {})
        return found.keys()

    async def put(self, message: InboxMessage) -> None:
        match message:
            case Replace(kind, namespace, _, _):
                self._replace(kind, namespace, list(message.drain()))
            case ObjectChanges(kind, changes):
                for change in changes:
                    self._change(kind, change)
            case WatchStatus(ROLE_BINDING.key, namespace, "unavailable", _, _):
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
        self._tell("")

    def _change(self, kind: str, change: object) -> None:
        if isinstance(change, Facts):
            self._set(kind, change)
            self._tell(change.namespace)
        elif isinstance(change, Deleted):
            self._tell(self._drop(kind, change.uid))
        else:  # it cannot be read: whoever it concerns
            self._tell("")

    def _set(self, kind: str, facts: Facts) -> None:
        self._drop(kind, facts.uid)
        self._places[kind][facts.uid] = facts.namespace
        if kind == ROLE_BINDING.key:
            subjects = _subjects(facts)
            self._bindings[facts.uid] = facts.namespace, subjects
            for subject in subjects:
                places = self._namespaces.setdefault(subject, {})
                places[facts.namespace] = places.get(facts.namespace, 0) + 1

    def _drop(self, kind: str, uid: str) -> str:
        """Forget it. Returns its namespace."""
        namespace, subjects = self._bindings.pop(uid, ("", frozenset[str]()))
        for subject in subjects:
            places = self._namespaces[subject]
            places[namespace] -= 1
            if not places[namespace]:
                del places[namespace]
            if not places:
                del self._namespaces[subject]
        return self._places[kind].pop(uid, "")

    def _tell(self, namespace: str) -> None:
        for listener in self._listeners:
            listener(namespace)


def _subjects(facts: Facts) -> frozenset[str]:
    """The subjects of a binding, as `user <name>` and `group <name>`."""
    told = facts.metadata
    accounts = [each.replace("/", ":", 1) for each in told.get("serviceAccounts", ())]
    return frozenset(
        (
            *[f"user {name}" for name in told.get("users", ())],
            *[f"group {name}" for name in told.get("groups", ())],
            *[f"user {_SERVICE_ACCOUNT}{name}" for name in accounts],
        )
    )
