"""References that are packed into one text, and the names under which a permission is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from astrolabe.graph.state.identity import GroupKind


class PackedTarget(NamedTuple):
    """What a text means. kind, namespace: None if it does not say."""

    name: str
    namespace: str | None = None
    kind: GroupKind | None = None


#: The kind whose objects permit references from other namespaces.
REFERENCE_GRANT = GroupKind("gateway.networking.k8s.io", "ReferenceGrant")
#: Where Istio has hosts that are no Kubernetes Service.
SERVICE_ENTRY = GroupKind("networking.istio.io", "ServiceEntry")
_SERVICE = GroupKind("", "Service")
_FQDN = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\..*)?\Z")


def unpacker(packing: str) -> Callable[[str], Iterable[PackedTarget]]:
    """How texts of this form are read."""
    match packing:
        case "namespace/name":
            return _pair
        case "kind/namespace/name":
            return _triple
        case "names":
            return _names
        case "flux-inventory":
            return _inventory
        case "host":
            return _host
    return _plain


def _plain(text: str) -> tuple[PackedTarget, ...]:
    return (PackedTarget(text),)


def _pair(text: str) -> tuple[PackedTarget, ...]:
    """`ns/name`, or a name alone."""
    namespace, slash, name = text.partition("/")
    if not slash:
        return (PackedTarget(text),)
    return (PackedTarget(name, None if namespace == "." else namespace),)


#: The kinds that external-dns makes records for, as its labels name them.
_LOWER_KINDS = {
    "service": _SERVICE,
    "ingress": GroupKind("networking.k8s.io", "Ingress"),
    "node": GroupKind("", "Node"),
    "pod": GroupKind("", "Pod"),
    "gateway": GroupKind("gateway.networking.k8s.io", "Gateway"),
    "httproute": GroupKind("gateway.networking.k8s.io", "HTTPRoute"),
    "grpcroute": GroupKind("gateway.networking.k8s.io", "GRPCRoute"),
    "tlsroute": GroupKind("gateway.networking.k8s.io", "TLSRoute"),
    "tcproute": GroupKind("gateway.networking.k8s.io", "TCPRoute"),
    "udproute": GroupKind("gateway.networking.k8s.io", "UDPRoute"),
    "crd": GroupKind("externaldns.k8s.io", "DNSEndpoint"),
    "virtualservice": GroupKind("networking.istio.io", "VirtualService"),
    "httpproxy": GroupKind("projectcontour.io", "HTTPProxy"),
    "ingressroute": GroupKind("traefik.io", "IngressRoute"),
}


def _triple(text: str) -> tuple[PackedTarget, ...]:
    """`service/ns/name`."""
    parts = text.split("/")
    kind = _LOWER_KINDS.get(parts[0].lower())
    if len(parts) != 3 or kind is None:
        return ()
    return (PackedTarget(parts[2], parts[1], kind),)


def _names(text: str) -> Iterator[PackedTarget]:
    """Names with commas between."""
    for name in text.split(","):
        if name.strip():
            yield PackedTarget(name.strip())


def inventory_entry(text: str) -> tuple[str, str, tuple[str, str]] | None:
    """(namespace, name, (group, kind)) of the id that cli-utils gives an object:
    `<namespace>_<name>_<group>_<kind>`, with `:` written `__`."""
    rest, first, kind = text.rpartition("_")
    rest, second, group = rest.rpartition("_")
    namespace, third, name = rest.partition("_")
    if not (first and second and third and name and kind):
        return None
    return namespace, name.replace("__", ":"), (group, kind)


def _inventory(text: str) -> tuple[PackedTarget, ...]:
    found = inventory_entry(text)
    return () if found is None else (PackedTarget(found[1], found[0], GroupKind(*found[2])),)


def _host(text: str) -> tuple[PackedTarget, ...]:
    """A host of Istio: a short name is a Service of the own namespace, `<name>.<ns>.svc…` one of another, and
    everything else the host of a ServiceEntry."""
    match = _FQDN.match(text)
    if match is not None:
        return (PackedTarget(match[1], match[2], _SERVICE),)
    if "." in text or "*" in text:
        return (PackedTarget(text, "", SERVICE_ENTRY),)
    return (PackedTarget(text, None, _SERVICE),)


def namespace_of(host: str, own: str) -> str:
    """The namespace of the Service that a host means; "" if it means none. own: that of who names it."""
    match = _FQDN.match(host)
    if match is not None:
        return match[2]
    return "" if "." in host or "*" in host else own


def subset(host: str, name: str, namespace: str) -> str:
    """Under which a subset of a host is found. namespace: of who names the host; a short one is there."""
    match = _FQDN.match(host)
    if match is not None:
        host = f"{match[1]}.{match[2]}"
    elif "." not in host and "*" not in host:
        host = f"{host}.{namespace}"
    return f"subset {name} of {host}"


def permit(holder: GroupKind, namespace: str, kind: GroupKind, name: str) -> tuple[str, str]:
    """The names under which a permission for a reference is found: for this object, for all of its kind."""
    subject = f"{holder.group}/{holder.kind}/{namespace}>{kind.group}/{kind.kind}/"
    return (f"{subject}{name}", f"{subject}*")
