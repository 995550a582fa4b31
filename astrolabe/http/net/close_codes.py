"""The close codes of the stream, and the messages that are sent before them.

4000-4499: the client may reconnect. 4500-4999: it should not, until something is changed. The websockets
library itself closes with 1002 when the peer breaks the WebSocket protocol.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Codes from here on mean that the peer did something wrong.
PEERS_FAULT = 4000

GOING_AWAY = 1001
INTERNAL_ERROR = 1011
SLOW = 4008
RIGHTS_CHANGED = 4010
TOO_FAST = 4029
TOO_MANY = 4429
BAD_MESSAGE = 4500
UNAUTHORISED = 4501
FORBIDDEN = 4503
TOO_BIG = 4509
MISDIRECTED = 4521

#: By the HTTP status of a refusal, see `of_status`.
_OF_STATUS: Mapping[int, int] = {
    401: UNAUTHORISED,
    403: FORBIDDEN,
    421: MISDIRECTED,
    429: TOO_MANY,
    503: TOO_MANY,
}

#: The message before INTERNAL_ERROR. The log has the details.
FAILED = "the server failed; come back"

#: The message before GOING_AWAY.
GOODBYE = "the server is going away; come back"

#: The message before RIGHTS_CHANGED.
CHANGED = "your rights have changed; come back"

#: The message before UNAUTHORISED.
WITHDRAWN = "the token is no longer known"


def of_status(status: int) -> int:
    """The close code that corresponds to an HTTP status."""
    return _OF_STATUS.get(status, BAD_MESSAGE if status < 500 else INTERNAL_ERROR)
