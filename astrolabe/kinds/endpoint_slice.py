"""EndpointSlice."""

from __future__ import annotations

from sys import intern

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Link, Ref, RefByUid
from astrolabe.graph.state.edge_types import ENDPOINTS, OWNS
from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.common import owner_links
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.live import STARTING
from astrolabe.kinds.manifest import Items, Manifest, ObjectMeta, Projection
from astrolabe.kinds.metadata import Metadata, TargetPods

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
_SERVICE_NAME_FIELD = f"metadata.labels[{SERVICE_NAME_LABEL}]"


class EndpointConditions(Projection):
    """`ready` absent means ready, `serving` absent means like `ready`.

    If the Service publishes addresses that are not ready, all are, and only `serving` says how they are.
    """

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class TargetReference(Projection):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class Endpoint(Projection):
    addresses: Items[str] | None = None
    conditions: EndpointConditions | None = None
    target_ref: TargetReference | None = None

    @property
    def target(self) -> str:
        """Its targets. Several slices may list a pod: one per address family, or for other ports."""
        target = self.target_ref
        if target is not None and (target.uid or target.name):
            return target.uid or f"{target.kind}/{target.namespace}/{target.name}"
        return self.addresses[0] if self.addresses else ""

    @property
    def is_bare(self) -> bool:
        """Whether it names no target."""
        return self.target_ref is None or not (self.target_ref.uid or self.target_ref.name)


class EndpointPort(Projection):
    """`name` is that of the Service's port, "" when it has none."""

    name: str | None = None


class EndpointSlice(Manifest):
    address_type: str = ""
    endpoints: Items[Endpoint] | None = None
    ports: Items[EndpointPort] | None = None


class SliceDetails(msgspec.Struct, frozen=True, gc=False):
    """What Services read of their slices: targets by how they are, and the names of its ports.

    published: of those that are ready, those that are so only because their Service publishes all of them.
    draining: those that are being deleted and still serve; those that no longer do are left out.
    bare: the family of its addresses, if these are all that some endpoints have.
    """

    ready: tuple[str, ...] = ()
    unready: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    draining: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    bare: str = ""


def _slice_details(endpoint_slice: EndpointSlice) -> SliceDetails:
    found: dict[str, list[str]] = {"ready": [], "unready": [], "published": [], "draining": []}
    for index, each in enumerate(endpoint_slice.endpoints or ()):
        target = each.target or f"{endpoint_slice.metadata.uid} {index}"
        state = each.conditions or EndpointConditions()
        if state.terminating:
            if state.serving:
                found["draining"].append(target)
        elif state.ready is False:
            found["unready"].append(target)
        else:
            found["ready"].append(target)
            if state.serving is False:
                found["published"].append(target)
    ports = tuple([intern(each.name or "") for each in endpoint_slice.ports or ()])
    is_bare = any(each.is_bare for each in endpoint_slice.endpoints or ())
    return SliceDetails(
        ports=ports,
        bare=intern(endpoint_slice.address_type or "IPv4") if is_bare else "",
        **{state: tuple(targets) for state, targets in found.items()},
    )


def _slice_status(endpoint_slice: EndpointSlice) -> Status:
    details = _slice_details(endpoint_slice)
    ready, total = len(set(details.ready)), len({*details.ready, *details.unready})
    if not total:
        leaving = len(endpoint_slice.endpoints or ())
        return Status(
            READY, "NoEndpoints", f"Only endpoints that go ({leaving})" if leaving else "No endpoints"
        )
    message = intern(f"{ready - len(set(details.published))}/{total} endpoints ready")
    if details.published:
        message += f", {ready} published"
    if not ready:
        return Status(ERROR, "NoReadyEndpoints", message)
    if ready < total:
        return Status(PENDING, "PartiallyReady", message)
    return Status(READY, "Ready", message)


