"""Who the users of a union are, and what they may see of each cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from contextvars import Context

from astrolabe.graph.visible.visibility import EVERYTHING, Visibility
from astrolabe.http.access.authentication import ApiTokens
from astrolabe.http.access.measured_reviews import MeasuredReviews, new_counters
from astrolabe.http.access.rights import KubernetesRights
from astrolabe.http.access.union_rights import NO_CONNECTION, UnionRights
from astrolabe.http.access.union_tokens import UnionTokens
from astrolabe.http.access.visible import RightsChanged
from astrolabe.http.scopes.namespaces import NamespaceCounts
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kube.access_reviews import AccessReviews
from astrolabe.kube.client import Cluster
from astrolabe.kube.role_watch import RoleWatch
from astrolabe.modes.supervisor import Supervisor
from astrolabe.modes.union.cluster_list import ClusterEntry
from astrolabe.modes.union.forwarded_rights import ForwardedRights, ForwardedTokens
from astrolabe.settings import Settings
from astrolabe.users import User

#: Why nothing of a cluster is shown that another Astrolabe watches.
NOT_SHOWN = "the list of clusters does not say who may see it (showToEveryone or forwardToken)"


class UnionAccess:
    """Asks the API server of each cluster. A cluster whose API server cannot be asked shows users nothing.

    hub: of the union. reviews: counts the reviews at all API servers.
    """

    def __init__(self, settings: Settings, hub: Hub) -> None:
        self.reviews = new_counters()
        self.rights = UnionRights(lambda cluster, user: self.tokens.user_in(cluster, user))
        self.tokens = UnionTokens(changed=self.rights.note_identity, clock=time.monotonic)
        self._knows_tokens = "kubernetes" in settings.auth_modes
        self._namespaces = NamespaceCounts(hub)
        self._asking: dict[str, asyncio.Task[None]] = {}

    def add(self, entry: ClusterEntry) -> None:
        """Add a cluster. One with an API server of its own shows users nothing until `open`."""
        self._end(entry.name)
        if not entry.url:
            self.rights.become(entry.name, NO_CONNECTION)
        elif entry.forward_token and self._knows_tokens:
            tokens = ForwardedTokens(entry, clock=time.monotonic)
            self._asking[entry.name] = asyncio.create_task(
                tokens.run(), name=f"forwarded tokens of {entry.name}", context=Context()
            )
            self.rights.become(entry.name, ForwardedRights(tokens))
            self.tokens.become(entry.name, tokens)
        elif entry.show_to_everyone:
            self.rights.become(entry.name, SharedRights(), of_all=True)
        else:
            self.rights.become(entry.name, NOT_SHOWN)

    def remove(self, cluster: str) -> None:
        """Remove a cluster."""
        self._end(cluster)
        self.tokens.become(cluster, None)
        self.rights.become(cluster, None)

    async def open(self, name: str, settings: Settings, catalogue: Catalogue, supervisor: Supervisor) -> None:
        """Ask the API server of a cluster, over a connection of its own, until the supervisor closes.

        settings: of a server of this cluster alone. Raises ClusterError.
        """
        cluster = await Cluster.connect(settings)
        supervisor.on_close(cluster.close)
        reviewer = MeasuredReviews(AccessReviews(cluster), clock=time.monotonic, counters=self.reviews)
        grants = RoleWatch(cluster, settings.namespaces)
        rights = KubernetesRights(
            reviewer,
            grants,
            catalogue,
            namespaces=lambda: self._namespaces.names(name),
            clock=time.monotonic,
        )
        supervisor.spawn(grants.run(), name="roles")
        supervisor.spawn(rights.run(), name="rights")
        supervisor.on_close(lambda: self._close(name))
        if self._knows_tokens:
            self.tokens.become(name, ApiTokens(reviewer, clock=time.monotonic))
        self.rights.become(name, rights)

    async def _close(self, name: str) -> None:
        self.tokens.become(name, None)
        self.rights.become(name, NO_CONNECTION)

    def _end(self, name: str) -> None:
        """Ask its server no more for users."""
        asking = self._asking.pop(name, None)
        if asking is not None:
            asking.cancel()
            self.tokens.become(name, None)

    async def close(self) -> None:
        """Stop asking."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await self.tokens.close()
        await self.rights.close()


class SharedRights:
    """Implements `ClusterRights` for a cluster that every authenticated user may see."""

    users = 0
    _all = Visibility(everywhere=frozenset((EVERYTHING,)))

    def fresh(self, _user: User, _namespaces: Collection[str] = ()) -> Visibility:
        return self._all

    def is_sure(self, _: User) -> bool:
        return True

    async def of(self, _user: User, _namespaces: Collection[str] = ()) -> Visibility:
        return self._all

    def known(self, _: User) -> Visibility:
        return self._all

    async def may_get(self, _user: User, _kind: str, _namespace: str, _name: str, _uid: str) -> bool:
        return True

    async def may_read(self, _user: User, _path: str) -> bool:
        return True

    def follow(self, _: RightsChanged) -> None:
        """They never change."""

    def keep(self, _: Callable[[], Collection[User]]) -> None:
        """There is nothing to keep."""
