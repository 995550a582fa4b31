"""What a kind reads from one object (`Facts`), and what it derives from the object's neighbours (`Rules`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from astrolabe.graph.model.links import Link, Ref, RefBeside, RefByUid
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.identity import HelmReleaseName, HelmRevision, Release
from astrolabe.graph.state.status import READY, Status


class Facts(msgspec.Struct, frozen=True, gc=False):
    """Everything that one manifest says, and nothing that depends on another resource.

    namespace: "" when cluster-scoped.
    status: by the manifest alone; `Rules.derive` may replace it.
    metadata: what the node shows, as JSON values. Empty keys are left out, except creationTimestamp, which
        decides which of two resources with the same name is newer.
    release, chart: its own, not inherited; None and "" if it has none. release: by annotation, which only
        what Helm itself applied has.
    label_release: by labels, which are copied from templates and mirrored to slices, so that an owner's
        annotation outranks them. Its namespace is "" if the object is cluster-scoped: then it is the release
        of that name, if there is exactly one.
    made_by: the HelmRelease by which Flux made it, in whose namespace Flux may keep the revisions. Its name
        is "" if only the namespace is known.
    selectable: the labels by which a `Select` finds it; None if it is not to be found by any.
    aliases: other names under which a `Ref` finds it (the default StorageClass), each once. If several
        resources share an alias, it means the newest.
    details: what `derive` of this kind or of a neighbour reads, compared with ==; None if nothing.
    revision: set on the Secrets and ConfigMaps in which Helm keeps its releases. Its release is in their
        namespace; the model finds out where the release is.
    closure_ends: whether the closure ends at it: a Node does not belong to what runs on it.
    beside: references that are links only once it is known what it selects.
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
    label_release: Release | None = None
    made_by: HelmReleaseName | None = None
    chart: str = ""
    selectable: Mapping[str, str] | None = None
    aliases: tuple[str, ...] = ()
    details: Any = None
    revision: HelmRevision | None = None
    closure_ends: bool = False
    beside: tuple[RefBeside, ...] = ()


class Derived(msgspec.Struct, frozen=True, gc=False):
    """What a resource is once its neighbours are known.

    metadata: keys added to what the node shows; None if there are none.
    details: what neighbours read instead of `Facts.details`; None: unchanged.
    """

    status: Status
    metadata: dict[str, Any] | None = None
    details: Any = None


class Peer(Protocol):
    """A resource as its neighbours read it, with derived status and details.

    `Rules.derive` gets the resource itself in the same form, with its own status and details.
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

    def outgoing(self, type: str, kind: str, *, own: bool = False) -> Iterable[Peer]:
        """Targets of its edges of this type that are of this kind, in no particular order.

        own: see `Read`.
        """
        ...

    def incoming(self, type: str, kind: str, *, own: bool = False) -> Iterable[Peer]:
        """Sources of the edges of this type that end here, likewise."""
        ...

    def origin(self, peer: Peer) -> Peer | None:
        """The topmost owner of one of its neighbours, by what its manifest says; None if nobody owns it.

        It needs no `Read`, but each call costs something for as long as what is derived stays so.
        """
        ...

    def fields_behind(self, type: str, peer: Peer) -> Collection[str] | None:
        """The fields by which edges of this type lead to what one of its neighbours selects; None if that
        selects nothing. It costs as much as the neighbour selects, whenever that changes.
        """
        ...

    def is_complete(self, kind: str) -> bool:
        """Whether all resources of this kind are known, so that having no such neighbor is a fact."""
        ...

    def is_complete_everywhere(self, kinds: Collection[str]) -> bool:
        """Whether all resources of these kinds in the whole cluster are known. Of kinds that the cluster does
        not have there are none, but it must have one of them."""
        ...

    def is_outdated(self, kind: str) -> bool:
        """Whether this kind can no longer be read, so that its neighbors are shown as they last were."""
        ...

    @property
    def unresolved(self) -> Collection[Ref | RefByUid]:
        """Its references that should resolve and do not."""
        ...

    @property
    def unseen(self) -> Collection[Ref | RefByUid]:
        """Its references to objects that cannot be seen, so that nobody knows whether they exist."""
        ...


class Read(msgspec.Struct, frozen=True, gc=False):
    """Declares that `derive` looks along edges of `type`, at neighbours of `kind`.

    own: only at what their manifests say, which needs no order: two kinds may look at each other if one of
        them does so.
    """

    direction: Literal["outgoing", "incoming"]
    type: str
    kind: str
    own: bool = False


#: (the resource itself with its own status and details, its neighbourhood) → what it is among them.
Derive = Callable[[Peer, Neighborhood], Derived]


Stands = Callable[[Any, Collection[Ref | RefByUid]], bool]


class WarningEvent(msgspec.Struct, frozen=True, gc=False):
    """What the Warnings of Kubernetes' Events say of one object in the same words.

    since: when the first one was seen. last: when the last one was. It changes with each repetition, and is
    no part of a node.
    """

    reason: str
    message: str
    since: str
    last: str


class Warned(NamedTuple):
    """What Warnings make of a resource. shown: the one that its node shows, if any."""

    status: Status
    shown: WarningEvent | None = None


#: (status as derived from neighbours, details of the manifest, the Warnings about the resource, the one that
#: began last first) → its status and what its node shows.
Warn = Callable[[Status, Any, Sequence[WarningEvent]], Warned]


def show_newest(status: Status, _: Any, warnings: Sequence[WarningEvent]) -> Warned:
    """Show the newest Warning while the resource is not Ready. The status stays."""
    return Warned(status, None if status.severity == READY else warnings[0])


class Rules(msgspec.Struct, frozen=True):
    """What the graph must know about a kind.

    kind: its unique key, here and in facts, references and selections. name: as nodes show it; a kind of
        another API group may have the same name; "": like `kind`.
    derive: pure. It is called again when its input changes: the facts, an edge in `reads`, a neighbor over
        such an edge, the unresolved references, or an answer of `is_complete` or `is_outdated`.
    stands: pure, of the details of a manifest and its references that should resolve and do not: whether
        `derive` leaves such a resource as its manifest has it, whatever its neighbours are. Then it is not
        called. None: it never is so.
    warn: pure. It is called after `derive` for a resource that has Warnings.
    reads: must be acyclic over kinds, but for those of what manifests say, so that each status is derived
        once.
    wide_aliases: whether references from everywhere find it under its aliases, and not under its name: they
        have no namespace.
    inherits: the edge types, of `INHERITANCE_TYPES`, into it along which it inherits its release and chart.
    sought_as: the `Select.kind` by which it is found; "": its kind.
    outdated: (reason, kind). A Warning with this reason is over once it owns an object of this kind that was
        created after the Warning was last seen. None: Warnings are over only as `warn` says.
    """

    kind: str
    api_version: str
    name: str = ""
    namespaced: bool = True
    wide_aliases: bool = False
    derive: Derive | None = None
    stands: Stands | None = None
    reads: tuple[Read, ...] = ()
    warn: Warn = show_newest
    inherits: frozenset[str] = frozenset((OWNS,))
    sought_as: str = ""
    outdated: tuple[str, str] | None = None
