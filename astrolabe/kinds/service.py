"""Service, EndpointSlice."""

from __future__ import annotations

from sys import intern
from typing import Annotated

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Link, Ref, RefByUid, Select
from astrolabe.graph.selector import equality
from astrolabe.graph.state.edge_types import ENDPOINTS, OWNS, SELECTS
from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.common import READS_SELECTED_PODS, owner_links, selected_pods
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, Labels, Manifest, ObjectMeta, Projection
from astrolabe.kinds.metadata import Metadata, TargetPods, about

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
_SERVICE_NAME_FIELD = f"metadata.labels[{SERVICE_NAME_LABEL}]"


class LoadBalancerIngress(Projection):
    ip: str = ""
    hostname: str = ""


class LoadBalancer(Projection):
    """Where a load balancer is reached; of a Service and of an Ingress."""

    ingress: Items[LoadBalancerIngress] | None = None

    @property
    def addresses(self) -> list[str]:
        return [each.ip or each.hostname for each in self.ingress or () if each.ip or each.hostname]


class LoadBalancerStatus(Projection):
    load_balancer: LoadBalancer | None = None

    @property
    def addresses(self) -> list[str]:
        return self.load_balancer.addresses if self.load_balancer is not None else []


class ServicePort(Projection):
    name: str = ""
    port: int = 0
    node_port: int = 0
    protocol: str = "TCP"

    def __str__(self) -> str:
        """As `kubectl get services` prints it."""
        return f"{self.port}{f':{self.node_port}' if self.node_port else ''}/{self.protocol}"


