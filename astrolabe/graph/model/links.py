"""What a resource says of others: references to be resolved, never predicates over pairs.

A link is held by one resource (the *holder*) and makes edges when it resolves. `reverse` turns the
edge round: the holder is then its target (a dependent names its owner, an EndpointSlice its Service).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from astrolabe.graph.selector import Selector

#: Where a name is one: (kind, namespace), or `BY_UID`.
NameKey = tuple[str, str]

#: The place in which uids are the names.
BY_UID: NameKey = ("", "")


class Ref(msgspec.Struct, frozen=True, gc=False):
    """A reference by name. `namespace` is "" for a target that is cluster-scoped.

    optional: when it does not resolve, it is not reported as unresolved.
    uid: when set, only the target with this uid is meant (PersistentVolume.spec.claimRef.uid).
    owned: only a target that the holder owns is meant (generic ephemeral volumes).
    """

    type: str
    kind: str
    namespace: str
    name: str
    field: str
    optional: bool = False
    reverse: bool = False
    uid: str = ""
    owned: bool = False

    @property
    def name_key(self) -> NameKey:
        return (self.kind, self.namespace)

    @property
    def target(self) -> str:
        return self.name


class RefByUid(msgspec.Struct, frozen=True, gc=False):
    """A reference by uid (ownerReferences, targetRef). Kind, namespace and name only describe it.

    group: the API group of the kind where the reference tells it, else None: a Knative Service is
        not a Service, so its absence says nothing.
    """

    type: str
    uid: str
    kind: str
    namespace: str
    name: str
    field: str
    reverse: bool = False
    optional: bool = False
    group: str | None = None

    @property
    def name_key(self) -> NameKey:
        return BY_UID

    @property
    def target(self) -> str:
        return self.uid


class Select(msgspec.Struct, frozen=True, gc=False):
    """All resources of a kind in a namespace whose selectable labels match. Never unresolved."""

    type: str
    kind: str
    namespace: str
    selector: Selector
    field: str


Link = Ref | RefByUid | Select


def owners_among(links: Iterable[Link]) -> list[RefByUid]:
    """Those of the links that are the holder's ownerReferences, whatever edges they make."""
    return [link for link in links if isinstance(link, RefByUid) and link.reverse]
