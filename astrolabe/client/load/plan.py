"""The parameters of a load test."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from astrolabe.client.client import Filter


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """url: as `Client` takes it.

    filters: the clients take them in turn, so that there should be several clients to each.
    clients: how many. ramp: of them a second at the beginning. duration: seconds after that.
    slow: the share of clients that pause between two messages, for `pause` seconds on average.
    reconnect: the share that cut their connection, every `period` seconds on average, and resume.
    verify: the share that holds the graph and is compared; the rest only sees that nothing is skipped.
    finding: seconds that the server has to be there at the beginning. settling: seconds that the clients
        have at the end to be where a fresh snapshot is; where nothing changes, a heartbeat brings them there.
    """

    url: str
    filters: Sequence[Filter] = ({},)
    clients: int = 100
    ramp: float = 50.0
    duration: float = 30.0
    slow: float = 0.0
    pause: float = 1.0
    reconnect: float = 0.0
    period: float = 5.0
    verify: float = 1.0
    finding: float = 5.0
    settling: float = 20.0
    seed: int = 1


def is_in_share(number: int, part: float) -> bool:
    """Whether the client with this number is in a share (0 to 1) of all clients, spread evenly."""
    return int((number + 1) * part) > int(number * part)
