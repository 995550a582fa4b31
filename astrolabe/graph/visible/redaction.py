"""A node as it is shown to a user who may not see all of its neighbours.

Statuses, unresolved references and some metadata of a node come from other objects. Where one of these may
not be seen, the node says what its own manifest says, and nothing about the other object: neither how it is
nor whether it exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.json_text import json_text
from astrolabe.graph.state.node import Node, parse_node
from astrolabe.graph.state.status import READY, UNKNOWN
from astrolabe.graph.visible.visibility import (
    EVENT,
    EVERYTHING,
    READS_ANYTHING,
    READS_NOTHING,
    Reads,
    Visibility,
)

#: The reason of a status that depends on hidden neighbours.
NOT_VISIBLE = "NotVisible"
_NOT_VISIBLE = "It depends on objects that you may not see: %s"

#: In the text of a node that names its owners.
_OWNED = '"ownerReferences":'


class _Inherited(NamedTuple):
    """What a node has from its owners, unless labels of its own say it; the label has the last part."""

    value: Callable[[Node], tuple[str, ...]]
    labels: tuple[str, ...]


_RELEASE = _Inherited(
    lambda node: (node.release_namespace, node.release),
    ("app.kubernetes.io/instance", "helm.toolkit.fluxcd.io/name", "release"),
)
_CHART = _Inherited(lambda node: (node.chart,), ("helm.sh/chart",))


def redact(node: Node, state: ReadableGraph, visibility: Visibility, reads: Reads) -> Node:
    """The node without what comes from hidden objects; the same node if nothing does."""
    read = reads.get(node.kind, READS_NOTHING)
    visibility = visibility.of(node.cluster)  # of other clusters it says nothing
    is_opaque = _is_opaque(node, visibility)
    if is_opaque:
        read = READS_ANYTHING
    # By kinds and references, and not by neighbours: whether there is one that may not be seen must not show.
    hides_words = not visibility.sees_all(read.kinds, "" if read.anywhere else node.namespace)
    if not hides_words:
        named = read.targets
        if node.unresolved or read.is_nothing_alone:
            named |= read.references
        hides_words = _refers_to_hidden(node, state, visibility, named)
    hides_events = not visibility.sees(EVENT, node.namespace)
    hides_release = bool(node.release) and not _is_told(node, state, visibility, reads, _RELEASE)
    hides_chart = bool(node.chart) and not _is_told(node, state, visibility, reads, _CHART)
    if not (hides_words or hides_events or hides_release or hides_chart or node.unresolved):
        return node
    document = node.document()
    seen = [each for each in document.get("unresolved", ()) if _sees_target(each, node, visibility)]
    hides_words = hides_words or len(seen) < len(document.get("unresolved", ()))
    if hides_words:
        _drop(document["metadata"], [*document["metadata"]] if is_opaque else read.metadata)
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
        _drop(document, ("release", "releaseNamespace"))
    if hides_chart:
        _drop(document, ("chart",))
    text = json_text(document)
    return node if text == node.text else parse_node(text)


def _is_opaque(node: Node, visibility: Visibility) -> bool:
    """Whether nobody here knows which other objects the node speaks of."""
    return visibility.foreign and "." in node.kind and not visibility.sees_everywhere(EVERYTHING)


def _refers_to_hidden(
    node: Node, state: ReadableGraph, visibility: Visibility, kinds: frozenset[str]
) -> bool:
    """Whether the node names an object that exists, of one of these kinds, and may not be seen. Whoever names
    one that does not exist has an unresolved reference instead."""
    hidden = [kind for kind in kinds if not visibility.sees_everywhere(kind)]
    if not hidden:
        return False
    targets = [state.node(edge.target) for edge in state.outgoing(node.uid)]
    return any(
        target.kind in hidden and not visibility.sees(target.kind, target.namespace)
        for target in targets
        if target is not None and target.cluster == node.cluster
    )


def _is_told(
    node: Node, state: ReadableGraph, visibility: Visibility, reads: Reads, what: _Inherited
) -> bool:
    """Whether the node itself tells its release or chart, or an owner that may be seen and is told its own.

    Which objects own it stands in its manifest. Whether these exist must not show.
    """
    seen, waiting = {node.uid}, [node]
    value = what.value(node)
    for each in waiting:
        inherits = reads.get(each.kind, READS_NOTHING).inherits
        above = [
            owner
            for edge in state.incoming(each.uid)
            if edge.type in inherits and (owner := state.node(edge.source)) is not None
        ]
        is_owned = bool(above) or _OWNED in each.text or _is_opaque(each, visibility)
        if not is_owned or any(each.labels().get(label) == value[-1] for label in what.labels):
            return True
        for owner in above:
            sees = visibility.sees(owner.kind, owner.namespace)
            if sees and owner.uid not in seen and what.value(owner) == value:
                seen.add(owner.uid)
                waiting.append(owner)
    return False


def _sees_target(reference: dict[str, Any], node: Node, visibility: Visibility) -> bool:
    """Whether it may be told that the target of a reference does not exist."""
    return visibility.sees(reference["kind"], reference.get("namespace", ""))


def _tell_own(document: dict[str, Any]) -> None:
    """The node with only what its own manifest says."""
    own = document.pop("own", None)
    if own is not None:
        document.pop("since", None)
        rest = {key: value for key, value in document.items() if key not in own}
        document.clear()
        document.update(own, **rest)  # in the order of a node's text: the labels come last


def _put(document: dict[str, Any], key: str, values: list[Any]) -> None:
    if values:
        document[key] = values
    else:
        document.pop(key, None)


def _drop(document: dict[str, Any], keys: Iterable[str]) -> None:
    for key in keys:
        document.pop(key, None)
