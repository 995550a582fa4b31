"""What a kind says of one object (`Facts`), and what it adds once the neighbours are known (`Rules`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal, Protocol

import msgspec

from astrolabe.graph.model.links import Link, Ref, RefByUid
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.status import Status


class Facts(msgspec.Struct, frozen=True, gc=False):
    """All that one manifest tells, and nothing that depends on another resource.

    namespace: "" when cluster-scoped.
    status: before the neighbours have their say (see `Rules.derive`).
    metadata: what the node shows, JSON values; keys with nothing in them left out, but for
        creationTimestamp, which tells of two that claim one name which is the newer.
    release, chart: its own, not inherited; None and "" when it has none.
    selectable: the labels by which a `Select` finds it; None when its kind is never selected.
    aliases: further names under which a `Ref` finds it (the default StorageClass), each once; several
        may share one, the newest is meant.
    details: what `derive` of this kind or of a neighbour reads, compared by ==; None when nothing.
    revision: set on the Secrets in which Helm keeps its releases.
    """

    kind: str
    uid: str
    name: str
    namespace: str
    labels: dict[str, str]
    status: Status
    metadata: dict[str, Any]
    links: tuple[Link, ...] = ()
    release: Release | None = None
    chart: str = ""
    selectable: Mapping[str, str] | None = None
    aliases: tuple[str, ...] = ()
    details: Any = None
    revision: HelmRevision | None = None


class Derived(msgspec.Struct, frozen=True, gc=False):
    """What a resource is once its neighbours are known.

    metadata: keys added to what the node shows; None when none.
    details: replaces `Facts.details` for those who read this resource; None: unchanged.
    """

    status: Status
    metadata: dict[str, Any] | None = None
    details: Any = None


class Peer(Protocol):
    """A resource as its neighbour reads it: status and details are the derived ones.

    `Rules.derive` gets the resource itself in the same shape, with its own status and details.
    """

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def status(self) -> Status: ...
    @property
    def details(self) -> Any: ...


class Neighborhood(Protocol):
    """The neighbourhood of one resource, restricted to what its `Rules.reads` declares."""

    def outgoing(self, type: str, kind: str) -> Iterable[Peer]:
        """Targets of its edges of this type that are of this kind, in no particular order."""
        ...

    def incoming(self, type: str, kind: str) -> Iterable[Peer]:
        """Sources of the edges of this type that end here, in no particular order."""
        ...

    def is_complete(self, kind: str) -> bool:
        """Whether all neighbours of this kind are known, so that there being none is a fact."""
        ...

    def is_outdated(self, kind: str) -> bool:
        """Whether the neighbours of this kind are as they were before the kind could not be read any more."""
        ...

    @property
    def unresolved(self) -> Collection[Ref | RefByUid]:
        """Its references that do not resolve and should."""
        ...

    @property
    def unseen(self) -> Collection[Ref | RefByUid]:
        """Its references that do not resolve to what can be seen, which says nothing of what there is."""
        ...


class Read(msgspec.Struct, frozen=True, gc=False):
    """Declares that `derive` looks along edges of `type`, at neighbours of `kind`."""

    direction: Literal["outgoing", "incoming"]
    type: str
    kind: str


#: (the resource itself with its own status and details, its neighbourhood) → what it is among them.
Derive = Callable[[Peer, Neighborhood], Derived]


class Rules(msgspec.Struct, frozen=True):
    """What the graph must know of a kind.

    kind: what it is known by, here and in facts, references and selections; unique. name: as nodes show it,
        which a kind of another API group may have, too; "": the same.
    derive: pure; called again when the facts, an edge in `reads`, a neighbour over such an edge, or
        the unresolved references change, or the answer to a `is_complete` or an
        `is_outdated` that it asked.
    reads: must be acyclic over kinds, so that each derived status is worked out once.
    inherits: the edge types, of `INHERITANCE_TYPES`, into it along which it inherits its release and chart.
    """

    kind: str
    api_version: str
    name: str = ""
    namespaced: bool = True
    derive: Derive | None = None
    reads: tuple[Read, ...] = ()
    inherits: frozenset[str] = frozenset((OWNS,))
