"""Errors of the cluster: at the start (`ClusterError`), or of one request (`RequestFailed`)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

#: Longest text of an API server in logs and in /health.
MAX_TEXT = 300

#: What decoders raise. ValueError: msgspec's own errors, and UnicodeDecodeError for text that is not UTF-8.
#: RecursionError: for deep nesting, also in fields that no slice declares.
UNDECODABLE = (ValueError, RecursionError)


class ClusterError(Exception):
    """Astrolabe cannot use the cluster. The message says what was tried and what to do."""


class RequestFailed(Exception):
    """A request or a watch failed. The text is for people."""


class ConnectionBroken(RequestFailed):
    """The connection failed, was closed, or timed out.

    tls: the certificates are the cause, so other credentials may help.
    """

    def __init__(self, text: str, *, tls: bool = False) -> None:
        super().__init__(text)
        self.tls = tls


class NotTheApi(RequestFailed):
    """The answer does not come from a Kubernetes API server. It may be a proxy's HTML page."""


class TooLarge(NotTheApi):
    """An answer is longer than the limit. beginning: its first bytes."""

    def __init__(self, text: str, beginning: bytes) -> None:
        super().__init__(text)
        self.beginning = beginning


class TooManyObjects(RequestFailed):
    """A list has more objects than are read whole."""


class WatchEnded(RequestFailed):
    """A watch ended or went silent too early."""


class ApiError(RequestFailed):
    """The API server refused a request, by HTTP status or by an ERROR event in a stream.

    code: the HTTP status. reason: one word of metav1.Status ("Expired"); "" if the body was not a Status.
    retry_after: seconds; None if the server does not say.
    """

    def __init__(self, code: int, reason: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(": ".join(part for part in (f"{code} {reason}".strip(), message) if part))
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class _Details(msgspec.Struct):
    retry_after_seconds: float | None = msgspec.field(default=None, name="retryAfterSeconds")


class _ApiStatus(msgspec.Struct):
    """metav1.Status of apimachinery. Its `status` field is a string, unlike any object's."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: _Details | None = None


def error_of_status(status: bytes | msgspec.Raw) -> ApiError:
    """The error in the object of an ERROR event. Raises ValueError if there is none."""
    decoded = msgspec.json.decode(status, type=_ApiStatus)
    details = decoded.details or _Details()
    return ApiError(
        decoded.code or 500,
        decoded.reason,
        decoded.message[:MAX_TEXT],
        retry_after=details.retry_after_seconds,
    )


def error_of_answer(code: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The error that an HTTP answer means. A body that is no Status, such as HTML, is ignored."""
    try:
        status = error_of_status(body)
    except UNDECODABLE:
        status = ApiError(code, "", "")
    stated = headers.get("Retry-After", "")
    retry_after = float(stated) if stated.isdecimal() else status.retry_after
    return ApiError(code, status.reason, status.message, retry_after=retry_after)


def forget_frames(error: BaseException) -> None:
    """Drop the tracebacks of an error and of its causes.

    A traceback refers to frames, which may refer to the error: aiohttp's reader keeps the error that it
    raised, and an event of a watch keeps the error that it carries. Such a cycle keeps the whole answer in
    memory, and the garbage collector runs rarely (`garbage`).
    """
    each: BaseException | None = error
    while each is not None:
        each.__traceback__ = None
        each = each.__cause__ or each.__context__
