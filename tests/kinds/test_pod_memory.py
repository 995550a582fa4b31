"""A watch that remembers its pods reads the same as one that does not."""

from __future__ import annotations

import json
from itertools import pairwise, product
from typing import Any

import pytest

from astrolabe.kinds.manifest import ObjectMeta
from astrolabe.kinds.pod_memory import MOST_PODS, PodMemory
from astrolabe.kube.events import Deletion, InvalidObject, Upserted, decode
from tests.support.kinds import KINDS_BY_NAME
from tests.support.recording import Recording

POD = KINDS_BY_NAME["Pod"]

PLAIN: dict[str, Any] = {
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "uid": "u1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app": "web"},
        "annotations": {"meta.helm.sh/release-name": "shop"},
        "ownerReferences": [{"uid": "r1", "kind": "ReplicaSet", "name": "web", "apiVersion": "apps/v1"}],
    },
    "spec": {
        "nodeName": "n1",
        "containers": [{"name": "web", "image": "web:1", "ports": [{"name": "http"}]}],
        "volumes": [{"name": "tls", "secret": {"secretName": "tls"}}, {"name": "work", "ephemeral": {}}],
        "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "gpu"}],
    },
    "status": {"phase": "Running"},
}


def line(manifest: dict[str, Any], type: str = "MODIFIED") -> bytes:
    return json.dumps({"type": type, "object": manifest}).encode()


def changed(part: str, **fields: Any) -> dict[str, Any]:
    return {**PLAIN, part: {**PLAIN[part], **fields}}


def facts(line: bytes, reader: Any = None) -> Any:
    event = decode(POD, line, reader)
    assert isinstance(event, Upserted)
    return POD.facts(event.manifest)


def test_recorded_pods_are_decoded_alike() -> None:
    reader = POD.event_reader()
    known = 0
    for each in Recording().lines(POD):
        plain, remembered = decode(POD, each), decode(POD, each, reader)
        if isinstance(plain, Upserted):
            assert isinstance(remembered, Upserted)
            assert POD.facts(remembered.manifest) == POD.facts(plain.manifest)
            known += 1
        else:
            assert remembered == plain
    assert known > 100


@pytest.mark.parametrize(
    "other",
    [
        changed("metadata", labels={"app": "other"}),
        changed("metadata", labels={}),
        changed("metadata", ownerReferences=[]),
        changed("metadata", annotations={"meta.helm.sh/release-name": "other"}),
        changed("metadata", annotations={"kubernetes.io/config.mirror": "m"}),
        changed("metadata", deletionTimestamp="2026-01-01T00:00:00Z"),
        changed("spec", nodeName="n2"),
        changed("spec", containers=[{"name": "web", "image": "web:2"}]),
        changed("spec", volumes=[]),
        changed("status", phase="Succeeded"),
        changed("status", resourceClaimStatuses=[{"name": "gpu", "resourceClaimName": "web-1-gpu"}]),
        {"metadata": PLAIN["metadata"]},
        {**PLAIN, "spec": None},
    ],
)
def test_every_change_and_its_reversal_are_noticed(other: dict[str, Any]) -> None:
    reader = POD.event_reader()
    for manifest in (PLAIN, other, other, PLAIN):
        assert facts(line(manifest), reader) == facts(line(manifest))


def test_an_unchanged_spec_is_decoded_once() -> None:
    reader = POD.event_reader()
    first, second = (
        decode(POD, line(changed("status", phase=each)), reader) for each in ("Pending", "Running")
    )
    assert isinstance(first, Upserted)
    assert isinstance(second, Upserted)
    assert first.manifest.spec is second.manifest.spec
    assert POD.facts(first.manifest).links[1] is POD.facts(second.manifest).links[1]


def scheduled(where: str) -> bytes:
    """The line of a pod once it has a Node. where: what stands around the name in its spec; `$` is the name."""
    spec = '"containers":[{"name":"web"}],"volumes":[{"name":"tls","secret":{"secretName":"tls"}}],'
    text = f'"metadata":{{"name":"web-1","uid":"u1"}},"spec":{{{spec}{where}"nodeSelector":{{"a":"b"}}}}'
    return b'{"type":"MODIFIED","object":{%b}}' % text.encode()


def test_of_a_newly_scheduled_pod_only_the_node_is_decoded() -> None:
    reader = POD.event_reader()
    lines = scheduled(""), scheduled('"nodeName":"n1",')
    first, second = [decode(POD, each, reader) for each in lines]
    assert isinstance(first, Upserted)
    assert isinstance(second, Upserted)
    assert second.manifest.spec.containers is first.manifest.spec.containers
    before, after = POD.facts(first.manifest), POD.facts(second.manifest)
    assert (before, after) == (facts(lines[0]), facts(lines[1]))
    assert after.links[:-1] == before.links


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '"nodeName":"n1",'),
        ("", '"nodeName":"n\\u0031",'),
        ("", '"nodeName":"n1","nodeName":"n2",'),
        ("", '"x":{"nodeName":"n1","y":1},'),
        ("", '"x":"\\"nodeName\\":\\"n1\\",",'),
        ('"x\\"b":1,', '"x\\"nodeName":"n1","b":1,'),
        ('"x":{"b":1},"\\u006eodeName":"",', '"x":{"nodeName":"n1","b":1},"\\u006eodeName":"",'),
        ('"nodeName":"",', '"nodeName":"n1",'),
        ('"nodeName":"n1",', '"nodeName":"n2",'),
        ('"nodeName":"n1",', ""),
    ],
)
def test_the_node_name_is_decoded_alike_wherever_it_is_in_the_text(before: str, after: str) -> None:
    reader = POD.event_reader()
    for each in (before, after, after, before):
        told = decode(POD, scheduled(each), reader)
        plain = decode(POD, scheduled(each))
        if isinstance(plain, Upserted):
            assert isinstance(told, Upserted)
            assert POD.facts(told.manifest) == POD.facts(plain.manifest)
        else:
            assert told == plain


