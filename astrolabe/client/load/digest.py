"""A digest of a graph that is updated change by change; equal graphs have equal digests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

import msgspec

from astrolabe.client.graph import Change, NodeChange

_CANONICAL = msgspec.json.Encoder(order="sorted")
_MODULUS = 2**64


def hash_of(document: dict[str, Any]) -> int:
    """64 bits of a node or an edge, whatever the order of its keys."""
    return int.from_bytes(blake2b(_CANONICAL.encode(document), digest_size=8).digest(), "big")


class GraphDigest:
    """The sum of the hashes of all nodes and edges, so that their order does not matter.

    value: from 0 to 2**64 - 1; 0 for an empty graph.
    """

    def __init__(self, hash: Callable[[dict[str, Any]], int] = hash_of) -> None:
        """hash: as `hash_of`, in place of it."""
        self.value = 0
        self._hash = hash

    def add(self, changes: Iterable[Change]) -> None:
        """Follow these changes."""
        value, hash = self.value, self._hash
        for change in changes:
            if change.before is not None:
                value -= hash(change.before)
            if change.sign != "-":
                value += hash(change.node if isinstance(change, NodeChange) else change.edge)
        self.value = value % _MODULUS
