"""Holds the paths of rules against the OpenAPI schemas of a cluster's CustomResourceDefinitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from astrolabe.kinds.custom.paths import AnyKey, Each, Index, Key, Path, Walk, Where, show
from astrolabe.kinds.custom.rule import KindRule
from astrolabe.kube.client import VERIFY_TIMEOUT, Cluster
from astrolabe.kube.errors import RequestFailed
from astrolabe.settings import Settings

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


async def unknown_paths(rules: Sequence[KindRule], settings: Settings) -> list[str]:
    """A line for each path of the rules that the CRDs do not have. Raises ClusterError."""
    cluster = await Cluster.connect(settings)
    try:
        await cluster.verify()
        body = await cluster.read(_CRDS, {}, read_timeout=VERIFY_TIMEOUT)
        crds = msgspec.json.decode(body).get("items") or []
        return list(compare(rules, crds))
    except RequestFailed as error:
        return [f"warning: the CRDs cannot be read: {error}"]
    finally:
        await cluster.close()


def compare(rules: Sequence[KindRule], crds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the schemas say against the rules."""
    by_kind = {(crd["spec"]["group"], crd["spec"]["names"]["kind"]): crd["spec"] for crd in crds}
    for rule in rules:
        name, spec = f"{rule.id.kind}.{rule.id.group}", by_kind.get((rule.id.group, rule.id.kind))
        if spec is None:
            yield f"{rule.source}:{rule.line}: the cluster has no CRD of {name}"
            continue
        served = [version for version in spec["versions"] if version.get("served")]
        version = next((each for each in served if each["name"] in rule.versions), served[0])
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        for use, path in rule.paths():
            if path[0] != Key("metadata") and not has(schema, path):
                yield (
                    f"warning: {rule.source}:{rule.line}: {name} {version['name']} has no {show(path)}"
                    f" ({use}); it reads as absent"
                )


def has(schema: Mapping[str, Any], path: Path) -> bool:
    """Whether a schema has a path. A part that the schema leaves open has every path."""
    if schema.get("x-kubernetes-preserve-unknown-fields") or not path:
        return True
    if isinstance(path[0], Walk) or not ({"properties", "items", "additionalProperties"} & schema.keys()):
        return isinstance(path[0], Walk) or (
            schema.get("type") in (None, "object") and not schema.get("properties")
        )
    segment, rest = path[0], path[1:]
    more = schema.get("additionalProperties")
    match segment:
        case Key(name):
            if name in schema.get("properties", {}):
                return has(schema["properties"][name], rest)
            return more is True or (isinstance(more, Mapping) and has(more, rest))
        case AnyKey():
            inner = [more] if isinstance(more, Mapping) else list(schema.get("properties", {}).values())
            return more is True or any(has(each, rest) for each in inner)
        case Each() | Index() | Where():
            return "items" in schema and has(schema["items"], rest)
    return False
