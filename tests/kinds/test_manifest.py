"""The allow-list of annotations, on everything that was recorded of Secrets and ConfigMaps."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from astrolabe.kinds.manifest import Annotations, Manifest, ObjectMeta
from tests.kinds.support import Json, plain
from tests.support.kinds import KINDS, KINDS_BY_NAME

RECORDINGS = Path(__file__).parent.parent / "recordings"
CANARY = "s3cr3t-must-never-leak"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def recorded(plural: str) -> Iterator[Json]:
    """Every version of every object that was recorded of a kind."""
    folder = RECORDINGS / "shop"
    for line in (folder / f"{plural}.watch.jsonl").read_text().splitlines():
        event = json.loads(line.split("\t", 1)[1])
        if event["type"] != "BOOKMARK":
            yield event["object"]
    for file in (f"{plural}.list.json", f"{plural}.final.json"):
        yield from json.loads((folder / file).read_text())["items"]


def objects_in(value: Any) -> Iterator[Json]:
    """Every object with metadata, however deep, in JSON values and in texts that hold JSON."""
    match value:
        case dict():
            if isinstance(value.get("metadata"), dict) and "name" in value["metadata"]:
                yield value
            for item in value.values():
                yield from objects_in(item)
        case list():
            for item in value:
                yield from objects_in(item)
        case str() if value.startswith("{"):
            for line in value.splitlines():
                try:
                    parsed = json.loads(line)
                except ValueError:
                    continue
                yield from objects_in(parsed)


@pytest.mark.parametrize("plural", ["secrets", "configmaps"])
def test_values_of_secrets_are_never_decoded(plural: str) -> None:
    kind = next(kind for kind in KINDS if kind.plural == plural)
    objects = list(recorded(plural))
    for value in objects:
        manifest = kind.decoder.decode(json.dumps(value))
        facts = kind.facts(manifest)
        for text in (repr(manifest), msgspec.json.encode(manifest).decode(), repr(facts), str(plain(facts))):
            assert CANARY not in text
            assert "last-applied" not in text
            assert "dark" not in text, "a value of a ConfigMap"


def test_the_recordings_contain_the_canary() -> None:
    with_canary = [value for value in recorded("secrets") if CANARY in json.dumps(value)]
    annotated = [value for value in with_canary if CANARY in value["metadata"]["annotations"][LAST_APPLIED]]
    assert len(annotated) >= 3


def test_metadata_only_answers_do_not_leak_either() -> None:
    answers = json.loads((RECORDINGS / "apiserver-behaviour.json").read_text())
    secret = KINDS_BY_NAME["Secret"]
    partial = [value for value in objects_in(answers) if value.get("kind") == "PartialObjectMetadata"]
    assert partial, "the recording has metadata-only answers"
    for value in partial:
        facts = secret.facts(secret.decoder.decode(json.dumps(value)))
        assert CANARY not in repr(facts)


def test_only_listed_annotations_are_decoded() -> None:
    assert {field.encode_name for field in msgspec.structs.fields(Annotations)} == {
        "meta.helm.sh/release-name",
        "meta.helm.sh/release-namespace",
        "helm.sh/chart",
        "kubernetes.io/config.mirror",
        "kubernetes.io/ingress.class",
        "deployment.kubernetes.io/revision",
        "deprecated.daemonset.template.generation",
        "batch.kubernetes.io/cronjob-scheduled-timestamp",
        "cronjob.kubernetes.io/instantiate",
        "cert-manager.io/cluster-issuer",
        "cert-manager.io/issuer",
        "cert-manager.io/issuer-kind",
        "cert-manager.io/issuer-group",
        "cert-manager.io/inject-ca-from",
        "kubernetes.io/tls-acme",
        "volume.beta.kubernetes.io/storage-class",
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
        "k8s.io/initial-events-end",
    }


def test_empty_values_as_go_encodes_them() -> None:
    nothing = '"creationTimestamp":null,"labels":null,"annotations":null,"ownerReferences":null'
    text = f'{{"metadata":{{"resourceVersion":"7",{nothing}}}}}'
    manifest = msgspec.json.decode(text, type=Manifest)
    assert manifest.metadata == ObjectMeta(resource_version="7", creation_timestamp=None)
