"""`/openapi.json`: the API described."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.encoding import wire
from astrolabe.http.errors import JSON
from astrolabe.http.openapi import parameters
from astrolabe.http.openapi.document import document
from astrolabe.http.openapi.operation import CACHED, ApiEndpoint, ApiResponse, Operation
from astrolabe.http.responses.shared import StaticFile
from astrolabe.kinds.catalogue import Catalogue

_OPERATION = Operation(
    summary="this API as an OpenAPI 3.1 document",
    group="pages",
    parameters=(parameters.IF_NONE_MATCH,),
    answers={200: ApiResponse(description="The document.", body={JSON: dict[str, Any]}, headers=CACHED)},
)


class ApiDescription:
    """Describes these endpoints, and its own.

    It speaks of the program and its settings, and never of the cluster, so it is for everyone.

    catalogue: the kinds that are watched. tokens: whether requests need a token.
    """

    def __init__(self, endpoints: Iterable[ApiEndpoint], catalogue: Catalogue, *, tokens: bool) -> None:
        self.endpoint = ApiEndpoint(
            path="/openapi.json", name="openapi", handler=self._answer, open=True, operation=_OPERATION
        )
        self._endpoints = (*endpoints, self.endpoint)
        self._catalogue = catalogue
        self._version = -1
        self._tokens = tokens
        self._file: StaticFile | None = None

    async def _answer(self, request: Request) -> HTTPResponse:
        catalogue = self._catalogue
        # Few ask, and it takes as much memory as a small graph.
        if self._file is None or self._version != catalogue.version:
            self._version = catalogue.version
            content = wire.encode(document(self._endpoints, catalogue, tokens=self._tokens)).encode()
            headers = {"Cache-Control": "no-cache"}
            self._file = StaticFile(content, gzip.compress(content, mtime=0), type=JSON, headers=headers)
        return await self._file.answer(request)
