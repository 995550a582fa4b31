"""What a resource says about others: references that resolve to resources.

One resource, the *holder*, has the link, and the link makes edges when it resolves. `reverse` turns the edge
around: the holder is then its target (a dependent names its owner, an EndpointSlice its Service).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from astrolabe.graph.selector import Selector

#: The scope of a name: (kind, namespace), or `BY_UID`.
NameKey = tuple[str, str]

#: The scope in which uids are the names.
BY_UID: NameKey = ("", "")


class Permit(msgspec.Struct, frozen=True, gc=False):
    """What must permit a reference: an object of this kind, in the namespace of the target, that is found
    under one of these names (a ReferenceGrant).
    """

    kind: str
    names: tuple[str, ...]


class Ref(msgspec.Struct, frozen=True, gc=False):
    """A reference by name. `namespace` is "" for a cluster-scoped target.

    optional: it is never reported as unresolved.
    uid: if set, only the target with this uid counts (PersistentVolume.spec.claimRef.uid).
    owned: only a target that the holder owns counts (generic ephemeral volumes).
    scoped: whether its namespace is known to be right. If not, there is another one that looks outside of
        namespaces, or in one, and only that which fits the target's kind can be unresolved.
    permit: without it the reference means nothing. refused: it is not there, and the target is; set on
        unresolved references only.
    cluster: of another cluster, as the manifest calls it: its name, or the address of its API server. Such a
        reference never gets to a model, which knows one cluster.
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
    scoped: bool = True
    permit: Permit | None = None
    refused: bool = False
    cluster: str = ""

    @property
    def name_key(self) -> NameKey:
        return (self.kind, self.namespace)

    @property
    def target(self) -> str:
        return self.name


class RefByUid(msgspec.Struct, frozen=True, gc=False):
    """A reference by uid (ownerReferences, targetRef). Kind, namespace and name only describe it.

    group: the API group of the kind if the reference names it, else None. A Knative Service is not a
        Service, so no Service is missing.
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
    """All resources of a kind in a namespace whose selectable labels match. Never unresolved.

    kind: or the common name of several (`Rules.sought_as`).

    among: if set, `namespace` is "", and all namespaces count whose own labels match.
    """

    type: str
    kind: str
    namespace: str
    selector: Selector
    field: str
    among: Selector | None = None


class RefBeside(msgspec.Struct, frozen=True, gc=False):
    """A reference whose namespace the manifest does not say: it is that of what the holder selects.

    The Secrets of an Istio Gateway are in the namespaces of its Pods.

    It is no `Link`: the model makes references of it (`Beside`).

    ref: as if it were in the holder's own namespace.
    beside: the type of the holder's edges, whose targets are in the namespaces that count.
    otherwise: namespaces that count beside the holder's own one while there is no such edge.
    """

    ref: Ref
    beside: str
    otherwise: tuple[str, ...] = ()


Link = Ref | RefByUid | Select


def owners_among(links: Iterable[Link]) -> list[RefByUid]:
    """The holder's ownerReferences among the links, whatever edges they make."""
    return [link for link in links if link.__class__ is RefByUid and link.reverse]
