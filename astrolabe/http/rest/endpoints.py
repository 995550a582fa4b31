"""The REST endpoints: each response is of one position in history."""

from __future__ import annotations

from functools import partial
from hashlib import blake2s
from time import time
from typing import Any, NamedTuple

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.views.filter import Filter, FilterRules
from astrolabe.http.answers.resource import events_json
from astrolabe.http.errors import JSON
from astrolabe.http.openapi.operation import ApiEndpoint
from astrolabe.http.query import QueryParams, QueryReader
from astrolabe.http.responses.cache import Recipe, ResponseCache
from astrolabe.http.responses.shared import SharedResponse, accepts_gzip, matches_etag
from astrolabe.http.rest import documents
from astrolabe.http.rest.release_details import HelmKnowledge, Sees
from astrolabe.http.rest.releases import ReleaseDocuments
from astrolabe.http.rest.routes import GraphRoute, routes
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.snapshot import ViewSnapshot

#: Seconds after which a response that shows ages is made again, though the graph is the same.
AGE_LASTS = 5


class BodyVersion(NamedTuple):
    """The position of a body. bucket: changes with the ages that it shows, or with the catalogue."""

    epoch: str
    seq: int
    bucket: int


class Rest:
    """Serves the routes of `routes`. cache: makes and keeps the bodies."""

    def __init__(
        self,
        source: GraphSource,
        rules: FilterRules,
        cache: ResponseCache,
        *,
        helm: HelmKnowledge,
        sees: Sees,
    ) -> None:
        self._source = source
        self._hub = source.hub
        self._catalogue = source.catalogue
        self._rules = rules
        self._cache = cache
        self._helm = helm
        releases = ReleaseDocuments(source.catalogue, helm, sees)
        self._routes = {route.name: route for route in routes(source.catalogue, releases)}
        self.endpoints = tuple(map(self._endpoint, self._routes.values()))

    async def read(self, name: str, filter: Filter) -> Any:
        """The document of a route as a value, for another door: with all details. Raises Refusal."""
        route = self._routes[name]
        params = QueryParams(filter=filter, detail=route.detail)
        body = await self._cache.get((route.path, params), self._recipe(route, params, ""), packed=False)
        return msgspec.json.decode(bytes(body))

    def _endpoint(self, route: GraphRoute) -> ApiEndpoint:
        return ApiEndpoint(
            path=route.path,
            name=route.name,
            handler=partial(self._answer, route),
            operation=route.operation,
        )

    async def _answer(
        self,
        route: GraphRoute,
        request: Request,
        uid: str = "",
        release_namespace: str = "",
        release_name: str = "",
    ) -> HTTPResponse:
        query = QueryReader(request)
        uid = f"{release_namespace}/{release_name}" if release_name else uid
        seq = query.pop_number("min_seq")
        params = route.ask(query, uid, self._rules)
        await self._hub.require_seq(seq)
        route.check(self._hub, params)
        events = await self._events(params.uid) if route.events else ""
        if events:
            params = msgspec.structs.replace(params, events=digest_of(events))
        headers = validators(self._version(route), params)
        if matches_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
            return HTTPResponse(status=304, headers=headers)
        packed = accepts_gzip(request.headers.get("accept-encoding", ""))
        body = await self._cache.get((route.path, params), self._recipe(route, params, events), packed=packed)
        headers = validators(body.version, params)
        if packed:
            headers["Content-Encoding"] = "gzip"
        return SharedResponse(body, headers=headers, content_type=JSON)

    async def _events(self, uid: str) -> str:
        """The Events about a resource as JSON; "" if they are unknown."""
        node = self._hub.graph.nodes.get(uid)
        events = await self._source.events(node) if node is not None else None
        return events_json(events) if events is not None else ""

    def _recipe(self, route: GraphRoute, params: QueryParams, events: str) -> Recipe:
        snapshot: ViewSnapshot | None = None
        part = route.view(params.filter)

        async def take() -> None:
            nonlocal snapshot
            snapshot = await self._hub.snapshot(part)

        return Recipe(
            version=lambda: self._version(route, snapshot),
            prepare=lambda: route.prepare(self._hub, params),
            take=take if part else None,
            make=lambda: documents.with_events(route.body(self._hub, params, snapshot), events),
            borrowed=route.borrowed and not part,
        )

    def _version(self, route: GraphRoute, snapshot: ViewSnapshot | None = None) -> BodyVersion:
        place = self._hub.graph if snapshot is None else snapshot
        bucket = int(time() // AGE_LASTS) if route.ages else self._catalogue.version + self._helm.version
        return BodyVersion(place.epoch, place.seq, bucket)


def validators(version: BodyVersion, params: msgspec.Struct) -> dict[str, str]:
    """The headers for caches. The tag is weak: replicas and encodings differ in bytes, not in meaning."""
    digest = digest_of(msgspec.json.encode((params, version.bucket), order="deterministic").decode())
    return {
        "X-Astrolabe-Epoch": version.epoch,
        "X-Astrolabe-Seq": str(version.seq),
        "ETag": f'W/"{version.epoch}:{version.seq}:{digest}"',
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }


def digest_of(text: str) -> str:
    """A short text that is another for another text."""
    return blake2s(text.encode(), digest_size=8).hexdigest()