def _derive_slice(endpoint_slice: Peer, neighborhood: Neighborhood) -> Derived:
    """Its Service knows whether it should have endpoints, and whether they start for the first time."""
    own = endpoint_slice.status
    if own.reason not in ("NoEndpoints", "NoReadyEndpoints"):
        return Derived(own)
    services = [each.status for each in neighborhood.incoming(ENDPOINTS, "Service")]
    if own.severity == ERROR:
        # Its Service knows the pods: they may start, or not be known yet.
        waiting = [each for each in services if each.severity == PENDING]
        reason = STARTING if any(each.reason == STARTING for each in waiting) else own.reason
        return Derived(Status(PENDING, reason, own.message) if waiting else own)
    lacking = [each for each in services if each.reason in _LACKING]
    if lacking:
        return Derived(Status(PENDING, own.reason, "No endpoints, though its Service should have some"))
    hidden = [each.name for each in neighborhood.unseen if (each.type, each.kind) == (ENDPOINTS, "Service")]
    if hidden:
        message = f"{own.message}; if it should have some is not known: Service not visible: {hidden[0]}"
        return Derived(Status(UNKNOWN, "ServiceNotVisible", message))
    return Derived(own)


#: What a Service says that should have endpoints and has none that is ready.
_LACKING = (STARTING, "NoReadyEndpoints", "NoSuchTargetPort")


def _slice_owners(meta: ObjectMeta) -> list[RefByUid]:
    """If the owner is the Service that the label names, it adds no edge: the label makes it already.

    The label is what makes a slice a Service's: an owner that it does not name only owns.
    """
    service = (meta.labels or {}).get(SERVICE_NAME_LABEL)
    return [
        msgspec.structs.replace(owner, type=ENDPOINTS, field=_SERVICE_NAME_FIELD, optional=True)
        if owner.kind == "Service" and owner.name == service and not owner.group
        else owner
        for owner in owner_links(meta)
    ]


class EndpointSliceMetadata(Metadata):
    target_pods: TargetPods = []


def _slice_metadata(endpoint_slice: EndpointSlice) -> EndpointSliceMetadata:
    targets = [each.target_ref for each in endpoint_slice.endpoints or ()]
    pods = {target.name for target in targets if target is not None and target.kind == "Pod" and target.name}
    return EndpointSliceMetadata(target_pods=sorted(pods))


def _slice_links(endpoint_slice: EndpointSlice) -> list[Link]:
    """The Service by the label, manual slices too; pods by uid, else by name, never by address."""
    meta = endpoint_slice.metadata
    namespace = intern(meta.namespace)
    links: list[Link] = []
    service = (meta.labels or {}).get(SERVICE_NAME_LABEL)
    if service:
        links.append(Ref(ENDPOINTS, "Service", namespace, service, _SERVICE_NAME_FIELD, reverse=True))
    for index, endpoint in enumerate(endpoint_slice.endpoints or ()):
        target = endpoint.target_ref
        if target is None or target.kind != "Pod":
            continue
        where, field = intern(target.namespace) or namespace, intern(f"endpoints[{index}].targetRef")
        if target.uid:
            links.append(RefByUid(ENDPOINTS, target.uid, "Pod", where, target.name, field))
        elif target.name:
            links.append(Ref(ENDPOINTS, "Pod", where, target.name, field))
    return links


ENDPOINT_SLICE = Kind(
    name="EndpointSlice",
    group="discovery.k8s.io",
    version="v1",
    plural="endpointslices",
    layer="run",
    column=2,
    mark="eps",
    relays=True,
    manifest=EndpointSlice,
    status=_slice_status,
    metadata=_slice_metadata,
    shows=EndpointSliceMetadata,
    links=_slice_links,
    owners=_slice_owners,
    inherits=frozenset((OWNS, ENDPOINTS)),
    makes=((ENDPOINTS, "Service"), (ENDPOINTS, "Pod")),
    details=_slice_details,
    derive=_derive_slice,
    reads=(Read("incoming", ENDPOINTS, "Service"),),
)
