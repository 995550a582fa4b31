"""`/api/v1/complete`: what may be written at a place of a search."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.search.completion import (
    Place,
    Proposal,
    ValueCount,
    closed_values,
    fields_for,
    place_of,
)
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.filter import FilterRules
from astrolabe.http.errors import JSON, bad_parameter
from astrolabe.http.openapi import operation, parameters, shapes
from astrolabe.http.openapi.operation import ApiEndpoint, Operation
from astrolabe.http.query import QueryReader
from astrolabe.http.responses.shared import stretches
from astrolabe.http.source import GraphSource
from astrolabe.timeslice import Lane, in_slices

#: Resources that are looked at for one answer. With more, rare values may be missing.
MOST_EXAMINED = 50_000

_OPERATION = Operation(
    summary="completions at a position of a search: fields, kinds, names and values",
    group="graph",
    parameters=(parameters.TYPED, parameters.CURSOR),
    answers={200: operation.json("What may stand in place of `q[start:end]`.", shapes.Completion, ())},
    refusals=(400,),
)


class Completer:
    """Answers from the served graph."""

    def __init__(self, source: GraphSource, rules: FilterRules) -> None:
        self._hub = source.hub
        self._rules = rules
        self.endpoint = ApiEndpoint(
            path="/api/v1/complete", name="complete", handler=self._answer, operation=_OPERATION
        )

    async def _answer(self, request: Request) -> HTTPResponse:
        query = QueryReader(request)
        text = query.pop_text("q")
        cursor = query.pop_number("cursor")
        query.refuse_unknown("q", "cursor")
        size = len(text.encode(errors="surrogatepass"))
        if size > self._rules.size:
            allowed = f"at most {self._rules.size} are allowed (--max-filter-bytes)"
            raise bad_parameter(f"q has {size} bytes; {allowed}")
        place = place_of(text, len(text) if cursor is None else cursor, self._rules.words)
        document = {
            "start": place.start,
            "end": place.end,
            "proposals": [_described(each) for each in await self._proposals(place)],
        }
        return HTTPResponse(msgspec.json.encode(document), content_type=JSON)

    async def _proposals(self, place: Place) -> Sequence[Proposal]:
        if place.field is None:
            fields = fields_for(place, self._rules.words)
            return fields if len(place.typed) < 2 else [*fields, *await self._counted(place)]
        values = closed_values(place, self._rules.words)
        return values if values is not None else await self._counted(place)

    async def _counted(self, place: Place) -> Sequence[Proposal]:
        """The values that nodes have; of the graph as it is, which may move on meanwhile."""
        nodes: list[Node] = list(self._hub.graph.nodes.values())[:MOST_EXAMINED]
        count = ValueCount(place)
        async for stretch in in_slices(stretches(nodes), Lane.ANSWER):
            for node in stretch:
                count.add(node)
        return count.proposals()


def _described(proposal: Proposal) -> dict[str, object]:
    document: dict[str, object] = {"text": proposal.text}
    if proposal.description:
        document["description"] = proposal.description
    if proposal.resources is not None:
        document["resources"] = proposal.resources
    return document
