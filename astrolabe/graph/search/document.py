"""What search reads from a node's text, besides the attributes of the node."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from astrolabe.graph.state.node import Node


class NodeDocument(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A part of a node as it is on the wire."""

    reason: str = ""
    message: str = ""
    since: str = ""
    metadata: dict[str, Any] = {}
    owner_references: list[dict[str, str]] = []
    unresolved: list[dict[str, Any]] = []


_DECODER = msgspec.json.Decoder(NodeDocument)


@lru_cache(maxsize=1024)  # several views, and several terms of each, ask for the nodes that just changed
def _parsed(text: str) -> NodeDocument:
    return _DECODER.decode(text)


def document_of(node: Node) -> NodeDocument:
    """The document of a node; do not change it."""
    return _parsed(node.text)


def texts_at(metadata: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The texts at a path of the metadata, whatever the case of its keys: of a list each entry, of an object
    each `key=value`.
    """
    value = metadata
    for name in path:
        if not isinstance(value, dict):
            return
        value = next((each for key, each in value.items() if key.lower() == name), None)
    yield from _texts_in(value)


def _texts_in(value: Any) -> Iterator[str]:
    match value:
        case None:
            return
        case bool():
            yield "true" if value else "false"
        case list():
            for each in value:
                yield from _texts_in(each)
        case dict():
            for key, each in value.items():
                for text in _texts_in(each):
                    yield f"{key}={text}"
        case _:
            yield str(value)
