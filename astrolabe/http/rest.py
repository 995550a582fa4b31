"""The REST paths: how each is answered from one place in history."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import blake2s
from time import time
from typing import Any

import msgspec
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.filter import FilterRules
from astrolabe.http.body import Body, SharedResponse
from astrolabe.http.cache import Bodies
from astrolabe.http.client import PATIENCE
from astrolabe.http.errors import JSON, Refusal
from astrolabe.http.hub import Hub
from astrolabe.http.query import Query, Question
from astrolabe.http.routes import Route, routes
from astrolabe.kinds.kind import Kind
from astrolabe.timeslice import in_slices

#: Seconds after which an answer that shows ages is made anew though the graph is the same.
AGE_LASTS = 5


class Rest:
    """Answers the routes."""

    def __init__(self, hub: Hub, kinds: Sequence[Kind[Any]], rules: FilterRules) -> None:
        self._hub = hub
        self._routes = routes(kinds)
        self._rules = rules
        self._bodies = Bodies()

    def add_to(self, app: Sanic[Any, Any]) -> None:
        for route in self._routes:
            app.add_route(
                partial(self._answer, route),
                route.path,
                methods=("GET", "HEAD"),
                name=route.name,
                ctx_operation=route.operation,
            )

    async def close(self) -> None:
        """End what is being made."""
        await self._bodies.close()

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
        if route.prepare is not None:
            async for _ in in_slices(route.prepare(self._hub, question)):
                pass
        if route.filter is None:
            await self._hub.prepare(question.filter)
        # From here to the body's call nothing is awaited: headers and body are of one place in history.
        bucket = int(time() // AGE_LASTS) if route.ages else 0
        headers = validators(self._hub, question, bucket)
        if matches_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
            return HTTPResponse(status=304, headers=headers)
        packed = accepts_gzip(request.headers.get("accept-encoding", ""))
        if packed:
            headers["Content-Encoding"] = "gzip"
        body = await self._bodies.get(
            (route.path, question),
            (self._hub.graph.epoch, self._hub.graph.seq, bucket),
            lambda: route.body(self._hub, question),
            packed=packed,
        )
        return SharedResponse(Body((body,)), headers=headers, content_type=JSON)


def position(hub: Hub) -> dict[str, str]:
    """The headers that every answer carries: where in history it is from."""
    return {"X-Astrolabe-Epoch": hub.graph.epoch, "X-Astrolabe-Seq": str(hub.graph.seq)}


def validators(hub: Hub, question: Question, bucket: int) -> dict[str, str]:
    """What caches need. The tag is weak: replicas and encodings differ in bytes, not in meaning."""
    asked = msgspec.json.encode((question, bucket), order="deterministic")
    digest = blake2s(asked, digest_size=8).hexdigest()
    return {
        **position(hub),
        "ETag": f'W/"{hub.graph.epoch}:{hub.graph.seq}:{digest}"',
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding allows gzip (RFC 9110, 12.5.3)."""
    weights: dict[str, str] = {}
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        weights[coding.strip()] = parameters.replace(" ", "").removeprefix("q=")
    weight = weights.get("gzip", weights.get("*", "0"))
    return weight.strip("0.") != "" or weight == ""


def matches_etag(header: str, etag: str) -> bool:
    """Weak comparison of If-None-Match (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags
