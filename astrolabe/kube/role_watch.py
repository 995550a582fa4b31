"""Watches roles and bindings. They say where users may have rights and when to ask; they decide nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import Any, NoReturn

from astrolabe.engine.inbox import Deleted, InboxMessage, ObjectChange, ObjectChanges, Replace, WatchStatus
from astrolabe.graph.model.facts import Facts
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.rbac import ROLE_BINDING
from astrolabe.kube.client import Cluster
from astrolabe.kube.health import OutageLog
from astrolabe.kube.known_roles import BINDINGS, ROLES, KnownRoles
from astrolabe.kube.reflector import Reflector
from astrolabe.users import RightsChange, User

#: What is watched of the rights that the API server grants.
TELLING_OF_RIGHTS = (*BINDINGS, *ROLES)
_BINDINGS = frozenset([kind.key for kind in BINDINGS])
#: Changes of a complete list that are reported one by one.
MOST_TOLD = 200


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
        self._listeners: list[Callable[[RightsChange], None]] = []
        self._known = KnownRoles()
        scopes = role_scopes(namespaces)
        #: The kinds and namespaces ("": all) of which there may be others than are known.
        self._unlisted = {(kind.key, namespace) for kind, namespace in scopes}
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

    def follow(self, listener: Callable[[RightsChange], None]) -> None:
        self._listeners.append(listener)

    def namespaces_of(self, user: User) -> Collection[str] | None:
        return None if self._lacks({ROLE_BINDING.key}) else self._known.namespaces_of(user)

    def bound_as(self, user: User) -> frozenset[str] | None:
        return None if self._lacks(_BINDINGS) else self._known.bound_as(user)

    async def put(self, message: InboxMessage) -> None:
        match message:
            case Replace(kind, namespace, _, _):
                self._replace(kind, namespace, list(message.drain()))
            case ObjectChanges(kind, changes):
                for change in changes:
                    self._tell(self._change(kind, change))
            case WatchStatus(kind, namespace, "unavailable", _, _):
                self._unlisted.add((kind, namespace))
                self._note_completeness()

    def _replace(self, kind: str, namespace: str, listed: list[Facts]) -> None:
        gone = set(self._known.uids(kind, namespace)) - {facts.uid for facts in listed}
        found = [self._known.drop(kind, uid) for uid in gone]
        found += [self._known.set(kind, facts) for facts in listed]
        changes = [change for change in found if change is not None]
        if (kind, namespace) in self._unlisted or len(changes) > MOST_TOLD:
            self._unlisted.discard((kind, namespace))
            self._note_completeness()
            changes = [RightsChange()]
        for change in changes:
            self._tell(change)

    def _change(self, kind: str, change: ObjectChange) -> RightsChange | None:
        if isinstance(change, Facts):
            return self._known.set(kind, change)
        if isinstance(change, Deleted):
            return self._known.drop(kind, change.uid)
        return RightsChange()  # it cannot be read: whoever it concerns

    def _lacks(self, kinds: Collection[str]) -> bool:
        """Whether not all bindings or roles of these kinds are known."""
        return any(kind in kinds for kind, _ in self._unlisted)

    def _note_completeness(self) -> None:
        self._known.complete = not self._lacks([kind.key for kind in ROLES])

    def _tell(self, change: RightsChange | None) -> None:
        """While not all bindings are known, a role may be anybody's."""
        if change is None:
            return
        if self._lacks(_BINDINGS):
            change = RightsChange(None, change.listed)
        for listener in self._listeners:
            listener(change)
