"""The endpoints `/health`, `/livez` and `/readyz`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.encoding import wire
from astrolabe.graph.selector import quoted
from astrolabe.http.errors import JSON, Refusal
from astrolabe.http.openapi import operation, process
from astrolabe.http.openapi.operation import POSITION, ApiEndpoint, Operation
from astrolabe.http.ops.health import health, readyz
from astrolabe.http.responses.shared import position_headers
from astrolabe.http.source import GraphSource

_FRESH = (*POSITION, "Cache-Control")

_HEALTH = Operation(
    summary="health: the state (how far answers can be trusted), the position in history, and for "
    "every kind its state, objects, and seconds since the last news",
    group="process",
    answers={200: operation.json("While the process serves.", process.Health, _FRESH)},
)
_LIFE = Operation(
    summary="a probe: 200 while the process answers",
    group="process",
    answers={200: operation.json("It answers.", process.Life, _FRESH)},
)
_READINESS = Operation(
    summary="a probe: 200 once every required kind is synced; until then 503 with those it waits for",
    group="process",
    answers={
        200: operation.json("The graph is complete, or a restored one is served.", process.Readiness, _FRESH),
        503: operation.json("It is not yet.", process.Readiness, _FRESH),
    },
)


class Probes:
    """Serves `/health`, `/livez` and `/readyz`.

    scoped: whether users see parts of the graph, so that who comes without a token learns of no namespace.
    """

    def __init__(self, source: GraphSource, *, scoped: bool = False) -> None:
        self._source = source
        self._scoped = scoped
        self.endpoints = (
            ApiEndpoint(path="/health", name="health", handler=self._show_health, operation=_HEALTH),
            # A kubelet has no token.
            ApiEndpoint(path="/livez", name="livez", handler=self._show_life, open=True, operation=_LIFE),
            ApiEndpoint(
                path="/readyz", name="readyz", handler=self._show_readiness, open=True, operation=_READINESS
            ),
        )

    async def _show_health(self, _: Request) -> HTTPResponse:
        return self._answer(health(self._source, now=asyncio.get_running_loop().time()))

    async def _show_life(self, _: Request) -> HTTPResponse:
        return self._answer({"status": "alive"})

    async def _show_readiness(self, request: Request) -> HTTPResponse:
        name, clusters = request.args.get("cluster"), self._source.clusters()
        if name is None:
            readiness, replication = self._source.readiness, self._source.replication()
        elif clusters is None or name not in clusters:
            raise self._unknown(name, clusters)
        else:
            readiness, replication = clusters[name].readiness, None
        status, document = readyz(readiness, replication, places=not self._scoped)
        return self._answer(document, status)

    def _unknown(self, name: str, clusters: Collection[str] | None) -> Refusal:
        """Who comes without a token learns of no cluster where users see only parts of the graph."""
        if clusters is None:
            known = "this server has one, and its readiness is that of /readyz"
        else:
            known = "the others are not told here" if self._scoped else f"it is one of {', '.join(clusters)}"
        return Refusal(404, "not-found", f"unknown cluster {quoted(name)}; {known}")

    def _answer(self, document: dict[str, Any], status: int = 200) -> HTTPResponse:
        headers = {**position_headers(self._source.hub.graph), "Cache-Control": "no-store"}
        return HTTPResponse(wire.encode(document), status=status, headers=headers, content_type=JSON)
