"""Discovery: groups, versions and resources, and the version of the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from astrolabe.kinds.kind import Kind, is_custom

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_COMMIT = "8e16b12fda5b1dccc41a6de48b3e356cc7d5048b"
_VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": f"v0.0.0-master+{_COMMIT}",
    "gitCommit": _COMMIT,
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.26.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}

#: content type and body of an answer
Page = tuple[str, bytes]


def discovery_page(path: str, accept: str, kinds: Sequence[Kind[Any]]) -> Page | None:
    """The answer to `/api`, `/apis`, a version's page, `/version` and the probes; None for other paths."""
    if path in ("/readyz", "/livez", "/healthz"):
        return "text/plain; charset=utf-8", b"ok"
    if path == "/version":
        return "application/json", msgspec.json.format(msgspec.json.encode(_VERSION), indent=2)
    if path in ("/api", "/apis"):
        here = [kind for kind in kinds if bool(kind.group) == (path == "/apis")]
        if "APIGroupDiscoveryList" in accept:
            return _AGGREGATED, _json(_aggregated(here))
        return "application/json", _json(_versions() if path == "/api" else _groups(here))
    return _resources(path, kinds)


def is_group(path: str, kinds: Iterable[Kind[Any]]) -> bool:
    """Whether a path is under the group and version of a served kind."""
    return any(path.startswith(_root(kind) + "/") for kind in kinds)


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _root(kind: Kind[Any]) -> str:
    return f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"


def _versions() -> dict[str, Any]:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def _groups(kinds: Sequence[Kind[Any]]) -> dict[str, Any]:
    versions: dict[str, dict[str, dict[str, str]]] = {}
    for kind in kinds:
        entry = {"groupVersion": f"{kind.group}/{kind.version}", "version": kind.version}
        versions.setdefault(kind.group, {})[kind.version] = entry
    groups = [
        {"name": group, "versions": list(found.values()), "preferredVersion": next(iter(found.values()))}
        for group, found in versions.items()
    ]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _aggregated(kinds: Sequence[Kind[Any]]) -> dict[str, Any]:
    resources: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for kind in kinds:
        resources.setdefault(kind.group, {}).setdefault(kind.version, []).append(
            {
                "resource": kind.plural,
                "responseKind": {"group": "", "version": "", "kind": kind.name},
                "scope": "Namespaced" if kind.namespaced else "Cluster",
                "singularResource": kind.name.lower(),
                "verbs": _VERBS,
                **({"shortNames": [*kind.short_names]} if is_custom(kind.key) else {}),
            }
        )
    items = [
        {
            "metadata": {"name": group} if group else {},
            "versions": [
                {"version": version, "resources": found, "freshness": "Current"}
                for version, found in versions.items()
            ],
        }
        for group, versions in resources.items()
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _resources(path: str, kinds: Sequence[Kind[Any]]) -> Page | None:
    here = [kind for kind in kinds if _root(kind) == path]
    if not here:
        return None
    resources = [
        {
            "name": kind.plural,
            "singularName": kind.name.lower(),
            "namespaced": kind.namespaced,
            "kind": kind.name,
            "verbs": _VERBS,
            **({"shortNames": [*kind.short_names]} if is_custom(kind.key) else {}),
        }
        for kind in here
    ]
    listed = {"kind": "APIResourceList", "groupVersion": here[0].api_version, "resources": resources}
    return "application/json", _json(listed)
