"""Ingress, IngressClass."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Link, Ref
from astrolabe.graph.state.edge_types import ROUTES_TO, USES, USES_CLASS, USES_SECRET
from astrolabe.graph.state.identity import GroupKind
from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.certificates import (
    CERTIFICATE,
    READS_CERTIFICATES,
    link_certificate,
    link_issuer,
    tell_issuer,
    tell_makers,
)
from astrolabe.kinds.common import always_ready, labels_of
from astrolabe.kinds.endpoints import trouble_of
from astrolabe.kinds.kind import ANY_KIND, Kind
from astrolabe.kinds.manifest import Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata
from astrolabe.kinds.service import LoadBalancerStatus


class BackendPort(Projection):
    """Either of the two."""

    name: str = ""
    number: int = 0


class BackendService(Projection):
    name: str = ""
    port: BackendPort | None = None

    @property
    def is_action(self) -> bool:
        """Whether it names an action in an annotation of the AWS load balancer controller, and no Service."""
        return self.port is not None and self.port.name == "use-annotation"


class BackendResource(Projection):
    api_group: str | None = None
    kind: str = ""
    name: str = ""


class Backend(Projection):
    """One of the two: a Service, or an object of any other kind, which only some controllers can serve."""

    service: BackendService | None = None
    resource: BackendResource | None = None


class HttpPath(Projection):
    backend: Backend | None = None


class HttpRule(Projection):
    paths: Items[HttpPath] | None = None


class IngressRule(Projection):
    host: str = ""
    http: HttpRule | None = None


class IngressTls(Projection):
    secret_name: str = ""


class IngressSpec(Projection):
    ingress_class_name: str | None = None
    default_backend: Backend | None = None
    rules: Items[IngressRule] | None = None
    tls: Items[IngressTls] | None = None


class Ingress(Manifest):
    spec: IngressSpec | None = None
    status: LoadBalancerStatus | None = None


def _ingress_status(ingress: Ingress) -> Status:
    """The status before its backends are known. Most clusters never give it an address."""
    addresses = (ingress.status or LoadBalancerStatus()).addresses
    return Status(READY, "Ready", f"Address {', '.join(addresses)}" if addresses else "No address yet")


def _class_of(ingress: Ingress) -> tuple[str, str]:
    """The name of its class (or ""), and the field that has it."""
    spec, annotations = ingress.spec or IngressSpec(), ingress.metadata.annotations
    if spec.ingress_class_name:
        return spec.ingress_class_name, "spec.ingressClassName"
    if annotations is not None and annotations.ingress_class:
        return annotations.ingress_class, "metadata.annotations[kubernetes.io/ingress.class]"
    return "", ""


class IngressMetadata(Metadata):
    ingress_class: str = ""
    hosts: list[str] = []


def _ingress_metadata(ingress: Ingress) -> IngressMetadata:
    rules = (ingress.spec or IngressSpec()).rules or ()
    hosts = dict.fromkeys([rule.host for rule in rules if rule.host])
    return IngressMetadata(ingress_class=_class_of(ingress)[0] or "", hosts=list(hosts))


def _backends(spec: IngressSpec) -> Iterator[tuple[str, Backend | None]]:
    """Every backend, with its path in the manifest."""
    yield "spec.defaultBackend", spec.default_backend
    for index, rule in enumerate(spec.rules or ()):
        paths = rule.http.paths if rule.http is not None else None
        for number, path in enumerate(paths or ()):
            yield f"spec.rules[{index}].http.paths[{number}].backend", path.backend


def _ingress_links(ingress: Ingress) -> list[Link]:
    spec, namespace = ingress.spec or IngressSpec(), ingress.metadata.namespace
    links = [
        link
        for path, backend in _backends(spec)
        if backend is not None and (link := _backend_link(backend, path, namespace)) is not None
    ]
    for index, tls in enumerate(spec.tls or ()):
        if tls.secret_name:
            field = f"spec.tls[{index}].secretName"
            links.append(Ref(USES_SECRET, "Secret", namespace, tls.secret_name, field))
            links.append(link_certificate(namespace, tls.secret_name, field))
    links += link_issuer(ingress.metadata.annotations, namespace)
    name, field = _class_of(ingress)
    if name:
        # a controller serves the class of an annotation whether or not an object of that name exists
        optional = field != "spec.ingressClassName"
        links.append(Ref(USES_CLASS, "IngressClass", "", name, field, optional=optional))
    return links


def _backend_link(backend: Backend, path: str, namespace: str) -> Link | None:
    service, resource = backend.service, backend.resource
    if service is not None and service.name and not service.is_action:
        return Ref(ROUTES_TO, "Service", namespace, service.name, f"{path}.service.name")
    if resource is not None and resource.name and resource.kind:
        kind = GroupKind(resource.api_group or "", resource.kind).key
        return Ref(ROUTES_TO, kind, namespace, resource.name, f"{path}.resource.name")
    return None


class IngressDetails(msgspec.Struct, frozen=True, gc=False):
    """What `derive` of the Ingress reads of itself.

    ports: Services with the ports, by name or number, to which it sends requests.
    issuer: what is to make its TLS Secrets, as its annotations say; "" when they say nothing.
    """

    ports: tuple[tuple[str, str | int], ...] = ()
    issuer: str = ""


def _ingress_details(ingress: Ingress) -> IngressDetails:
    backends = [each.service for _, each in _backends(ingress.spec or IngressSpec()) if each is not None]
    ports = [
        (each.name, each.port.name or each.port.number)
        for each in backends
        if each is not None and each.port is not None and not each.is_action
    ]
    ports = [(name, port) for name, port in ports if port]
    return IngressDetails(tuple(dict.fromkeys(ports)), tell_issuer(ingress.metadata.annotations))


def _derive_ingress(ingress: Peer, neighborhood: Neighborhood) -> Derived:
    if ingress.status.severity != READY:
        return Derived(ingress.status)
    services = sorted(neighborhood.outgoing(ROUTES_TO, "Service"), key=lambda service: service.name)
    missing = (
        _judge_missing(neighborhood, ROUTES_TO, "BackendMissing")
        or _judge_ports(ingress.details, services)
        or _judge_secrets(neighborhood, ingress.details.issuer)
    )
    if missing is not None:
        return Derived(missing)
    status = _judge_backends(ingress.status, ingress.details, services)
    return Derived(_judge_unseen(neighborhood) or status if status.severity == READY else status)


def _judge_missing(neighborhood: Neighborhood, type: str, reason: str) -> Status | None:
    """The status if something that it refers to does not exist."""
    missing = {
        (each.kind.partition(".")[0], each.name) for each in neighborhood.unresolved if each.type == type
    }
    if not missing:
        return None
    kinds, names = sorted({kind for kind, _ in missing}), sorted({name for _, name in missing})
    return Status(ERROR, reason, f"{', '.join(kinds)} not found: {', '.join(names)}")


def _judge_secrets(neighborhood: Neighborhood, issuer: str) -> Status | None:
    """The status if a Secret is missing, with who should make it."""
    missing = _judge_missing(neighborhood, USES_SECRET, "TLSSecretMissing")
    if missing is None:
        return None
    names = sorted({each.name for each in neighborhood.unresolved if each.type == USES_SECRET})
    makers = tell_makers(names, neighborhood.outgoing(USES, CERTIFICATE), issuer)
    return Status(ERROR, missing.reason, f"{missing.message}. {makers}" if makers else missing.message)


def _judge_ports(details: IngressDetails, services: list[Peer]) -> Status | None:
    """The status if a Service does not have the port to which requests are sent."""
    by_name = {service.name: service for service in services}
    missing = [
        f"service {name} has no port {port} ({by_name[name].details.tell_ports()})"
        for name, port in details.ports
        if name in by_name and not by_name[name].details.has_port(port)
    ]
    return Status(ERROR, "PortMissing", ", ".join(missing)) if missing else None


def _judge_unseen(neighborhood: Neighborhood) -> Status | None:
    """The status if something that it refers to cannot be seen; None if everything is visible."""
    for type, kind, reason in (
        (ROUTES_TO, "Service", "BackendNotVisible"),
        (USES_SECRET, "Secret", "TLSSecretNotVisible"),
    ):
        if neighborhood.is_complete(kind):
            continue
        names = sorted({each.name for each in neighborhood.unseen if (each.type, each.kind) == (type, kind)})
        if names:
            return Status(UNKNOWN, reason, f"{kind} not visible: {', '.join(names)}")
        if neighborhood.is_outdated(kind) and (
            names := sorted({each.name for each in neighborhood.outgoing(type, kind)})
        ):
            return Status(UNKNOWN, reason, f"{kind} not visible any more: {', '.join(names)}")
    return None


def _judge_backends(status: Status, details: IngressDetails, services: list[Peer]) -> Status:
    """The status by the worst backend."""
    troubles = [(each.name, _trouble(each, details)) for each in services]
    found = [(name, trouble) for name, trouble in troubles if trouble is not None]
    if not found:
        return status
    name, worst = min(found, key=lambda each: _WORST_BACKENDS.index(each[1].severity))
    message = f"service {name}: {worst.reason}: {worst.message}"
    return Status(worst.severity, _BACKEND_REASONS[worst.severity], message, worst.since)


_BACKEND_REASONS = {ERROR: "BackendUnavailable", PENDING: "BackendPending", UNKNOWN: "BackendUnknown"}
_WORST_BACKENDS = tuple(_BACKEND_REASONS)


def _trouble(service: Peer, details: IngressDetails) -> Status | None:
    """Why requests do not get through the Service."""
    return trouble_of(service, [port for name, port in details.ports if name == service.name])


INGRESS = Kind(
    name="Ingress",
    group="networking.k8s.io",
    version="v1",
    plural="ingresses",
    layer="ingress",
    column=0,
    short_names=("ing",),
    manifest=Ingress,
    status=_ingress_status,
    metadata=_ingress_metadata,
    shows=IngressMetadata,
    links=_ingress_links,
    selectable=labels_of,
    details=_ingress_details,
    makes=(
        (ROUTES_TO, "Service"),
        (ROUTES_TO, ANY_KIND),
        (USES_SECRET, "Secret"),
        (USES_CLASS, "IngressClass"),
        (USES, ANY_KIND),
    ),
    derive=_derive_ingress,
    is_nothing_alone=True,
    requires=("Service", "Secret"),
    reads=(
        Read("outgoing", ROUTES_TO, "Service"),
        Read("outgoing", USES_SECRET, "Secret"),
        READS_CERTIFICATES,
    ),
)

INGRESS_CLASS = Kind(
    name="IngressClass",
    group="networking.k8s.io",
    version="v1",
    plural="ingressclasses",
    layer="cluster",
    column=7,
    mark="ic",
    manifest=Manifest,
    status=always_ready,
    namespaced=False,
    optional=True,
)
