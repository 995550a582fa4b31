"""All error codes and close codes: what they mean, and whether the client may try again.

The guide's tables are made from this table, and a test compares it with what the server sends.
"""

from __future__ import annotations

from dataclasses import dataclass

from websockets.frames import CloseCode

from astrolabe.http.net import close_codes

#: Close codes from here on mean: do not reconnect before something has changed.
FINAL = 4500


@dataclass(frozen=True, kw_only=True)
class ErrorCode:
    """One code.

    status: of the HTTP response; None if there is none. close: the close code; None if nothing is closed.
    subscription: whether it may concern a single subscription. retry: whether trying again may help.
    meaning: a sentence, with what to do.
    """

    code: str
    meaning: str
    status: int | None = None
    close: int | None = None
    subscription: bool = False
    retry: bool = False


ERROR_CODES = (
    ErrorCode(
        code="forbidden",
        status=403,
        meaning="Your rights in Kubernetes do not allow this path. The message says which grant would.",
    ),
    ErrorCode(
        code="identity-unknown",
        status=503,
        close=close_codes.TOO_MANY,
        retry=True,
        meaning="The API server cannot say whose token this is.",
    ),
    ErrorCode(
        code="rights-unknown",
        status=503,
        close=close_codes.TOO_MANY,
        retry=True,
        meaning="The API server cannot say what you may see.",
    ),
    ErrorCode(
        code="rights-changed",
        close=close_codes.RIGHTS_CHANGED,
        retry=True,
        meaning="Your rights have changed. Come back for a new snapshot.",
    ),
    ErrorCode(
        code="too-many-visibilities",
        status=503,
        close=close_codes.TOO_MANY,
        retry=True,
        meaning="The server already serves the most different sets of rights (`--max-visibilities`).",
    ),
    ErrorCode(
        code="bad-filter",
        status=400,
        close=close_codes.BAD_MESSAGE,
        subscription=True,
        meaning="The filter or a parameter is unknown or beyond a limit. The message names it.",
    ),
    ErrorCode(
        code="bad-request",
        status=400,
        close=close_codes.BAD_MESSAGE,
        meaning="The request is not valid HTTP.",
    ),
    ErrorCode(code="bad-handshake", status=400, meaning="The request is not a valid WebSocket handshake."),
    ErrorCode(
        code="bad-frame",
        close=CloseCode.PROTOCOL_ERROR,
        retry=True,
        meaning="The client broke the WebSocket protocol.",
    ),
    ErrorCode(
        code="bad-message",
        close=close_codes.BAD_MESSAGE,
        meaning="The client sent a message that the server does not understand.",
    ),
    ErrorCode(
        code="unauthorised",
        status=401,
        close=close_codes.UNAUTHORISED,
        meaning="There was no token, or it is unknown or withdrawn. Send a valid one.",
    ),
    ErrorCode(
        code="forbidden-origin",
        status=403,
        close=close_codes.FORBIDDEN,
        meaning="The page comes from another site. Allow it with `--allowed-origins` or `--cors-origins`.",
    ),
    ErrorCode(code="not-found", status=404, meaning="There is no such path, or no resource with this uid."),
    ErrorCode(
        code="wrong-kind",
        status=409,
        meaning="The action does not apply to a resource of this kind. The message says which do.",
    ),
    ErrorCode(
        code="ambiguous",
        status=409,
        meaning="Several resources have this name. The message lists them; agents are told it in the answer.",
    ),
    ErrorCode(
        code="method-not-allowed",
        status=405,
        meaning="The server answers GET and HEAD, and POST where that is described.",
    ),
    ErrorCode(
        code="timeout",
        status=408,
        close=close_codes.SLOW,
        retry=True,
        meaning="The request took too long to arrive, or the client gave no sign of life.",
    ),
    ErrorCode(
        code="too-big",
        status=413,
        close=close_codes.TOO_BIG,
        meaning="The request or the message is too long (`--max-message-bytes`).",
    ),
    ErrorCode(
        code="misdirected",
        status=421,
        close=close_codes.MISDIRECTED,
        meaning="The server does not answer for this host. Add it to `--allowed-hosts`.",
    ),
    ErrorCode(
        code="upgrade-required",
        status=426,
        meaning="Only a WebSocket is served here. A proxy may not pass on `Upgrade`.",
    ),
    ErrorCode(
        code="internal-error",
        status=500,
        close=close_codes.INTERNAL_ERROR,
        retry=True,
        meaning="The server failed. Its log says why.",
    ),
    ErrorCode(code="behind", status=503, retry=True, meaning="The server has not reached `min_seq` yet."),
    ErrorCode(code="busy", status=503, retry=True, meaning="The request waited too long for its turn."),
    ErrorCode(
        code="too-many-requests",
        status=503,
        retry=True,
        meaning="The server is already making the most answers at a time (`--max-requests`).",
    ),
    ErrorCode(
        code="too-many-connections",
        status=503,
        close=close_codes.TOO_MANY,
        retry=True,
        meaning="The most streams are already open (`--max-connections`).",
    ),
    ErrorCode(
        code="too-many-filters",
        status=503,
        close=close_codes.TOO_MANY,
        subscription=True,
        retry=True,
        meaning="The most different filters are already in use (`--max-filters`).",
    ),
    ErrorCode(code="unavailable", status=503, retry=True, meaning="The server is stopping."),
    ErrorCode(
        code="duplicate-id",
        subscription=True,
        meaning="Another subscription has this id, and continues. Choose another id.",
    ),
    ErrorCode(
        code="too-many-subscriptions",
        subscription=True,
        meaning="The connection already has the most subscriptions (`--max-subscriptions`).",
    ),
    ErrorCode(
        code="unknown-what",
        subscription=True,
        meaning="This server does not know this `what`. The message names those that it knows.",
    ),
    ErrorCode(code="unknown-id", subscription=True, meaning="No subscription has this id."),
    ErrorCode(
        code="slow", close=close_codes.SLOW, retry=True, meaning="The client does not read what it is sent."
    ),
    ErrorCode(
        code="too-fast",
        close=close_codes.TOO_FAST,
        retry=True,
        meaning="The client sends too many messages (`--max-message-rate`).",
    ),
    ErrorCode(
        code="going-away",
        close=close_codes.GOING_AWAY,
        retry=True,
        meaning="The server or the replica is stopping.",
    ),
)
