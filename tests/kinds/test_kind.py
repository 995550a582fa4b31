"""The parts of an entry that are worked out from the others, on a kind of our own."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from astrolabe.graph.model.facts import Facts, Read, Rules
from astrolabe.graph.model.links import Link, Ref, RefByUid
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.status import READY, Status
from astrolabe.kinds import warnings
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest, Projection
from astrolabe.kinds.metadata import Metadata
from astrolabe.kinds.worst import derive_from_pods
from tests.kinds.support import make
from tests.support.kinds import KINDS, KINDS_BY_NAME


class WidgetStatus(Projection):
    observed_generation: int | None = None


class Widget(Manifest):
    colour: str = ""
    status: WidgetStatus | None = None


class WidgetMetadata(Metadata):
    colour: str = ""
    text: str = ""
    none: int | None = None
    list: Sequence[str] = []
    zero: int | None = None
    false: bool | None = None


def _metadata(widget: Widget) -> WidgetMetadata:
    return WidgetMetadata(colour=widget.colour, list=[], zero=0, false=False)


def _links(widget: Widget) -> list[Link]:
    return [Ref("uses-secret", "Secret", widget.metadata.namespace, "s", "spec.secret")]


WIDGET = Kind(
    name="Widget",
    group="example.com",
    version="v1beta1",
    plural="widgets",
    layer="workload",
    manifest=Widget,
    status=lambda widget: Status(READY, widget.colour),
    metadata=_metadata,
    shows=WidgetMetadata,
    links=_links,
    selectable=lambda widget: {"colour": widget.colour},
    aliases=lambda widget: ("w",),
    details=lambda widget: widget.colour,
    revision=lambda widget: HelmRevision(Release("n", "r"), 1, "deployed"),
    derive=derive_from_pods,
    reads=(Read("outgoing", "owns", "Pod"),),
    namespaced=False,
)

META = {
    "name": "x",
    "namespace": "shop",
    "uid": "u1",
    "generation": 2,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "labels": {"helm.sh/chart": "shop-1"},
    "annotations": {"meta.helm.sh/release-name": "shop", "other": "not kept"},
    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "u0"}],
    "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:metadata": {}}}],
}


def widget(**parts: Any) -> Widget:
    return WIDGET.decoder.decode(msgspec.json.encode({"metadata": META, "colour": "red", **parts}))


def test_api_paths() -> None:
    assert WIDGET.api_version == "example.com/v1beta1"
    assert WIDGET.path == "/apis/example.com/v1beta1/widgets"
    assert WIDGET.path_in("shop") == "/apis/example.com/v1beta1/namespaces/shop/widgets"
    pods = KINDS_BY_NAME["Pod"]
    assert (pods.api_version, pods.path_in("shop")) == ("v1", "/api/v1/namespaces/shop/pods")


def test_rules() -> None:
    assert WIDGET.rules == Rules(
        kind="Widget.example.com",
        name="Widget",
        api_version="example.com/v1beta1",
        namespaced=False,
        derive=derive_from_pods,
        reads=(Read("outgoing", "owns", "Pod"),),
        warn=warnings.tell,
    )


def test_facts() -> None:
    field = "metadata.ownerReferences[0].uid"
    assert WIDGET.facts(widget()) == Facts(
        kind="Widget.example.com",
        uid="u1",
        name="x",
        namespace="shop",
        labels={"helm.sh/chart": "shop-1"},
        status=Status(READY, "red"),
        metadata={"colour": "red", "zero": 0, "false": False, "creationTimestamp": "2026-01-01T00:00:00Z"},
        links=(
            RefByUid("owns", "u0", "Deployment", "shop", "d", field, reverse=True, group="apps"),
            Ref("uses-secret", "Secret", "shop", "s", "spec.secret"),
        ),
        release=Release("shop", "shop"),
        chart="shop-1",
        selectable={"colour": "red"},
        aliases=("w",),
        details="red",
        revision=HelmRevision(Release("n", "r"), 1, "deployed"),
    )


def test_the_first_steps_of_every_status() -> None:
    assert WIDGET.facts(widget(status={"observedGeneration": 1})).status.reason == "Progressing"
    assert WIDGET.facts(widget(status={"observedGeneration": 2})).status.reason == "red"
    assert WIDGET.facts(widget(status=None)).status.reason == "red"


def test_decoding_an_event() -> None:
    event = WIDGET.event_decoder.decode(b'{"type":"ADDED","object":{"metadata":{"uid":"u1"},"colour":"red"}}')
    assert (event.type, event.object.metadata.uid, event.object.colour) == ("ADDED", "u1", "red")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_reports_its_deletion(kind: Kind[Any]) -> None:
    facts = make(kind.name, metadata={"deletionTimestamp": "2026-01-02T00:00:00Z"})
    assert (facts.status.severity, facts.status.reason) == ("Pending", "Terminating")
    assert facts.status.since == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_accepts_an_empty_object(kind: Kind[Any]) -> None:
    bare = make(kind.name)
    assert (bare.name, bare.uid) == ("x", "u-x")
    nothing = make(kind.name, spec=None, status=None, endpoints=None, secrets=None, imagePullSecrets=None)
    assert nothing == bare
    assert make(kind.name, spec={}, status={}).status == bare.status
