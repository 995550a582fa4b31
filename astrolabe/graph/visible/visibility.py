"""Which objects a user may see."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from types import MappingProxyType

import msgspec

from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.node import Node

#: The key of Kubernetes' Events, which are no nodes: their words stand in the nodes of other objects.
EVENT = "Event"
#: In place of the key of a kind: all kinds, also those that come later.
EVERYTHING = "*"


class Visibility(msgspec.Struct, frozen=True, dict=True):
    """Rights as Kubernetes grants them: to `list` objects of a kind everywhere, or in a namespace.

    everywhere: keys of kinds (`GroupKind.key`), `Event` and `EVERYTHING` included.
    within: pairs of namespace and kind.
    complete: whether that is all; False while the API server is still being asked where else.
    clusters: in a union of several clusters, what may be seen in each of them, by name; there is nothing
        beside it. foreign: of one of them, whether another server made its nodes: what the words of custom
        kinds depend on, only that server knows. why: of one of them, why nothing of it may be seen; "" if its
        API server says so.
    """

    everywhere: frozenset[str] = frozenset()
    within: frozenset[tuple[str, str]] = frozenset()
    complete: bool = True
    clusters: tuple[tuple[str, Visibility], ...] = ()
    why: str = ""
    foreign: bool = False

    def of(self, cluster: str) -> Visibility:
        """What may be seen in this cluster; "": the only one."""
        return self._by_name.get(cluster, NOTHING) if cluster else self

    @cached_property
    def _by_name(self) -> Mapping[str, Visibility]:
        return dict(self.clusters)

    def includes(self, other: Visibility) -> bool:
        """Whether this visibility shows everything that the other one shows."""
        return (
            (self.everywhere >= other.everywhere or EVERYTHING in self.everywhere)
            and all(self.sees(kind, namespace) for namespace, kind in other.within - self.within)
            and all(self.of(name).includes(each) for name, each in other.clusters)
        )

    def shows(self, node: Node) -> bool:
        """Whether this node may be seen."""
        return self.of(node.cluster).sees(node.kind, node.namespace)

    def sees(self, kind: str, namespace: str) -> bool:
        """Whether objects of this kind may be seen there; namespace "": cluster-scoped ones, or all."""
        return self.sees_everywhere(kind) or (namespace, kind) in self.within

    def sees_everywhere(self, kind: str) -> bool:
        """Whether all objects of this kind may be seen."""
        return kind in self.everywhere or EVERYTHING in self.everywhere

    def sees_any(self, kind: str) -> bool:
        """Whether objects of this kind may be seen anywhere."""
        return self.sees_everywhere(kind) or any(of == kind for _, of in self.within)

    def sees_all(self, kinds: Collection[str], namespace: str) -> bool:
        """Whether objects of all these kinds may be seen there."""
        return all(self.sees(kind, namespace) for kind in kinds)


#: For users who may see everything.
ALL = Visibility(everywhere=frozenset((EVERYTHING,)))
#: For a cluster whose API server has granted nothing yet.
NOTHING = Visibility()


class KindReads(msgspec.Struct, frozen=True):
    """The kinds whose objects decide what a node says besides its own manifest.

    kinds: all that its status reads, and what these read in turn. metadata: the keys that they add.
    targets: those that it reads where its manifest names one. references: those of which it is decisive only
        whether what its manifest names exists.
    anywhere: whether they may be in other namespaces than the node.
    is_nothing_alone: whether its status is unknown without them.
    inherits: the types of edges into it along which it has its release and chart.
    """

    kinds: frozenset[str] = frozenset()
    metadata: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    references: frozenset[str] = frozenset()
    anywhere: bool = False
    is_nothing_alone: bool = False
    inherits: frozenset[str] = frozenset((OWNS,))


#: For a kind whose dependencies are unknown.
READS_ANYTHING = KindReads(kinds=frozenset((EVERYTHING,)), anywhere=True, inherits=frozenset((OWNS,)))
#: By the key of a kind. A kind that is not in it reads nothing.
Reads = Mapping[str, KindReads]
NO_READS: Reads = MappingProxyType({})
READS_NOTHING = KindReads()
