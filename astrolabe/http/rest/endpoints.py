"""The REST paths: how each is answered from one place in history."""

from __future__ import annotations

from functools import partial
from hashlib import blake2s
from time import time
from typing import NamedTuple

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.views.filter import FilterRules
from astrolabe.http.errors import JSON, Refusal
from astrolabe.http.openapi.operation import Endpoint
from astrolabe.http.query import Query, Question
from astrolabe.http.responses.cache import Bodies, Recipe
from astrolabe.http.responses.headers import accepts_gzip, matches_etag
from astrolabe.http.responses.shared import SharedResponse
from astrolabe.http.rest.routes import Route, routes
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.client import PATIENCE
from astrolabe.http.stream.snapshot import Snapshot

#: Seconds after which an answer that shows ages is made anew though the graph is the same.
AGE_LASTS = 5


class Version(NamedTuple):
    """The place in history that a body is of. bucket: changes when its ages do, or the catalogue."""

    epoch: str
    seq: int
    bucket: int


class Rest:
    """Answers the routes. cache: where their bodies are made and kept."""

    def __init__(self, source: GraphSource, rules: FilterRules, cache: Bodies) -> None:
        self._hub = source.hub
        self._catalogue = source.catalogue
        self._rules = rules
        self._bodies = cache
        self.endpoints = tuple(map(self._endpoint, routes(source.catalogue)))

    def _endpoint(self, route: Route) -> Endpoint:
        return Endpoint(
            path=route.path,
            name=route.name,
            handler=partial(self._answer, route),
            operation=route.operation,
        )

    async def _answer(self, route: Route, request: Request, uid: str = "") -> HTTPResponse:
        query = Query(request)
        seq = query.take_number("min_seq")
        question = route.ask(query, uid, self._rules)
        if seq is not None and not await self._hub.reach(seq, timeout=PATIENCE):
            raise Refusal(
                503,
                "behind",
                f"at seq {self._hub.graph.seq}, not yet at {seq}",
                headers={"Retry-After": "1"},
            )
        route.check(self._hub, question)
        headers = validators(self._version(route), question)
        if matches_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
            return HTTPResponse(status=304, headers=headers)
        packed = accepts_gzip(request.headers.get("accept-encoding", ""))
        body = await self._bodies.get((route.path, question), self._recipe(route, question), packed=packed)
        headers = validators(body.version, question)
        if packed:
            headers["Content-Encoding"] = "gzip"
        return SharedResponse(body, headers=headers, content_type=JSON)

    def _recipe(self, route: Route, question: Question) -> Recipe:
        taken: Snapshot | None = None
        part = route.view(question.filter)

        async def take() -> None:
            nonlocal taken
            taken = await self._hub.take(part)

        return Recipe(
            version=lambda: self._version(route, taken),
            prepare=lambda: route.prepare(self._hub, question),
            take=take if part else None,
            make=lambda: route.body(self._hub, question, taken),
            borrowed=route.borrowed and not part,
        )

    def _version(self, route: Route, taken: Snapshot | None = None) -> Version:
        place = self._hub.graph if taken is None else taken
        bucket = int(time() // AGE_LASTS) if route.ages else self._catalogue.version
        return Version(place.epoch, place.seq, bucket)


def validators(version: Version, question: Question) -> dict[str, str]:
    """What caches need. The tag is weak: replicas and encodings differ in bytes, not in meaning."""
    asked = msgspec.json.encode((question, version.bucket), order="deterministic")
    digest = blake2s(asked, digest_size=8).hexdigest()
    return {
        "X-Astrolabe-Epoch": version.epoch,
        "X-Astrolabe-Seq": str(version.seq),
        "ETag": f'W/"{version.epoch}:{version.seq}:{digest}"',
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }
