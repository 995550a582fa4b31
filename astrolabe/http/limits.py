"""How much a client may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """connections: streams open at a time. subscriptions: of one connection.

    message_bytes, messages_per_second: of what a WebSocket client sends.
    request: seconds that a request may take to arrive, the first one from connecting on.
    heartbeat: seconds; a peer that is not heard of for two and a half of them is gone.
    stall: seconds that a transport may take nothing before the connection is aborted.
    grace: seconds that a peer has to answer the closing of its connection.
    """

    connections: int = 2000
    subscriptions: int = 32
    message_bytes: int = 64 * 1024
    messages_per_second: int = 50
    request: float = 10.0
    heartbeat: float = 15.0
    stall: float = 30.0
    grace: float = 1.0
