"""Ingress, IngressClass, NetworkPolicy."""

from __future__ import annotations

from collections.abc import Iterator

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Link, Ref, Select
from astrolabe.graph.state.edge_types import ROUTES_TO, SELECTS, USES_CLASS, USES_SECRET
from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.common import always_ready, selector_of
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, LabelSelector, Manifest, Projection
from astrolabe.kinds.metadata import Metadata
from astrolabe.kinds.service import LoadBalancerStatus


class BackendService(Projection):
    name: str = ""


class Backend(Projection):
    """`service` is absent when a resource of another kind is the backend."""

    service: BackendService | None = None


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
    links: list[Link] = [
        Ref(ROUTES_TO, "Service", namespace, backend.service.name, f"{path}.service.name")
        for path, backend in _backends(spec)
        if backend is not None and backend.service is not None and backend.service.name
    ]
    for index, tls in enumerate(spec.tls or ()):
        if tls.secret_name:
            links.append(
                Ref(USES_SECRET, "Secret", namespace, tls.secret_name, f"spec.tls[{index}].secretName")
            )
    name, field = _class_of(ingress)
    if name:
        # a controller serves the class of an annotation whether or not an object of that name exists
        optional = field != "spec.ingressClassName"
        links.append(Ref(USES_CLASS, "IngressClass", "", name, field, optional=optional))
    return links


def _derive_ingress(ingress: Peer, neighborhood: Neighborhood) -> Derived:
    if ingress.status.severity != READY:
        return Derived(ingress.status)
    for type, kind, reason in (
        (ROUTES_TO, "Service", "BackendMissing"),
        (USES_SECRET, "Secret", "TLSSecretMissing"),
    ):
        names = sorted({each.name for each in neighborhood.unresolved if each.type == type})
        if names:
            return Derived(Status(ERROR, reason, f"{kind} not found: {', '.join(names)}"))
    status = _judge_backends(ingress.status, neighborhood)
    return Derived(_judge_unseen(neighborhood) or status if status.severity == READY else status)


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


def _judge_backends(status: Status, neighborhood: Neighborhood) -> Status:
    services = sorted(neighborhood.outgoing(ROUTES_TO, "Service"), key=lambda service: service.name)
    unready = [
        each
        for each in services
        if each.status.severity == UNKNOWN or (each.details.has_selector and each.status.severity != READY)
    ]
    failing = [each for each in unready if each.status.severity == ERROR]
    if not unready:
        return status
    pending = [each for each in unready if each.status.severity == PENDING]
    worst = (failing or pending or unready)[0]
    message = f"service {worst.name}: {worst.status.reason}: {worst.status.message}"
    if failing:
        return Status(ERROR, "BackendUnavailable", message, worst.status.since)
    if worst.status.severity == UNKNOWN:
        return Status(UNKNOWN, "BackendUnknown", message, worst.status.since)
    return Status(PENDING, "BackendPending", message, worst.status.since)


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
    makes=((ROUTES_TO, "Service"), (USES_SECRET, "Secret"), (USES_CLASS, "IngressClass")),
    derive=_derive_ingress,
    reads=(Read("outgoing", ROUTES_TO, "Service"), Read("outgoing", USES_SECRET, "Secret")),
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


class NetworkPolicySpec(Projection):
    pod_selector: LabelSelector | None = None


class NetworkPolicy(Manifest):
    spec: NetworkPolicySpec | None = None


def _policy_links(policy: NetworkPolicy) -> tuple[Link, ...]:
    selector = selector_of((policy.spec or NetworkPolicySpec()).pod_selector)
    if selector is None:
        return ()
    return (Select(SELECTS, "Pod", policy.metadata.namespace, selector, "spec.podSelector"),)


NETWORK_POLICY = Kind(
    name="NetworkPolicy",
    group="networking.k8s.io",
    version="v1",
    plural="networkpolicies",
    layer="policy",
    column=2,
    short_names=("netpol",),
    manifest=NetworkPolicy,
    status=always_ready,
    links=_policy_links,
    makes=((SELECTS, "Pod"),),
    optional=True,
)
