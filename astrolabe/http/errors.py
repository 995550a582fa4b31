"""Refusals, and how every error of a request becomes a JSON response."""

from __future__ import annotations

import logging
from asyncio import CancelledError
from collections.abc import Callable, Mapping

from sanic.exceptions import SanicException
from sanic.handlers import ErrorHandler
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.encoding import wire
from astrolabe.graph.views.filter import FilterError

logger = logging.getLogger("astrolabe.http")

JSON = "application/json"
HTML = "text/html; charset=utf-8"


class ServerError(Exception):
    """The server cannot start; the message says why."""


class FileError(ServerError):
    """A file that the settings name cannot be used; the message says which, and why."""


class Refusal(Exception):
    """A request that is refused.

    error: a code for programs. message: a sentence for people, which names the wrong parameter.
    at: where in the search it does not parse, counted in characters from 0; None for anything else.
    page: the same as HTML, for a person who opens the address in a browser; "" for none.
    """

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        page: str = "",
        at: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.headers = dict(headers or {})
        self.page = page
        self.at = at


def bad_parameter(message: str) -> Refusal:
    """The refusal of a wrong parameter."""
    return Refusal(400, "bad-filter", message)


#: The error codes for statuses that Sanic itself answers with.
_WORDS = {404: "not-found", 405: "method-not-allowed", 408: "timeout", 413: "too-big", 503: "unavailable"}


def as_refusal(exception: BaseException) -> Refusal:
    """The refusal that an exception becomes. An unexpected one is an internal error."""
    match exception:
        case Refusal():
            return exception
        case FilterError():
            return Refusal(400, "bad-filter", str(exception), at=exception.at)
        case SanicException() if exception.status_code < 500 or exception.status_code == 503:
            status = exception.status_code
            word = _WORDS.get(status, "bad-request")
            return Refusal(status, word, str(exception), headers=exception.headers)
    return Refusal(500, "internal-error", "the server failed; its log says why")


class JsonErrors(ErrorHandler):
    """Answers every error of a request with `{"error": ..., "message": ...}`, or with the refusal's page.

    headers: the headers that every response to a request has.
    """

    def __init__(self, headers: Callable[[Request], Mapping[str, str]]) -> None:
        super().__init__()
        self._headers = headers

    def default(self, request: Request, exception: BaseException) -> HTTPResponse:
        refusal = as_refusal(exception)
        gone = isinstance(
            exception, CancelledError
        )  # the client has left: nobody will read this, and nothing is wrong
        if refusal.status == 500 and not gone:
            logger.error("failed to answer %s %s", request.method, request.path, exc_info=exception)
        headers = {**self._headers(request), **refusal.headers}
        if refusal.page and "text/html" in request.headers.get("accept", ""):
            return HTTPResponse(refusal.page, status=refusal.status, headers=headers, content_type=HTML)
        document: dict[str, object] = {"error": refusal.error, "message": refusal.message}
        if refusal.at is not None:
            document["at"] = refusal.at
        return HTTPResponse(wire.encode(document), status=refusal.status, headers=headers, content_type=JSON)
