"""The endpoints at which Grafana's REST data sources find the node graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.encoding import wire
from astrolabe.graph.views.filter import FilterRules
from astrolabe.http.errors import JSON, bad_parameter
from astrolabe.http.grafana import shapes
from astrolabe.http.grafana.flat_streams import FlatStreams
from astrolabe.http.grafana.frames import Notice, described, frames, notices
from astrolabe.http.grafana.panels import GrafanaPanels, Panel, PanelQuery
from astrolabe.http.grafana.rows import Rows
from astrolabe.http.openapi import operation, parameters
from astrolabe.http.openapi.operation import POSITION, ApiEndpoint, Operation, Parameter
from astrolabe.http.query import QueryReader
from astrolabe.http.responses.cache import Pieces, Recipe, ResponseCache
from astrolabe.http.responses.shared import SharedResponse, accepts_gzip, array
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.connections import Connections
from astrolabe.settings import Limits

#: The default and the largest number of nodes. Grafana draws the default without paging.
USUAL, MOST = 200, 1000

Body = Callable[[Rows, tuple[Notice, ...]], Pieces]

_LIMIT = Parameter(
    name="limit",
    description="Nodes that are drawn; above it resources are drawn together.",
    schema={"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
)


def _drawn(summary: str, document: Any) -> Operation:
    return Operation(
        summary=summary,
        group="grafana",
        parameters=(*parameters.of_filter(), _LIMIT),
        answers={200: operation.json("What the panel shows.", document, (*POSITION, "Cache-Control"))},
        refusals=(400, 503),
    )


def _fixed(summary: str, document: Any) -> Operation:
    answer = operation.json("It is always the same.", document, ())
    return Operation(summary=summary, group="grafana", answers={200: answer})


_NODE_GRAPH = _drawn("the graph as rows of Grafana's node graph", shapes.NodeGraph)
_FRAMES = _drawn("the same as data frames", list[shapes.Frame])
_DATA = _drawn("the rows, where Grafana's Node Graph API plugin looks for them", shapes.NodeGraph)
_FIELDS = _fixed("the fields of these rows, for the same plugin", shapes.FieldDescriptions)
_LIFE = _fixed("whether it answers, for the same plugin", shapes.PluginHealth)


class Grafana:
    """Serves the plugins Infinity and Node Graph API, clients of data frames, and flat streams."""

    def __init__(
        self,
        source: GraphSource,
        connections: Connections,
        cache: ResponseCache,
        *,
        rules: FilterRules,
        limits: Limits,
    ) -> None:
        self._state = source.state
        self._rules = rules
        self._panels = GrafanaPanels(source.hub, source.catalogue)
        self._streams = FlatStreams(source, connections, rules=rules, limits=limits)
        self._cache = cache

    @property
    def endpoints(self) -> tuple[ApiEndpoint, ...]:
        rest = (
            ("node-graph", "/api/v1/grafana/nodegraph", partial(self._answer, node_graph), _NODE_GRAPH),
            ("frames", "/api/v1/grafana/frames", partial(self._answer, data_frames), _FRAMES),
            ("plugin-data", "/api/graph/data", partial(self._answer, node_graph), _DATA),
            ("plugin-fields", "/api/graph/fields", self._describe, _FIELDS),
            ("plugin-health", "/api/health", self._show_life, _LIFE),
        )
        return (
            *[
                ApiEndpoint(path=path, name=name, handler=handler, operation=operation)
                for name, path, handler, operation in rest
            ],
            *self._streams.endpoints,
        )

    async def close(self) -> None:
        """Cancel what is being made."""
        await self._panels.close()
        await self._streams.close()

    async def _answer(self, body: Body, request: Request) -> HTTPResponse:
        query = self._ask(request)
        panel = await self._panels.get(query)
        headers = _headers(panel)
        packed = accepts_gzip(request.headers.get("accept-encoding", ""))
        if packed:
            headers["Content-Encoding"] = "gzip"
        said = notices(self._state.current)
        version = (panel.position, panel.made, said)
        recipe = Recipe(version=lambda: version, make=lambda: body(panel.rows, said))
        content = await self._cache.get((body, query), recipe, packed=packed)
        return SharedResponse(content, headers=headers, content_type=JSON)

    def _ask(self, request: Request) -> PanelQuery:
        query = QueryReader(request)
        limit = query.pop_number("limit")
        if limit is not None and not 1 <= limit <= MOST:
            raise bad_parameter(f"limit is a number from 1 to {MOST}, not {limit}")
        return PanelQuery(filter=query.pop_filter(self._rules), limit=USUAL if limit is None else limit)

    async def _describe(self, _: Request) -> HTTPResponse:
        return HTTPResponse(wire.encode(described()), content_type=JSON)

    async def _show_life(self, _: Request) -> HTTPResponse:
        return HTTPResponse(wire.encode({"status": "ok"}), content_type=JSON)


def node_graph(rows: Rows, _: tuple[Notice, ...] = ()) -> Iterator[str]:
    """`{"nodes": […], "edges": […]}`."""
    return chain(('{"nodes":',), array(rows.nodes), (',"edges":',), array(rows.edges), ("}",))


def data_frames(rows: Rows, notices: tuple[Notice, ...] = ()) -> Iterator[str]:
    """`[nodes, edges]` as data frames."""
    return array(frames(rows.nodes, rows.edges, notices))


def _headers(panel: Panel) -> dict[str, str]:
    return {
        "X-Astrolabe-Epoch": panel.position.epoch,
        "X-Astrolabe-Seq": str(panel.position.seq),
        "Cache-Control": "no-store",
        "Vary": "Accept-Encoding",
    }
