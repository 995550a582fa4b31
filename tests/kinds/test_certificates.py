import pytest

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import Status
from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.entry import entry_of
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.network import IngressDetails
from tests.graph.test_model import World
from tests.kinds.custom.support import facts
from tests.kinds.support import Json, Other, condition, derive, fields, make
from tests.support.kinds import KINDS

OWN = Status("Ready", "Ready", "No address yet")
MISSING = Ref("uses-secret", "Secret", "shop", "tls", "spec.tls[0].secretName")
NOT_FOUND = "Secret not found: tls"


@pytest.mark.parametrize(
    ("annotations", "issuer", "links"),
    [
        (
            {"cert-manager.io/cluster-issuer": "letsencrypt"},
            "ClusterIssuer letsencrypt",
            [
                (
                    "uses",
                    "ClusterIssuer.cert-manager.io//letsencrypt",
                    "metadata.annotations[cert-manager.io/cluster-issuer]",
                )
            ],
        ),
        (
            {"cert-manager.io/issuer": "ca"},
            "Issuer ca",
            [("uses", "Issuer.cert-manager.io/shop/ca", "metadata.annotations[cert-manager.io/issuer]")],
        ),
        (
            {"cert-manager.io/issuer": "pca", "cert-manager.io/issuer-kind": "AWSPCAIssuer"},
            "AWSPCAIssuer pca",
            [],
        ),
        ({"kubernetes.io/tls-acme": "true"}, "the default issuer", []),
        ({"kubernetes.io/tls-acme": "false"}, "", []),
        ({}, "", []),
        (None, "", []),
    ],
)
def test_maker_of_a_secret_by_annotations(
    annotations: Json | None, issuer: str, links: list[tuple[str, str, str]]
) -> None:
    ingress = make("Ingress", metadata={"annotations": annotations})
    assert ingress.details == IngressDetails(issuer=issuer)
    assert fields(ingress) == links
    message = f"{NOT_FOUND}. cert-manager should make it from Certificate tls, with {issuer}"
    derived = derive("Ingress", OWN, details=ingress.details, unresolved=[MISSING])
    assert derived.status == Status("Error", "TLSSecretMissing", message if issuer else NOT_FOUND)


def certificate(name: str, status: Status) -> tuple[str, Other]:
    return "uses", Other("Certificate.cert-manager.io", name, status)


def test_maker_of_a_secret_by_certificates() -> None:
    failing = certificate("b", Status("Error", "IssuanceFailed", "issuing failed 3 times"))
    fine = certificate("a", Status("Ready", "Ready", "up to date"))
    details = IngressDetails(issuer="Issuer ca")
    derived = derive("Ingress", OWN, details=details, unresolved=[MISSING], out=[fine, failing])
    message = f"{NOT_FOUND}. Certificate b should make it: IssuanceFailed: issuing failed 3 times"
    assert derived.status == Status("Error", "TLSSecretMissing", message)
    assert derive("Ingress", OWN, details=details, out=[fine, failing]).status == OWN


CERTIFICATE = entry_of(
    Definition(
        group="cert-manager.io",
        kind="Certificate",
        plural="certificates",
        versions=(ServedVersion("v1", (), True),),
    ),
    RuleBook.shipped(),
)


def www(**status: object) -> Facts:
    """A Certificate that has another name than the Secret that it makes."""
    issuer = {"kind": "ClusterIssuer", "name": "letsencrypt-prod"}
    spec = {"secretName": "tls", "issuerRef": issuer}
    return facts(CERTIFICATE, metadata={"name": "www", "uid": "u-www"}, spec=spec, status=status)


def test_a_certificate_is_found_by_its_secret() -> None:
    world = World(None, [*[kind.rules for kind in KINDS], CERTIFICATE.rules])
    for kind in (*KINDS, CERTIFICATE):
        world.step((kind.key, "", True))

    def said() -> str:
        world.commit()
        document = world.graph.nodes["u-x"].document()
        assert document["reason"] == "TLSSecretMissing"
        return str(document["message"])

    world.step(make("Ingress", spec={"tls": [{"secretName": "tls"}]}))
    assert said() == NOT_FOUND
    world.step(www(conditions=[condition("Issuing", "True", "DoesNotExist", "Secret does not exist")]))
    assert said() == f"{NOT_FOUND}. Certificate www should make it: DoesNotExist: Secret does not exist"
    world.step(www(conditions=[condition("Ready", "False", "Denied", "The request was denied")]))
    assert said() == f"{NOT_FOUND}. Certificate www should make it: Denied: The request was denied"
    world.step("u-www")
    assert said() == NOT_FOUND


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("ValidatingWebhookConfiguration", {"webhooks": []}),
        ("MutatingWebhookConfiguration", {"webhooks": []}),
        ("APIService", {"spec": {}}),
        ("CustomResourceDefinition", {"spec": {}}),
    ],
)
def test_users_of_an_injected_certificate_authority(kind: str, parts: Json) -> None:
    annotations = {"cert-manager.io/inject-ca-from": "certs/serving"}
    found = make(kind, metadata={"namespace": "", "annotations": annotations}, **parts)
    assert fields(found) == [
        (
            "uses",
            "Certificate.cert-manager.io/certs/serving",
            "metadata.annotations[cert-manager.io/inject-ca-from]",
        )
    ]
