"""`/api/v1/whoami`: who asks, and what they may see.

An endpoint of its own; it has nothing in common with the others of this room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.encoding import wire
from astrolabe.graph.visible.visibility import ALL, Visibility
from astrolabe.http.access.authentication import identity_of
from astrolabe.http.errors import JSON
from astrolabe.http.openapi import operation, process
from astrolabe.http.openapi.operation import ApiEndpoint, Operation, Parameter
from astrolabe.http.query import QueryReader
from astrolabe.http.source import GraphSource
from astrolabe.users import EVERYBODY, User

_WHOAMI = Operation(
    summary="who asks, and which kinds and namespaces they may see",
    group="process",
    parameters=(
        Parameter(
            name="rights",
            description="Whether to tell every kind and namespace that may be seen, for a hub that follows.",
            schema={"type": "boolean", "default": False},
        ),
    ),
    answers={200: operation.json("As the API server says.", process.Caller, ("Cache-Control",))},
    refusals=(400, 503),
)


class Whoami:
    """Answers for the users of one source. visibility: what they may see; None: everything."""

    def __init__(self, source: GraphSource, visibility: Callable[[], Visibility] | None = None) -> None:
        self._source = source
        self._visibility = visibility or (lambda: ALL)
        self.endpoint = ApiEndpoint(
            path="/api/v1/whoami", name="whoami", handler=self._answer, operation=_WHOAMI
        )

    async def _answer(self, request: Request) -> HTTPResponse:
        query = QueryReader(request)
        wants_rights = query.pop_flag("rights", default=False)
        query.refuse_unknown()
        known, coverage = identity_of(request), self._source.state.current.coverage
        user = known.user if known is not None and known.user != EVERYBODY else None
        document: dict[str, Any] = {
            "user": _told(user) if user is not None else None,
            "coverage": coverage.document() if coverage is not None else None,
        }
        if known is not None and known.names is not None:
            document["clusters"] = [
                {"name": name, "user": _told(user)} for name, user in known.names().items()
            ]
        if wants_rights:
            document["rights"] = _rights(self._visibility())
        headers = {"Cache-Control": "no-store"}
        return HTTPResponse(wire.encode(document), headers=headers, content_type=JSON)


def _told(user: User) -> dict[str, Any]:
    return {"name": user.name, "groups": list(user.groups)}


def _rights(visibility: Visibility) -> dict[str, Any]:
    within: dict[str, list[str]] = {}
    for namespace, kind in sorted(visibility.within):
        within.setdefault(namespace, []).append(kind)
    return {"everywhere": sorted(visibility.everywhere), "within": within, "complete": visibility.complete}
