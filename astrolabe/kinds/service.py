"""Service. How its endpoints are counted is in `endpoints`."""

from __future__ import annotations

from sys import intern
from typing import Annotated

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Link, Ref, Select
from astrolabe.graph.selector import equality
from astrolabe.graph.state.edge_types import ENDPOINTS, ROUTES_TO, SELECTS, WOULD_SELECT
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.common import READS_SELECTED_PODS, labels_of
from astrolabe.kinds.endpoints import READS_IDLE, Endpoints, Port, ServiceDetails
from astrolabe.kinds.kind import ANY_KIND, Kind
from astrolabe.kinds.live import port_key
from astrolabe.kinds.manifest import Condition, Items, Labels, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, TargetPods, about
from astrolabe.kinds.template import IDLE_WORKLOAD

#: The kind by which a cluster knows what others export, and the end of the names that it has in DNS.
SERVICE_IMPORT = "ServiceImport.multicluster.x-k8s.io"
_CLUSTER_SET = ".svc.clusterset.local"


class LoadBalancerPort(Projection):
    """`error`: why the load balancer does not serve it, in one word."""

    port: int = 0
    protocol: str = "TCP"
    error: str | None = None


class LoadBalancerIngress(Projection):
    ip: str = ""
    hostname: str = ""
    ports: Items[LoadBalancerPort] | None = None


class LoadBalancer(Projection):
    """Where a load balancer is reached; of a Service and of an Ingress."""

    ingress: Items[LoadBalancerIngress] | None = None

    @property
    def addresses(self) -> list[str]:
        return [each.ip or each.hostname for each in self.ingress or () if each.ip or each.hostname]

    @property
    def faults(self) -> list[str]:
        """The ports that it does not serve, each with the reason."""
        ports = [port for each in self.ingress or () for port in each.ports or ()]
        return [f"{port.port}/{port.protocol}: {port.error}" for port in ports if port.error]


class LoadBalancerStatus(Projection):
    load_balancer: LoadBalancer | None = None

    @property
    def addresses(self) -> list[str]:
        return self.load_balancer.addresses if self.load_balancer is not None else []


class ServicePort(Projection):
    """`targetPort` absent means `port`; a text is the name of a port of the pods."""

    name: str = ""
    port: int = 0
    node_port: int = 0
    protocol: str = "TCP"
    target_port: int | str | None = None

    def __str__(self) -> str:
        """As `kubectl get services` prints it."""
        return f"{self.port}{f':{self.node_port}' if self.node_port else ''}/{self.protocol}"


class ServiceSpec(Projection):
    """`type` absent means ClusterIP. A nil and an empty selector mean the same: none."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    external_name: str = ""
    external_ips: Items[str] | None = msgspec.field(default=None, name="externalIPs")
    load_balancer_class: str | None = None
    selector: Labels | None = None
    ports: Items[ServicePort] | None = None

    @property
    def selects(self) -> bool:
        return bool(self.selector) and self.type != "ExternalName"


class ServiceStatus(LoadBalancerStatus):
    """`conditions` are those of the load balancer's controller, if it sets any."""

    conditions: Items[Condition] | None = None


class Service(Manifest):
    spec: ServiceSpec | None = None
    status: ServiceStatus | None = None


def _service_status(service: Service) -> Status:
    """The status before its endpoints are counted."""
    spec, status = service.spec or ServiceSpec(), service.status or ServiceStatus()
    if spec.type == "LoadBalancer" and not status.addresses and not spec.external_ips:
        return Status(PENDING, "LoadBalancerPending", _tell_waiting(spec, status))
    if spec.type == "LoadBalancer" and status.load_balancer is not None and status.load_balancer.faults:
        faults = ", ".join(dict.fromkeys(status.load_balancer.faults))
        return Status(ERROR, "LoadBalancerPortsError", f"The load balancer does not serve port {faults}")
    if spec.type == "ExternalName":
        return Status(READY, "Ready", f"Alias of {spec.external_name}")
    return Status(READY, "Ready", "" if spec.selector else "No selector")


def _tell_waiting(spec: ServiceSpec, status: ServiceStatus) -> str:
    """What a load balancer waits for, and the message about it."""
    of_class = f" of class {spec.load_balancer_class}" if spec.load_balancer_class else ""
    told = [
        f": {each.type}: {each.message or each.reason}"
        for each in status.conditions or ()
        if each.status == "False" and (each.message or each.reason)
    ]
    return f"Waiting for an address of the load balancer{of_class}{''.join(told[:1])}"


