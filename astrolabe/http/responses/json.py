"""JSON documents in pieces, so that making a long one never keeps the event loop busy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import ujson

from astrolabe.graph.encoding.wire import encode, joined
from astrolabe.graph.state.node import Node

#: Nodes that are looked at in one step.
STRETCH = 1000


def stretches(nodes: Sequence[Node]) -> Iterator[Sequence[Node]]:
    """The nodes in stretches of less than a slice of time. A body yields "" after each."""
    for begin in range(0, len(nodes), STRETCH):
        yield nodes[begin : begin + STRETCH]


def array(documents: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A JSON array of documents. Each is encoded when its piece is drawn."""
    return chain(("[",), joined(map(encode, documents)), ("]",))


def names(found: Iterable[str]) -> Iterator[str]:
    """A sorted JSON array of strings."""
    return iter((ujson.dumps(sorted(found), escape_forward_slashes=False),))
