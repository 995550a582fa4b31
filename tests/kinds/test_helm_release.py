"""What is decoded of a release as Helm keeps it: never values, and never more than fits."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
import yaml

from astrolabe.kinds.helm_release import (
    LONGEST_RELEASE,
    DeclaredObject,
    ReleaseDetails,
    ReleaseHook,
    UnreadableRelease,
    declared_objects,
    decode_release,
)
from tests.support.chart import NAMES, read

CANARY = "s3cr3t-canary"
MANIFEST = f"""\
---
# Source: shop/templates/secret.yaml
apiVersion: v1
kind: Secret
metadata:
  name: keys
  labels:
    name: other
stringData:
  kind: ConfigMap
  password: {CANARY}
  file: |
    ---
    kind: Pod
---
# Source: shop/templates/web.yaml
kind: "Deployment"
metadata:
    labels: {{app: web}}
    namespace: 'shop' # where it is
    name: web
apiVersion: apps/v1
---
"""
RELEASE: dict[str, Any] = {
    "name": "shop",
    "info": {
        "first_deployed": "2026-11-01T08:00:00Z",
        "last_deployed": "2026-11-02T08:00:00Z",
        "deleted": "",
        "description": "Upgrade complete",
        "status": "deployed",
        "notes": "Visit https://shop.example.com",
    },
    "chart": {
        "metadata": {
            "name": "shop",
            "version": "1.4.2",
            "appVersion": "2026.1",
            "description": "A shop",
            "apiVersion": "v2",
        },
        "templates": [{"name": "templates/secret.yaml", "data": CANARY}],
        "values": {"password": CANARY},
    },
    "config": {"password": CANARY},
    "manifest": MANIFEST,
    "hooks": [
        {
            "name": "migrate",
            "kind": "Job",
            "path": "templates/migrate.yaml",
            "manifest": CANARY,
            "events": ["pre-upgrade"],
            "last_run": {"started_at": "", "completed_at": "", "phase": "Succeeded"},
            "weight": 1,
        }
    ],
    "version": 2,
    "namespace": "shop",
}
DETAILS = ReleaseDetails(
    chart_name="shop",
    chart_version="1.4.2",
    app_version="2026.1",
    description="A shop",
    last_action="Upgrade complete",
    first_deployed="2026-11-01T08:00:00Z",
    last_deployed="2026-11-02T08:00:00Z",
    notes="Visit https://shop.example.com",
    hooks=[ReleaseHook("Job", "migrate", ["pre-upgrade"], "Succeeded")],
    objects=[
        DeclaredObject("v1", "Secret", "keys"),
        DeclaredObject("apps/v1", "Deployment", "web", "shop"),
    ],
)


def stored(release: bytes, *, in_secret: bool = True, packed: bool = True) -> bytes:
    """The object in which Helm keeps it."""
    text = base64.b64encode(gzip.compress(release) if packed else release)
    if in_secret:
        text = base64.b64encode(text)
    return json.dumps(
        {"kind": "Secret", "metadata": {"name": "x"}, "data": {"release": text.decode()}}
    ).encode()


@pytest.mark.parametrize("in_secret", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_details_of_a_helm_release(in_secret: bool, packed: bool) -> None:
    """Helm 3 packs; what is not packed is read as well, as Helm does."""
    body = stored(json.dumps(RELEASE).encode(), in_secret=in_secret, packed=packed)
    details = decode_release(body, in_secret=in_secret)
    assert details == DETAILS
    assert CANARY not in repr(details)


def test_a_decompression_bomb_is_refused() -> None:
    bomb = stored(b'{"manifest":"' + b"a" * (LONGEST_RELEASE * 4) + b'"}')
    assert len(bomb) < 500_000
    with pytest.raises(UnreadableRelease, match="is larger than 24 MB, or cut off"):
        decode_release(bomb, in_secret=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"data":null}',
        b'{"data":{"release":"!"}}',
        stored(b"no JSON"),
        stored(b"[]"),
        stored(b'{"manifest":7}'),
        stored(b'{"info":' + b"[" * 5_000),
        stored(json.dumps(RELEASE).encode())[:-40] + b'"}}',
    ],
)
def test_an_invalid_release_is_refused_without_quoting_it(body: bytes) -> None:
    with pytest.raises(UnreadableRelease) as refused:
        decode_release(body, in_secret=True)
    assert CANARY not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("manifest", "objects", "complete"),
    [
        ("", [], True),
        ("# nothing\n---\n\n", [], True),
        ("kind: Pod\nmetadata:\n  name: a\r\n", [DeclaredObject("", "Pod", "a")], True),
        ("kind: Pod\nmetadata:\n  # why\n\n  name: a # b\n", [DeclaredObject("", "Pod", "a")], True),
        ('{"kind":"Pod","metadata":{"name":"a"}}', [], False),
        ("kind: Pod\nmetadata: {name: a}\n", [], False),
        ("kind: Pod\nmetadata:\n  name: &a b\n", [], False),
        ("kind: Pod\nspec:\n  name: a\n", [], False),
        ("kind: Pod\nmetadata:\nname: a\n", [], False),
        ("kind: Pod\nmetadata:\n  annotations:\n    name: a\n", [], False),
        ("kind: Pod\nmetadata:\n  name: a\n--- # next\nkind: Job\nmetadata:\n  name: b", [
            DeclaredObject("", "Pod", "a"), DeclaredObject("", "Job", "b")], True),
    ],
)  # fmt: skip
def test_declared_objects(manifest: str, objects: list[DeclaredObject], complete: bool) -> None:
    assert declared_objects(manifest) == (objects, complete)


LISTS = """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBindingList # as of kube-prometheus
items:
# one for each namespace
- apiVersion: rbac.authorization.k8s.io/v1
  kind: RoleBinding
  metadata:
    name: a
    namespace: kube-system
  subjects:
  - kind: ServiceAccount
    name: none
-   kind: RoleBinding
    metadata:
      labels: {x: y}
      name: b
metadata:
  name: no-object
---
apiVersion: v1
kind: List
items:
    - kind: ConfigMap
      metadata: {name: flow}
    - kind: ConfigMap
      metadata:
        name: c
      data:
        text: |
          - kind: Pod
            metadata:
              name: inner
---
kind: List
apiVersion: v1
items: []
---
kind: AccessList
metadata:
  name: a-custom-resource
"""


def test_objects_inside_a_list_are_declared() -> None:
    objects, complete = declared_objects(LISTS)
    assert [(each.kind, each.namespace, each.name) for each in objects] == [
        ("RoleBinding", "kube-system", "a"),
        ("RoleBinding", "", "b"),
        ("ConfigMap", "", "c"),
        ("AccessList", "", "a-custom-resource"),
    ]
    assert not complete, "that in flow style is not told"


@pytest.mark.parametrize("name", NAMES)
def test_rendered_manifests_are_read_like_a_yaml_parser_reads_them(name: str) -> None:
    text = read(name)
    expected = [
        DeclaredObject(
            each["apiVersion"],
            each["kind"],
            each["metadata"]["name"],
            each["metadata"].get("namespace", ""),
        )
        for each in yaml.safe_load_all(text)
    ]
    assert declared_objects(text) == (expected, True)
