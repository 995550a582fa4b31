"""`/openapi.json`: the API described."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from typing import Any

from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph import wire
from astrolabe.http.errors import JSON
from astrolabe.http.openapi import parameters
from astrolabe.http.openapi.document import Described, document
from astrolabe.http.openapi.operation import CACHED, Answer, Operation
from astrolabe.http.responses.files import File
from astrolabe.kinds.catalogue import Catalogue

_OPERATION = Operation(
    summary="this API as an OpenAPI 3.1 document",
    group="pages",
    parameters=(parameters.IF_NONE_MATCH,),
    answers={200: Answer(description="The document.", body={JSON: dict[str, Any]}, headers=CACHED)},
)


class DescriptionError(Exception):
    """A route that says nothing of itself; the message names it. A fault of the program."""


class Description:
    """Describes all routes that an application has when this is added to it, its own among them.

    It tells of the program and its settings, and nothing of the cluster, so it is for everyone.
    catalogue: the kinds that are watched. tokens: whether a token is asked for.
    """

    def __init__(self, catalogue: Catalogue, *, tokens: bool) -> None:
        self._catalogue = catalogue
        self._version = -1
        self._tokens = tokens
        self._routes: Sequence[Described] = ()
        self._file: File | None = None

    def add_to(self, app: Sanic[Any, Any]) -> None:
        """Raises DescriptionError."""
        app.add_route(
            self._answer,
            "/openapi.json",
            methods=("GET", "HEAD"),
            name="openapi",
            ctx_open=True,
            ctx_operation=_OPERATION,
        )
        self._routes = described(app)

    async def _answer(self, request: Request) -> HTTPResponse:
        catalogue = self._catalogue
        # Few ask, and it takes as much memory as a small graph.
        if self._file is None or self._version != catalogue.version:
            self._version = catalogue.version
            content = wire.encode(document(self._routes, catalogue, tokens=self._tokens)).encode()
            headers = {"Cache-Control": "no-cache"}
            self._file = File(content, gzip.compress(content, mtime=0), type=JSON, headers=headers)
        return await self._file.answer(request)


def described(app: Sanic[Any, Any]) -> list[Described]:
    """What the routes of an application say of themselves, in the order in which they were added.

    Raises DescriptionError.
    """
    found = []
    for route in app.router.routes:
        operation = getattr(route.ctx, "operation", None)
        if operation is None:
            raise DescriptionError(f"the route {route.path!r} is not described")
        found.append(
            Described(
                name=route.name.rpartition(".")[2],
                template="/" + re.sub(r"<(\w+):\w+>", r"{\1}", route.path),
                operation=operation,
                open=getattr(route.ctx, "open", False),
            )
        )
    return found