def deleted(at: str, grace: int, **more: Any) -> bytes:
    return line(changed("metadata", deletionTimestamp=at, deletionGracePeriodSeconds=grace, **more))


def test_an_unchanged_pod_is_not_judged_again() -> None:
    reader = POD.event_reader()
    lines = (
        line(changed("metadata", resourceVersion="1")),
        line(changed("metadata", resourceVersion="2")),
        deleted("2026-01-01T00:00:30Z", 30, resourceVersion="3"),
        deleted("2026-01-01T00:00:00Z", 0, resourceVersion="4"),
        deleted("2026-01-01T00:00:00Z", 0, finalizers=["a/b"]),
        deleted("2026-01-01T00:00:01Z", 0, finalizers=["a/b"]),
    )
    said = [facts(each, reader) for each in lines]
    assert said == [facts(each) for each in lines]
    assert [later is earlier for earlier, later in pairwise(said)] == [True, False, True, False, False]


METADATA: list[dict[str, Any]] = [
    {},
    {"labels": {"app": "web", "zone": "a"}},
    {"labels": {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "shop"}},
    {"annotations": {"kubernetes.io/config.mirror": "m"}},
    {"ownerReferences": [{"uid": "j", "kind": "Job", "name": "j", "controller": True}]},
    {"finalizers": ["a/b"]},
    {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 30},
    {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0},
    {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b"]},
    {"creationTimestamp": "2026-01-02T00:00:00Z"},
    {"name": "web-2"},
    {"namespace": "other"},
]
SPECS: list[dict[str, Any]] = [
    {},
    {"nodeName": ""},
    {"nodeName": "n2"},
    {"containers": [{"name": "web", "image": "web:2"}]},
    {"serviceAccountName": "robot"},
]
STATUSES: list[dict[str, Any]] = [
    {},
    {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "full"}]},
    {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
    {"phase": "Failed", "reason": "Evicted"},
    {"resourceClaimStatuses": [{"name": "gpu", "resourceClaimName": "web-1-gpu"}]},
]


CHANGES = [("metadata", each) for each in METADATA]
CHANGES += [("spec", each) for each in SPECS] + [("status", each) for each in STATUSES]


def test_every_change_is_decoded_alike() -> None:
    """Each state after each other, and as it was again; now and then the pod is deleted in between."""
    reader = POD.event_reader()
    for number, (before, after) in enumerate(product(CHANGES, CHANGES)):
        for part, values in (before, after, before):
            manifest = {**PLAIN, part: {**PLAIN[part], **values}}
            text = json.dumps({"type": "MODIFIED", "object": manifest}, separators=(",", ":")).encode()
            assert facts(text, reader) == facts(text), (before, after)
        if not number % 7:
            decode(POD, line(PLAIN, "DELETED"), reader)


def test_all_of_the_metadata_is_compared() -> None:
    """But for what changes each time, and what says nothing of a pod. Add to `MetaFacts.says` what is new here."""
    uncompared = {"uid", "resource_version", "generation"}
    of_the_end = {"deletion_timestamp", "deletion_grace_period_seconds", "finalizers"}
    compared = {"name", "namespace", "creation_timestamp", "labels", "annotations", "owner_references"}
    assert set(ObjectMeta.__struct_fields__) == uncompared | of_the_end | compared


def test_facts_belong_to_what_was_decoded_whenever_they_are_read() -> None:
    reader = POD.event_reader()
    first, second, third = [
        decode(POD, line(changed("status", phase=phase)), reader)
        for phase in ("Pending", "Running", "Running")
    ]
    assert isinstance(first, Upserted)
    assert isinstance(second, Upserted)
    assert isinstance(third, Upserted)
    assert POD.facts(first.manifest).metadata["phase"] == "Pending"
    assert "phase" not in POD.facts(third.manifest).metadata
    assert POD.facts(second.manifest) == POD.facts(third.manifest)


@pytest.mark.parametrize(
    "wrong",
    [
        line(changed("spec", containers=[{"name": 7}])),
        line(changed("spec", nodeName={})),
        line(PLAIN)[:-20],
        line({"metadata": {"name": "web-1"}}),
        line(changed("status", phase=1)),
        line({**PLAIN, "spec": 1}),
        line(PLAIN).replace(b'"n1"', b"[" * 100_000 + b"]" * 100_000),
    ],
)
def test_invalid_pods_raise_the_same_error(wrong: bytes) -> None:
    reader = POD.event_reader()
    facts(line(PLAIN), reader)
    told = decode(POD, wrong, reader)
    assert told == decode(POD, wrong)
    assert not isinstance(told, Upserted)
    assert facts(line(PLAIN), reader) == facts(line(PLAIN))


def test_a_deleted_pod_is_forgotten() -> None:
    reader = POD.event_reader()
    assert isinstance(reader, PodMemory)
    facts(line(PLAIN, "ADDED"), reader)
    assert len(reader) == 1
    assert decode(POD, line(PLAIN, "DELETED"), reader) == Deletion("u1", "")
    assert len(reader) == 0
    assert isinstance(decode(POD, line(changed("spec", nodeName=1)), reader), InvalidObject)
    assert len(reader) == 0


def test_the_number_of_remembered_pods_is_limited() -> None:
    reader = POD.event_reader()
    assert isinstance(reader, PodMemory)
    for number in range(MOST_PODS + 3):
        decode(POD, line(changed("metadata", uid=f"u{number}")), reader)
    assert len(reader) == MOST_PODS
