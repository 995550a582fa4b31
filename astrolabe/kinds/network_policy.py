"""NetworkPolicy: which Pods it selects, and who may talk to them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from astrolabe.graph.model.links import Link, Ref, Select
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.edge_types import ALLOWS, SELECTS
from astrolabe.graph.state.identity import NAMESPACE
from astrolabe.kinds.common import always_ready, selector_of
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, LabelSelector, Manifest, Projection

#: The API server sets this label on every Namespace.
_NAME_LABEL = "kubernetes.io/metadata.name"


class PolicyPeer(Projection):
    """Addresses (`ipBlock`) are of nothing that the graph has."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None


class IncomingTraffic(Projection):
    peers: Items[PolicyPeer] | None = msgspec.field(default=None, name="from")


class OutgoingTraffic(Projection):
    peers: Items[PolicyPeer] | None = msgspec.field(default=None, name="to")


class NetworkPolicySpec(Projection):
    """A rule without peers allows everyone, which is no edge."""

    pod_selector: LabelSelector | None = None
    ingress: Items[IncomingTraffic] | None = None
    egress: Items[OutgoingTraffic] | None = None


class NetworkPolicy(Manifest):
    spec: NetworkPolicySpec | None = None


def _policy_links(policy: NetworkPolicy) -> list[Link]:
    spec, namespace = policy.spec or NetworkPolicySpec(), policy.metadata.namespace
    links: list[Link] = []
    selector = selector_of(spec.pod_selector)
    if selector is not None:
        links.append(Select(SELECTS, "Pod", namespace, selector, "spec.podSelector"))
    for field, peer in _peers(spec):
        link = _link_peer(peer, field, namespace)
        if link is not None:
            links.append(link)
    return links


def _peers(spec: NetworkPolicySpec) -> Iterator[tuple[str, PolicyPeer]]:
    """All peers, each with its field."""
    for index, incoming in enumerate(spec.ingress or ()):
        for number, peer in enumerate(incoming.peers or ()):
            yield f"spec.ingress[{index}].from[{number}]", peer
    for index, outgoing in enumerate(spec.egress or ()):
        for number, peer in enumerate(outgoing.peers or ()):
            yield f"spec.egress[{index}].to[{number}]", peer


def _link_peer(peer: PolicyPeer, field: str, own: str) -> Link | None:
    """Pods of one namespace if the peer names it, otherwise the namespaces; none if it means all of them."""
    pods, namespaces = selector_of(peer.pod_selector), selector_of(peer.namespace_selector)
    if peer.namespace_selector is None:
        return _link_pods(pods, own, field) if pods is not None else None
    if namespaces is None or not namespaces.requirements:
        return None
    name = _named(namespaces)
    if name is not None:
        return _link_pods(pods or Selector(), name, field)
    return Select(ALLOWS, NAMESPACE, "", namespaces, field)


def _link_pods(pods: Selector, namespace: str, field: str) -> Link:
    """All Pods of a namespace are the namespace."""
    if not pods.requirements:
        return Ref(ALLOWS, NAMESPACE, "", namespace, field, optional=True)
    return Select(ALLOWS, "Pod", namespace, pods, field)


def _named(namespaces: Selector) -> str | None:
    """The name of the only namespace that is selected, if it is selected by name."""
    pairs = list(namespaces.pinned())
    if len(namespaces.requirements) == len(pairs) == 1 and pairs[0][0] == _NAME_LABEL:
        return pairs[0][1]
    return None


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
    makes=((SELECTS, "Pod"), (ALLOWS, "Pod"), (ALLOWS, NAMESPACE)),
    optional=True,
)
