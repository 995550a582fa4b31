"""What can go wrong with the cluster: at the start (`ClusterError`), with one request (`RequestFailed`)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

#: Longest text of a server that is passed on to logs and to /health.
MAX_TEXT = 300

#: What decoders raise about one document. ValueError: msgspec's own errors, and UnicodeDecodeError for text
#: that is not UTF-8. RecursionError: also where the depth is in what no slice declares.
UNDECODABLE = (ValueError, RecursionError)


class ClusterError(Exception):
    """Astrolabe cannot work with the cluster: one message that says what was tried and what to do."""


class RequestFailed(Exception):
    """One request, or the watch that it began, did not end well; the text is for people."""


class ConnectionBroken(RequestFailed):
    """The connection never came about, was cut, or fell silent.

    tls: the certificates are the trouble, so other credentials may help.
    """

    def __init__(self, text: str, *, tls: bool = False) -> None:
        super().__init__(text)
        self.tls = tls


class NotTheApi(RequestFailed):
    """Something answers that does not speak as a Kubernetes API server does, such as a proxy's HTML."""


class TooLarge(NotTheApi):
    """An answer has more bytes than are read. beginning: the first of them."""

    def __init__(self, text: str, beginning: bytes) -> None:
        super().__init__(text)
        self.beginning = beginning


class WatchEnded(RequestFailed):
    """A watch ended, or had nothing more to say, before it should have."""


class ApiError(RequestFailed):
    """The API server refused, by HTTP status or by an ERROR event in a stream.

    code: of HTTP. reason: one word of metav1.Status ("Expired"), "" when the body was not a Status.
    retry_after: seconds; None when the server does not say.
    """

    def __init__(self, code: int, reason: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(": ".join(part for part in (f"{code} {reason}".strip(), message) if part))
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class _Details(msgspec.Struct):
    retry_after_seconds: float | None = msgspec.field(default=None, name="retryAfterSeconds")


class _Status(msgspec.Struct):
    """metav1.Status of apimachinery. Its `status` field is a string, unlike any object's."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: _Details | None = None


def error_of_status(status: bytes | msgspec.Raw) -> ApiError:
    """The error that an ERROR event carries as its object. Raises ValueError when it carries none."""
    decoded = msgspec.json.decode(status, type=_Status)
    details = decoded.details or _Details()
    return ApiError(
        decoded.code or 500,
        decoded.reason,
        decoded.message[:MAX_TEXT],
        retry_after=details.retry_after_seconds,
    )


def error_of_answer(code: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The error that an HTTP answer stands for. Only a Status says something; a page of HTML does not."""
    try:
        status = error_of_status(body)
    except UNDECODABLE:
        status = ApiError(code, "", "")
    stated = headers.get("Retry-After", "")
    retry_after = float(stated) if stated.isdecimal() else status.retry_after
    return ApiError(code, status.reason, status.message, retry_after=retry_after)


def forget_frames(error: BaseException) -> None:
    """Drop the tracebacks of an error and of what it came from.

    Who keeps an error keeps the frames of its traceback, and they may keep him: aiohttp's reader the error
    that it raised, an event of a watch the one that it carries. With them stays all that belongs to the
    answer, and collections that would find such a cycle are rare (`app.GC_THRESHOLDS`).
    """
    each: BaseException | None = error
    while each is not None:
        each.__traceback__ = None
        each = each.__cause__ or each.__context__
