"""A node: the attributes that filters read, and its JSON text, which is made once when it changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import ujson

from astrolabe.graph.state.identity import GroupKind

#: Characters of a node's text that its manifest may decide, and as many its neighbours: one whose object is
#: within its limits may still be long, since what is not ASCII is escaped.
LONGEST_PART = 2 * 2**20


class Node(msgspec.Struct, frozen=True, gc=False):
    """One resource as it is served. `namespace` is "" when cluster-scoped.

    kind: by which the graph knows it (`GroupKind.key`); the text has the kind and apiVersion of its manifest.
    status: the level. release, release_namespace, chart: effective, "" when none.
    unresolved: whether it has unresolved references; the text has them.
    cluster: in a union of several clusters, the name of its own, with which its uid begins; else "".
    text: the node on the wire, ASCII JSON; `labels`, if any, come last. `message` and `namespace` are always
        there, except in a node that an older version stored in Redis.
    """

    uid: str
    kind: str
    name: str
    namespace: str
    status: str
    release: str
    release_namespace: str
    chart: str
    unresolved: bool
    text: str
    cluster: str = ""

    def labels(self) -> dict[str, str]:
        """The labels, parsed from the text, since only label selectors need them. Do not change them."""
        return _labels_of(self.text)

    def document(self) -> dict[str, Any]:
        """The node as a JSON object."""
        document: dict[str, Any] = ujson.loads(self.text)
        return document


@lru_cache(maxsize=512)  # many views ask for those of the nodes that have just changed
def _labels_of(text: str) -> dict[str, str]:
    return labels_in(text)


def labels_in(text: str) -> dict[str, str]:
    """The labels, from a node's text or from the part that its manifest decides."""
    start = text.rfind(',"labels":{')
    if start < 0:
        return {}
    labels: dict[str, str] = ujson.loads(text[start + 10 : -1])
    return labels


#: Status and reason are the first that a node's text has.
_REASON = re.compile(r'\{"status":"\w*","reason":"([^"\\]*)"')


def reason_of(node: Node) -> str:
    """The reason of its status, from the text."""
    found = _REASON.match(node.text)
    return found[1] if found else str(node.document()["reason"])


class _Head(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The part of a node's text that filters need. Skipping the rest is four times as fast."""

    uid: str
    kind: str
    name: str
    status: str
    api_version: str = ""
    namespace: str = ""
    release: str = ""
    release_namespace: str = ""
    chart: str = ""
    cluster: str = ""
    unresolved: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_HEADS = msgspec.json.Decoder(list[_Head])


def parse_node(text: str) -> Node:
    """Parse a node's wire text. Raises ValueError if it is not one."""
    return _node_of(_HEAD.decode(text), text)


def parse_nodes(texts: Sequence[bytes]) -> list[Node]:
    """Parse the wire texts of nodes. Raises ValueError if one of them is not a node."""
    heads = _HEADS.decode(b"[%b]" % b",".join(texts))
    return [_node_of(head, text.decode()) for head, text in zip(heads, texts, strict=True)]


@lru_cache(maxsize=1024)
def _key_of(api_version: str, kind: str) -> str:
    return GroupKind.of(api_version, kind).key


def _node_of(head: _Head, text: str) -> Node:
    # By position, which a Struct takes twice as fast as by name.
    return Node(
        head.uid,
        # Most groups of Kubernetes' own have no dot, and those of others do.
        head.kind if "." not in head.api_version else _key_of(head.api_version, head.kind),
        head.name,
        head.namespace,
        head.status,
        head.release,
        head.release_namespace,
        head.chart,
        head.unresolved is not msgspec.UNSET,
        text,
        head.cluster,
    )
