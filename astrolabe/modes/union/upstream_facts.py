"""What another Astrolabe knows besides its graph: kinds, releases and Events, asked for over REST."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from astrolabe.client.errors import ClientError
from astrolabe.client.rest import RestClient, decoded
from astrolabe.graph.state.identity import GroupKind, HelmRevision, Release
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.kinds.custom.custom_kinds import WantedKind
from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.kind import is_custom


class _ToldKind(msgspec.Struct, rename="camel"):
    kind: str
    group: str
    version: str
    plural: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True


class _ToldRelease(msgspec.Struct):
    name: str
    namespace: str
    revision: int | None = None
    status: str | None = None


class _ToldEvent(msgspec.Struct):
    type: str
    reason: str
    message: str
    count: int
    first: str
    last: str
    source: str


class _ToldResource(msgspec.Struct):
    events: tuple[_ToldEvent, ...] | None = None


class UpstreamFacts:
    """Asks one server, whose cluster has this name here. Raises ClientError."""

    def __init__(self, client: RestClient, cluster: str) -> None:
        self._client = client
        self._cluster = cluster

    async def kinds(self) -> dict[GroupKind, WantedKind]:
        """Its custom kinds."""
        answer = await self._client.get("/api/v1/kinds")
        found = {}
        for told in decoded(answer, list[_ToldKind], self._client.shown):
            if is_custom(told.kind):
                definition = Definition(
                    group=told.group,
                    kind=told.kind.removesuffix(f".{told.group}"),
                    plural=told.plural,
                    versions=(ServedVersion(told.version),),
                    short_names=told.short_names,
                    namespaced=told.namespaced,
                )
                found[definition.id] = WantedKind(definition)
        return found

    async def releases(self) -> dict[Release, HelmRevision]:
        """The newest revision of each Helm release."""
        answer = await self._client.get("/api/v1/releases", {"detail": "true"})
        found = {}
        for told in decoded(answer, list[_ToldRelease], self._client.shown):
            if told.revision is not None:
                release = Release(told.namespace, told.name, self._cluster)
                found[release] = HelmRevision(release, told.revision, told.status or "")
        return found

    async def events(self, node: Node) -> Sequence[ObjectEvent] | None:
        """The Events about a node, newest first; None if they cannot be had now."""
        uid = node.uid.removeprefix(f"{self._cluster}/")
        try:
            answer = await self._client.get(f"/api/v1/resources/{quote(uid, safe='')}")
            told = decoded(answer, _ToldResource, self._client.shown)
        except ClientError:
            return None
        if told.events is None:
            return None
        return [_event(each, node, number) for number, each in enumerate(told.events)]


def _event(told: _ToldEvent, node: Node, number: int) -> ObjectEvent:
    return ObjectEvent(
        uid=f"{node.uid}/{number}",  # its own is not told
        namespace=node.namespace,
        regarding=node.uid,
        type=told.type,
        reason=told.reason,
        message=told.message,
        source=told.source,
        count=told.count,
        first=told.first,
        last=told.last,
    )