class ServiceSpec(Projection):
    """`type` absent means ClusterIP. A nil and an empty selector mean the same: none."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    external_name: str = ""
    selector: Labels | None = None
    ports: Items[ServicePort] | None = None

    @property
    def selects(self) -> bool:
        return bool(self.selector) and self.type != "ExternalName"


class Service(Manifest):
    spec: ServiceSpec | None = None
    status: LoadBalancerStatus | None = None


class ServiceDetails(msgspec.Struct, frozen=True, gc=False):
    """What `derive` of the Service itself and its Ingresses read.

    is_alias: a name without endpoints. ports: each with its number and its name.
    """

    has_selector: bool
    is_alias: bool = False
    ports: tuple[tuple[int, str], ...] = ()

    def has_port(self, wanted: str | int) -> bool:
        """Whether it has the port of this name or number. An alias need not declare its numbers."""
        if isinstance(wanted, int):
            return self.is_alias or any(number == wanted for number, _ in self.ports)
        return any(name == wanted for _, name in self.ports)

    def tell_ports(self) -> str:
        """Which ports it has, for a sentence."""
        ports = [f"{name} {number}".lstrip() for number, name in self.ports]
        return f"its ports: {', '.join(ports)}" if ports else "it has none"


def _service_status(service: Service) -> Status:
    """The status before its endpoints are counted."""
    spec, status = service.spec or ServiceSpec(), service.status or LoadBalancerStatus()
    if spec.type == "LoadBalancer" and not status.addresses:
        return Status(PENDING, "LoadBalancerPending", "Waiting for an address of the load balancer")
    if spec.type == "ExternalName":
        return Status(READY, "Ready", f"Alias of {spec.external_name}")
    return Status(READY, "Ready", "" if spec.selector else "No selector")


class ServiceMetadata(Metadata):
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    service_type: str = ""
    ports: Annotated[list[str], about("Port and protocol.", ["80/TCP"])] = []
    external_name: str = ""
    target_pods: TargetPods = []


def _service_metadata(service: Service) -> ServiceMetadata:
    spec = service.spec or ServiceSpec()
    return ServiceMetadata(
        cluster_ip=spec.cluster_ip,
        service_type=spec.type,
        ports=[str(port) for port in spec.ports or ()],
        external_name=spec.external_name,
    )


def _service_links(service: Service) -> tuple[Link, ...]:
    spec = service.spec or ServiceSpec()
    if not spec.selector or not spec.selects:
        return ()
    return (Select(SELECTS, "Pod", service.metadata.namespace, equality(spec.selector), "spec.selector"),)


def _service_details(service: Service) -> ServiceDetails:
    spec = service.spec or ServiceSpec()
    return ServiceDetails(
        has_selector=spec.selects,
        is_alias=spec.type == "ExternalName",
        ports=tuple([(each.port, intern(each.name)) for each in spec.ports or ()]),
    )


def _derive_service(service: Peer, neighborhood: Neighborhood) -> Derived:
    """Count the endpoints, and add the names of the selected pods."""
    pods = selected_pods(neighborhood)
    status = service.status
    if status.severity == READY and not service.details.is_alias:
        slices = [each.details for each in neighborhood.outgoing(ENDPOINTS, "EndpointSlice")]
        ready, total = sum([each.ready for each in slices]), sum([each.total for each in slices])
        status = _count(service, neighborhood, pods, ready=ready, total=total)
    return Derived(status, {"targetPods": pods} if pods else None)


def _count(service: Peer, neighborhood: Neighborhood, pods: list[str], *, ready: int, total: int) -> Status:
    counts = intern(f"{ready}/{total} endpoints ready")
    if total and neighborhood.is_outdated("EndpointSlice"):
        message = f"{counts} when EndpointSlices could last be read"
        return Status(UNKNOWN, "EndpointsNotVisible", message)
    if ready or (total and not service.details.has_selector):
        return Status(READY, "Ready", counts)
    if not neighborhood.is_complete(
        "EndpointSlice"
    ):  # forbidden, not selected, not watched, or not listed yet
        return _unseen(slices=total > 0, counts=counts)
    if not service.details.has_selector:
        return service.status
    if pods:
        return Status(ERROR, "NoReadyEndpoints", counts)
    if neighborhood.is_complete("Pod"):
        return Status(PENDING, "NoMatchingPods", "The selector matches no pod")
    return Status(PENDING, "NoReadyEndpoints", counts)


def _unseen(*, slices: bool, counts: str) -> Status:
    """Not an error, since ready endpoints may exist where nothing is visible; but not Ready either."""
    if slices:
        message = f"{counts}; there may be more EndpointSlices that are not visible"
    else:
        message = "No EndpointSlice is visible, so it is not known whether endpoints are ready"
    return Status(UNKNOWN, "EndpointsNotVisible", message)


SERVICE = Kind(
    name="Service",
    group="",
    version="v1",
    plural="services",
    layer="service",
    column=1,
    short_names=("svc",),
    manifest=Service,
    status=_service_status,
    metadata=_service_metadata,
    shows=ServiceMetadata,
    links=_service_links,
    makes=((SELECTS, "Pod"),),
    details=_service_details,
    derive=_derive_service,
    reads=(Read("outgoing", ENDPOINTS, "EndpointSlice"), READS_SELECTED_PODS),
)


class EndpointConditions(Projection):
    """`ready` absent means ready."""

    ready: bool | None = None


class TargetReference(Projection):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class Endpoint(Projection):
    conditions: EndpointConditions | None = None
    target_ref: TargetReference | None = None

    @property
    def is_ready(self) -> bool:
        return self.conditions is None or self.conditions.ready is not False


class EndpointSlice(Manifest):
    endpoints: Items[Endpoint] | None = None


class EndpointCount(msgspec.Struct, frozen=True, gc=False):
    """What Services read of their slices."""

    ready: int
    total: int


def _count_endpoints(endpoint_slice: EndpointSlice) -> EndpointCount:
    endpoints = endpoint_slice.endpoints or []
    return EndpointCount(ready=sum([each.is_ready for each in endpoints]), total=len(endpoints))


def _slice_status(endpoint_slice: EndpointSlice) -> Status:
    count = _count_endpoints(endpoint_slice)
    message = intern(f"{count.ready}/{count.total} endpoints ready")
    if not count.total:
        return Status(PENDING, "NoEndpoints", "No endpoints")
    if not count.ready:
        return Status(ERROR, "NoReadyEndpoints", message)
    if count.ready < count.total:
        return Status(PENDING, "PartiallyReady", message)
    return Status(READY, "Ready", message)


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
    details=_count_endpoints,
)