class ServiceMetadata(Metadata):
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    service_type: str = ""
    ports: Annotated[list[str], about("Port and protocol.", ["80/TCP"])] = []
    external_name: str = ""
    load_balancer: Annotated[list[str], about("Addresses of its load balancer.", ["192.0.2.1"])] = []
    external_ips: list[str] = msgspec.field(default_factory=list, name="externalIPs")
    selector: Annotated[dict[str, str], about("The labels of the pods that it selects.", {"app": "web"})] = {}
    target_pods: TargetPods = []


def _service_metadata(service: Service) -> ServiceMetadata:
    spec, status = service.spec or ServiceSpec(), service.status or ServiceStatus()
    return ServiceMetadata(
        cluster_ip=spec.cluster_ip,
        service_type=spec.type,
        ports=[str(port) for port in spec.ports or ()],
        external_name=spec.external_name,
        load_balancer=status.addresses,
        external_ips=spec.external_ips or [],
        selector=dict(spec.selector or {}) if spec.selects else {},
    )


def _service_links(service: Service) -> tuple[Link, ...]:
    spec = service.spec or ServiceSpec()
    if not spec.selector or not spec.selects:
        return _imported(spec)
    namespace, selector = service.metadata.namespace, equality(spec.selector)
    return (
        Select(SELECTS, "Pod", namespace, selector, "spec.selector"),
        Select(WOULD_SELECT, IDLE_WORKLOAD, namespace, selector, "spec.selector"),
    )


def _imported(spec: ServiceSpec) -> tuple[Link, ...]:
    """What an alias of a name of the cluster set leads to (KEP-1645): the ServiceImport of this name."""
    if not spec.external_name.endswith(_CLUSTER_SET):
        return ()
    name, _, namespace = spec.external_name.removesuffix(_CLUSTER_SET).rpartition(".")
    if not name or "." in name:
        return ()
    # The kind may not be there.
    return (Ref(ROUTES_TO, SERVICE_IMPORT, namespace, name, "spec.externalName", optional=True),)


def _service_details(service: Service) -> ServiceDetails:
    spec = service.spec or ServiceSpec()
    return ServiceDetails(
        has_selector=spec.selects,
        is_alias=spec.type == "ExternalName",
        is_headless=spec.cluster_ip == "None",
        ports=tuple([_port(each) for each in spec.ports or ()]),
        selector=spec.selector if spec.selects else None,
    )


def _port(port: ServicePort) -> Port:
    target = port.target_port
    name = port_key(target, port.protocol) if isinstance(target, str) and target else ""
    return Port(port.port, intern(port.name), name)


def _derive_service(service: Peer, neighborhood: Neighborhood) -> Derived:
    """Count the endpoints, and add the names of the selected pods."""
    pods = list(neighborhood.outgoing(SELECTS, "Pod"))
    names = {"targetPods": sorted([pod.name for pod in pods])} if pods else None
    if service.status.reason == "Terminating" or service.details.is_alias:
        return Derived(service.status, names)
    endpoints = Endpoints(service, neighborhood, pods)
    status, lost = endpoints.judge(), endpoints.lost_ports()
    if lost and (status.severity != ERROR or len(lost) == len(service.details.ports)):
        status = Status(ERROR, "NoSuchTargetPort", endpoints.tell_lost(lost))
    unaddressed = status.severity == READY and service.status.severity != READY
    details = None
    if lost or endpoints.only_published or unaddressed:
        details = msgspec.structs.replace(
            service.details,
            lost=lost,
            only_published=endpoints.only_published,
            is_starting=endpoints.only_published and endpoints.are_starting(),
            only_unaddressed=unaddressed,
        )
    return Derived(service.status if unaddressed else status, names, details)


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
    derives=("targetPods",),
    is_nothing_alone=True,
    shows=ServiceMetadata,
    links=_service_links,
    selectable=labels_of,
    makes=((SELECTS, "Pod"), (ROUTES_TO, ANY_KIND)),
    details=_service_details,
    derive=_derive_service,
    reads=(Read("outgoing", ENDPOINTS, "EndpointSlice", own=True), READS_SELECTED_PODS, *READS_IDLE),
)
