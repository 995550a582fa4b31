"""Which kinds an API server serves, in which versions, by its discovery documents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kube.client import VERIFY_TIMEOUT, Cluster
from astrolabe.kube.errors import UNDECODABLE, NotTheApi, RequestFailed
from astrolabe.kube.posts import JSON

#: Aggregated discovery is one answer with all groups (KEP-3352, since 1.26). Servers without it send the
#: plain list of groups.
ACCEPTED = ",".join(
    (
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        JSON,
    )
)

#: Bytes of the answer. With 1,000 CRDs it has some 2 MB.
LONGEST = 32 * 2**20

#: Pages of a plain discovery that are requested at a time.
AT_A_TIME = 8

#: What a kind must permit to be watched. An aggregated API may only list, such as that of metrics.
WATCHABLE = frozenset(("list", "watch"))


class Discovery(NamedTuple):
    """kinds: those that can be watched. broken: groups of which the server cannot say now what they have, as
    the server behind them does not answer."""

    kinds: tuple[Definition, ...]
    broken: frozenset[str]


class _GroupVersionKind(msgspec.Struct):
    kind: str = ""


class _DiscoveredSubresource(msgspec.Struct):
    subresource: str = ""


class _WatchableResource(msgspec.Struct, rename="camel"):
    """APIResourceDiscovery."""

    resource: str
    response_kind: _GroupVersionKind | None = None
    scope: str = ""
    short_names: list[str] | None = None
    categories: list[str] | None = None
    verbs: list[str] | None = None
    subresources: list[_DiscoveredSubresource] | None = None

    @property
    def has_status(self) -> bool:
        return any(each.subresource == "status" for each in self.subresources or ())


class _GroupVersion(msgspec.Struct):
    version: str
    resources: list[_WatchableResource] | None = None
    freshness: str = ""


class _GroupMeta(msgspec.Struct):
    name: str = ""


class _ApiGroup(msgspec.Struct):
    metadata: _GroupMeta
    versions: list[_GroupVersion] | None = None


class _PlainVersion(msgspec.Struct):
    version: str


class _PlainGroup(msgspec.Struct, rename="camel"):
    """metav1.APIGroup."""

    name: str
    versions: list[_PlainVersion]
    preferred_version: _PlainVersion | None = None


class _Groups(msgspec.Struct):
    """APIGroupDiscoveryList or metav1.APIGroupList."""

    kind: str
    items: list[_ApiGroup] | None = None
    groups: list[_PlainGroup] | None = None


class _PlainResource(msgspec.Struct, rename="camel"):
    """metav1.APIResource."""

    name: str
    kind: str = ""
    namespaced: bool = True
    short_names: list[str] | None = None
    categories: list[str] | None = None
    verbs: list[str] | None = None


class _PlainResources(msgspec.Struct):
    """metav1.APIResourceList."""

    resources: list[_PlainResource] | None = None


async def discover(cluster: Cluster) -> Discovery:
    """All kinds outside the core group that can be watched. Raises RequestFailed."""
    body = await cluster.read("/apis", {}, accept=ACCEPTED, read_timeout=VERIFY_TIMEOUT, longest=LONGEST)
    try:
        page = msgspec.json.decode(body, type=_Groups)
    except UNDECODABLE as error:
        raise NotTheApi(f"the answer is no list of API groups: {error}") from error
    groups = page.items or ()
    if page.kind != "APIGroupDiscoveryList":
        groups = await _read_groups(cluster, page.groups or ())
    return Discovery(
        tuple(kind for group in groups for kind in _kinds(group)),
        frozenset(group.metadata.name for group in groups if not all(map(_is_known, group.versions or ()))),
    )


def _is_known(version: _GroupVersion) -> bool:
    return version.freshness != "Stale"


def _kinds(group: _ApiGroup) -> Iterable[Definition]:
    """The kinds of a group. Its versions are in the order in which the server prefers them."""
    found: dict[str, list[tuple[_WatchableResource, ServedVersion]]] = {}
    for version in group.versions or ():
        for each in version.resources or ():
            kind = each.response_kind.kind if each.response_kind is not None else ""
            if kind and "/" not in each.resource and WATCHABLE.issubset(each.verbs or ()):
                served = ServedVersion(version.version, has_status=each.has_status)
                found.setdefault(kind, []).append((each, served))
    for kind, versions in found.items():
        resource = versions[0][0]
        yield Definition(
            group=group.metadata.name,
            kind=kind,
            plural=resource.resource,
            versions=tuple(served for each, served in versions if each.resource == resource.resource),
            short_names=tuple(resource.short_names or ()),
            categories=tuple(resource.categories or ()),
            namespaced=resource.scope != "Cluster",
        )


async def _read_groups(cluster: Cluster, groups: Iterable[_PlainGroup]) -> list[_ApiGroup]:
    """The same of a server that has only plain discovery: one request a version."""
    free = asyncio.Semaphore(AT_A_TIME)

    async def read(group: str, version: str) -> _GroupVersion:
        try:
            async with free:
                path = f"/apis/{group}/{version}"
                body = await cluster.read(path, {}, read_timeout=VERIFY_TIMEOUT, longest=LONGEST)
            return _version(version, msgspec.json.decode(body, type=_PlainResources))
        except (RequestFailed, *UNDECODABLE):
            return _GroupVersion(version, freshness="Stale")

    async def read_all(group: _PlainGroup) -> _ApiGroup:
        preferred = group.preferred_version.version if group.preferred_version is not None else ""
        versions = sorted([each.version for each in group.versions], key=lambda name: name != preferred)
        pages = await asyncio.gather(*[read(group.name, version) for version in versions])
        return _ApiGroup(_GroupMeta(group.name), pages)

    return await asyncio.gather(*[read_all(group) for group in groups])


def _version(name: str, page: _PlainResources) -> _GroupVersion:
    listed = page.resources or ()
    with_status = {each.name.partition("/")[0] for each in listed if each.name.endswith("/status")}
    return _GroupVersion(
        name,
        [
            _WatchableResource(
                each.name,
                _GroupVersionKind(each.kind),
                "Namespaced" if each.namespaced else "Cluster",
                each.short_names,
                each.categories,
                each.verbs,
                [_DiscoveredSubresource("status")] if each.name in with_status else None,
            )
            for each in listed
        ],
    )
