"""The close codes of the stream, and which errors go before them.

4000-4499: come back; 4500-4999: do not, before something is changed. websockets itself closes with 1002
what is no WebSocket.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Codes from here on are for what the peer did.
PEERS_FAULT = 4000

GOING_AWAY = 1001
INTERNAL_ERROR = 1011
SLOW = 4008
TOO_FAST = 4029
TOO_MANY = 4429
BAD_MESSAGE = 4500
UNAUTHORISED = 4501
FORBIDDEN = 4503
TOO_BIG = 4509
MISDIRECTED = 4521

#: By the HTTP status of a refusal; see `of_status`.
_OF_STATUS: Mapping[int, int] = {
    401: UNAUTHORISED,
    403: FORBIDDEN,
    421: MISDIRECTED,
    429: TOO_MANY,
    503: TOO_MANY,
}

#: The message that goes before INTERNAL_ERROR; what happened is in the log.
FAILED = "the server failed; come back"

#: The one that goes before GOING_AWAY.
GOODBYE = "the server is going away; come back"

#: The one that goes before UNAUTHORISED.
WITHDRAWN = "the token is not known any more"


def of_status(status: int) -> int:
    """The close code that says what this HTTP status says."""
    return _OF_STATUS.get(status, BAD_MESSAGE if status < 500 else INTERNAL_ERROR)
