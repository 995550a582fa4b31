"""The close codes of the stream, and which errors go before them.

4000-4499: come back; 4500-4999: do not, before something is changed. websockets itself closes with 1009
what is too big, and with 1002 what is no WebSocket.
"""

from __future__ import annotations

#: Codes from here on are for what the peer did.
PEERS_FAULT = 4000

GOING_AWAY = 1001
INTERNAL_ERROR = 1011
SLOW = 4008
TOO_FAST = 4029
BAD_MESSAGE = 4500
UNAUTHORISED = 4501

#: The message that goes before INTERNAL_ERROR; what happened is in the log.
FAILED = "the server failed; come back"

#: The one that goes before UNAUTHORISED.
WITHDRAWN = "the token is not known any more"
