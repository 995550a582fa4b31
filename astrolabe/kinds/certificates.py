"""cert-manager's part in the TLS Secrets of Ingresses: which Certificate makes one, and who issues it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from astrolabe.graph.model.facts import Peer, Read
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.edge_types import USES
from astrolabe.graph.state.identity import GroupKind
from astrolabe.graph.state.status import READY
from astrolabe.kinds.common import LONGEST_QUOTE, shortened
from astrolabe.kinds.manifest import Annotations

#: Found by the name of the Secret that it makes, which is its alias.
CERTIFICATE = GroupKind("cert-manager.io", "Certificate").key
READS_CERTIFICATES = Read("outgoing", USES, CERTIFICATE)

_FIELD = "metadata.annotations[cert-manager.io/{}]"


def link_certificate(namespace: str, secret: str, field: str) -> Ref:
    """The Certificate that makes the Secret, if there is one."""
    return Ref(USES, CERTIFICATE, namespace, secret, field, optional=True)


def link_injected(annotations: Annotations | None) -> list[Ref]:
    """The Certificate whose authority cert-manager writes into a webhook or another callee's definition."""
    namespace, _, name = (annotations.inject_ca_from if annotations is not None else "").partition("/")
    if not (namespace and name):
        return []
    return [Ref(USES, CERTIFICATE, namespace, name, _FIELD.format("inject-ca-from"))]


def link_issuer(annotations: Annotations | None, namespace: str) -> list[Ref]:
    """Who issues the Certificate that cert-manager makes for an Ingress with one of its annotations."""
    if annotations is None:
        return []
    if annotations.cluster_issuer:
        kind = GroupKind("cert-manager.io", "ClusterIssuer").key
        return [Ref(USES, kind, "", annotations.cluster_issuer, _FIELD.format("cluster-issuer"))]
    if annotations.issuer and not (annotations.issuer_kind or annotations.issuer_group):
        kind = GroupKind("cert-manager.io", "Issuer").key
        return [Ref(USES, kind, namespace, annotations.issuer, _FIELD.format("issuer"))]
    return []  # one of another group may be of any scope


def tell_issuer(annotations: Annotations | None) -> str:
    """Who issues it, for a sentence; "" if cert-manager is not asked for one."""
    if annotations is None:
        return ""
    if annotations.cluster_issuer:
        return f"ClusterIssuer {annotations.cluster_issuer}"
    if annotations.issuer:
        return f"{annotations.issuer_kind or 'Issuer'} {annotations.issuer}"
    return "the default issuer" if annotations.tls_acme == "true" else ""


def tell_makers(secrets: Sequence[str], certificates: Iterable[Peer], issuer: str) -> str:
    """Who should make the missing Secrets, as a sentence; "" if nobody is known."""
    known = sorted(certificates, key=lambda each: (each.status.severity == READY, each.name))
    if known:
        status = known[0].status
        words = (status.reason, shortened(status.message, LONGEST_QUOTE))
        return f"Certificate {known[0].name} should make it: {': '.join([word for word in words if word])}"
    if not issuer:
        return ""
    plural = "s" if secrets[1:] else ""
    return f"cert-manager should make it from Certificate{plural} {', '.join(secrets)}, with {issuer}"
