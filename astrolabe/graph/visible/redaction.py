"""A node as a user may see it who does not see all of its neighbours.

Statuses, unresolved references and some metadata of a node come from other objects. Where one of these may
not be seen, the node says what its own manifest says, and nothing about the other object: neither how it is
nor whether it exists.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from astrolabe.graph.state.edge_types import INHERITANCE_TYPES
from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.json_text import json_text
from astrolabe.graph.state.node import Node, parse_node
from astrolabe.graph.state.status import READY, UNKNOWN
from astrolabe.graph.visible.visibility import EVENT, READS_NOTHING, Reads, Visibility

#: The reason of a status that depends on hidden neighbours.
NOT_VISIBLE = "NotVisible"
_NOT_VISIBLE = "It depends on objects that you may not see: %s"

#: Labels that name a release, so that the node's own manifest says where it belongs.
_RELEASE_LABELS = ("app.kubernetes.io/instance", "helm.toolkit.fluxcd.io/name", "release")


def redact(node: Node, state: ReadableGraph, visibility: Visibility, reads: Reads) -> Node:
    """The node without what comes from objects that may not be seen; itself if there is nothing like that."""
    read = reads.get(node.kind, READS_NOTHING)
    # By kinds and references, and not by neighbours: whether there is one that may not be seen must not show.
    hides_words = not visibility.sees_all(read.kinds, "" if read.anywhere else node.namespace)
    if not hides_words:
        named = read.targets
        if node.unresolved or read.is_nothing_alone:
            named |= read.references
        hides_words = _refers_to_hidden(node, state, visibility, named)
    hides_events = not visibility.sees(EVENT, node.namespace)
    hides_release = bool(node.release) and not _sees_release(node, state, visibility)
    if not (hides_words or hides_events or hides_release or node.unresolved):
        return node
    document = node.document()
    seen = [each for each in document.get("unresolved", ()) if _sees_target(each, node, visibility)]
    hides_words = hides_words or len(seen) < len(document.get("unresolved", ()))
    if hides_words:
        _drop(document["metadata"], read.metadata)
    if hides_events:
        _drop(document, ("warning",))
    if hides_words or hides_events:
        _tell_own(document)
    if hides_words and read.is_nothing_alone and document["status"] == READY:
        needed = {*read.kinds, *read.targets, *read.references}
        hidden = sorted([kind for kind in needed if not visibility.sees(kind, node.namespace)])
        document.update(status=UNKNOWN, reason=NOT_VISIBLE, message=_NOT_VISIBLE % ", ".join(hidden))
    _put(document, "unresolved", seen)
    if hides_release:
        _drop(document, ("release", "releaseNamespace", "chart"))
    text = json_text(document)
    return node if text == node.text else parse_node(text)


def _refers_to_hidden(
    node: Node, state: ReadableGraph, visibility: Visibility, kinds: frozenset[str]
) -> bool:
    """Whether the node names an object that exists, of one of these kinds, and may not be seen. Whoever names
    one that does not exist has an unresolved reference instead."""
    hidden = [kind for kind in kinds if kind not in visibility.everywhere]
    if not hidden:
        return False
    targets = [state.node(edge.target) for edge in state.outgoing(node.uid)]
    return any(
        target.kind in hidden and not visibility.sees(target.kind, target.namespace)
        for target in targets
        if target is not None
    )


def _sees_release(node: Node, state: ReadableGraph, visibility: Visibility) -> bool:
    """Whether the node's release is told by itself or by an owner that may be seen."""
    owners = [
        owner
        for edge in state.incoming(node.uid)
        if edge.type in INHERITANCE_TYPES and (owner := state.node(edge.source)) is not None
    ]
    if not owners or any(visibility.sees(owner.kind, owner.namespace) for owner in owners):
        return True
    labels = node.labels()
    return any(labels.get(label) == node.release for label in _RELEASE_LABELS)


def _sees_target(reference: dict[str, Any], node: Node, visibility: Visibility) -> bool:
    """Whether it may be told that the target of a reference does not exist."""
    return visibility.sees(reference["kind"], reference.get("namespace", ""))


def _tell_own(document: dict[str, Any]) -> None:
    """Let the node say only what its own manifest says."""
    own = document.pop("own", None)
    if own is not None:
        document.update(own)
        document.pop("since", None)


def _put(document: dict[str, Any], key: str, values: list[Any]) -> None:
    if values:
        document[key] = values
    else:
        document.pop(key, None)


def _drop(document: dict[str, Any], keys: Iterable[str]) -> None:
    for key in keys:
        document.pop(key, None)
