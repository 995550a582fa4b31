import pytest

from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.status import Status
from tests.kinds.support import Json, fields, judge, make

HELM = {"owner": "helm", "name": "shop", "version": "2", "status": "deployed"}
NAME = "sh.helm.release.v1.shop.v2"


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "ServiceAccount"])
def test_always_ready(kind: str) -> None:
    assert judge(kind) == Status("Ready", "Ready")


def test_a_helm_release() -> None:
    facts = make("Secret", metadata={"name": NAME, "labels": HELM})
    assert facts.metadata["type"] == "helm.sh/release.v1"
    assert facts.revision == HelmRevision(Release("shop", "shop"), 2, "deployed")


@pytest.mark.parametrize(
    ("name", "labels"),
    [("credentials", HELM), (NAME, {**HELM, "owner": "someone"}), (NAME, None), ("credentials", {})],
)
def test_no_helm_release(name: str, labels: Json | None) -> None:
    facts = make("Secret", metadata={"name": name, "labels": labels})
    assert "type" not in facts.metadata
    assert facts.revision is None


@pytest.mark.parametrize(
    "odd",
    [
        {"version": "two"},
        {"version": ""},
        {"version": "-1"},
        {"version": "1.5"},
        {"version": "٢"},
        {"name": ""},
    ],
)
def test_a_helm_release_with_invalid_labels(odd: Json) -> None:
    facts = make("Secret", metadata={"name": NAME, "labels": {**HELM, **odd}})
    assert facts.metadata["type"] == "helm.sh/release.v1"
    assert facts.revision is None


def test_labels_of_a_helm_release_may_be_missing() -> None:
    assert make("Secret", metadata={"name": NAME, "labels": {"owner": "helm"}}).revision is None
    labels = {key: HELM[key] for key in ("owner", "name", "version")}
    expected = HelmRevision(Release("shop", "shop"), 2, "")
    assert make("Secret", metadata={"name": NAME, "labels": labels}).revision == expected


def test_values_are_not_decoded_even_if_sent() -> None:
    facts = make("Secret", data={"password": "aHVudGVyMg=="}, stringData={"p": "hunter2"}, type="Opaque")
    assert facts == make("Secret")


def test_secrets_of_an_account() -> None:
    facts = make(
        "ServiceAccount",
        secrets=[{"name": "token"}, {"name": ""}, {}],
        imagePullSecrets=[{"name": "regcred"}],
    )
    assert fields(facts) == [
        ("uses-secret", "Secret/shop/token", "secrets[token]"),
        ("uses-secret", "Secret/shop/regcred", "imagePullSecrets[regcred]"),
    ]
