"""`/api/v1/clusters`: the clusters that are served, and how far each can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.state.status import SEVERITIES
from astrolabe.http.errors import JSON
from astrolabe.http.openapi import operation, process
from astrolabe.http.openapi.operation import POSITION, ApiEndpoint, Operation
from astrolabe.http.query import QueryReader
from astrolabe.http.responses.shared import array, position_headers
from astrolabe.http.source import GraphSource
from astrolabe.timeslice import Lane, in_slices

_OPERATION = Operation(
    summary="the clusters: their states, and how many nodes each has; one where only one is served",
    group="graph",
    parameters=(),
    answers={
        200: operation.json("By name.", list[process.CountedCluster], (*POSITION, "Cache-Control")),
    },
    refusals=(400,),
)


class Clusters:
    """Answers from the state and the counts of one source."""

    def __init__(self, source: GraphSource) -> None:
        self._source = source
        self.endpoint = ApiEndpoint(
            path="/api/v1/clusters", name="clusters", handler=self._answer, operation=_OPERATION
        )

    async def _answer(self, request: Request) -> HTTPResponse:
        QueryReader(request).refuse_unknown()
        documents = await self.read()
        headers = {**position_headers(self._source.hub.graph), "Cache-Control": "no-store"}
        return HTTPResponse("".join(array(documents)), headers=headers, content_type=JSON)

    async def read(self) -> list[dict[str, Any]]:
        """The documents of all clusters."""
        async for _ in in_slices(self._source.hub.stats.count(), Lane.ANSWER):
            pass
        return list(self._documents())

    def _documents(self) -> Iterator[dict[str, Any]]:
        state, stats = self._source.state.refresh(), self._source.hub.stats
        if state.clusters is None:
            counts = dict.fromkeys(SEVERITIES, 0)
            for (_, level), count in stats.nodes.items():
                counts[level] += count
            told = state.document()
            kept = {key: told[key] for key in ("state", "since", "why", "progress")}
            yield {"name": state.cluster.name, "server": state.cluster.server, **kept, "counts": counts}
            return
        for each in state.clusters:
            counts = {level: stats.clusters[each.name, level] for level in SEVERITIES}
            yield {**msgspec.to_builtins(each), "counts": counts}
