"""What the REST paths answer, as pieces of JSON text.

A body is given what a filter keeps (None: it is of the graph as it is), and takes all else that it needs
when it is called, so that it is of one place in history; its pieces are drawn later, at leisure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import Any

import msgspec

from astrolabe.graph.encoding.wire import encode, joined
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.edge_types import EDGE_TYPES, OWNS
from astrolabe.graph.state.identity import NAMESPACE
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import LEVELS
from astrolabe.http.errors import Refusal
from astrolabe.http.query import Question
from astrolabe.http.responses.cache import Pieces
from astrolabe.http.responses.json import array, names, stretches
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import Snapshot
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.kind import Kind

Body = Callable[[Hub, Question, Snapshot | None], Pieces]

#: Pages that are encoded in one step.
STEP = 10


def kept(hub: Hub, taken: Snapshot | None) -> list[Node]:
    """The nodes that it is of."""
    return list(hub.graph.nodes.values()) if taken is None else taken.nodes


def graph(hub: Hub, _: Question, taken: Snapshot | None) -> Pieces:
    """The filtered graph: nodes, and the edges between them."""
    place = hub.graph if taken is None else taken
    head = encode({"epoch": place.epoch, "seq": place.seq})[:-1]
    nodes, edges = _pages(hub) if taken is None else _texts(taken)
    return chain((f'{head},"nodes":[',), nodes, ('],"edges":[',), edges, ("]}",))


def prepare_graph(hub: Hub, question: Question) -> Iterator[None]:
    """Steps that leave `graph` little to do at once; many only before the first whole graph."""
    if not question.filter:
        while hub.pages.refresh(STEP):
            yield


def _pages(hub: Hub) -> tuple[Pieces, Pieces]:
    nodes, edges = hub.pages.take()
    return _without_comma(nodes), _without_comma(edges)


def _texts(taken: Snapshot) -> tuple[Pieces, Pieces]:
    return joined(node.text for node in taken.nodes), joined(edge.text for edge in taken.edges)


def _without_comma(pages: list[bytes]) -> Pieces:
    """Before the first page."""
    for number, page in enumerate(pages):
        yield page if number else page[1:]


def resource(hub: Hub, question: Question, _: Snapshot | None) -> Iterator[str]:
    """One node with all that is linked to it, which may be much of the graph.

    Raises Refusal (404) for a uid that is not in the graph.
    """
    node, nodes = _find(hub, question.uid), hub.graph.nodes
    head = encode({"epoch": hub.graph.epoch, "seq": hub.graph.seq, "node": node.document()})[:-1]
    tail = encode({"unresolved": node.document().get("unresolved", [])})[1:]
    out = [(edge, nodes[edge.target]) for edge in hub.graph.out(node.uid)]
    into = [(edge, nodes[edge.source]) for edge in hub.graph.into(node.uid)]
    return chain(
        (f'{head},"edges":{{"out":',),
        array(_edge(edge, other) for edge, other in out),
        (',"in":',),
        array(_edge(edge, other) for edge, other in into),
        (f"}},{tail}",),
    )


def check_resource(hub: Hub, question: Question) -> None:
    """What is not there has no version that a client could hold. Raises Refusal (404)."""
    _find(hub, question.uid)


def _find(hub: Hub, uid: str) -> Node:
    node = hub.graph.nodes.get(uid)
    if node is None:
        raise Refusal(404, "not-found", f"no resource with uid {uid!r} is in the graph")
    return node


def charts(hub: Hub, question: Question, taken: Snapshot | None) -> Iterator[str]:
    """The names and versions of charts that what the filter keeps is of.

    `namespace` means those of releases that are of it, or have something there.
    """
    return _charts(kept(hub, taken), question.filter.namespace)


def _charts(nodes: list[Node], namespaces: Collection[str]) -> Iterator[str]:
    found: set[str] = set()
    for stretch in stretches(nodes):
        found.update(
            [
                node.chart
                for node in stretch
                if node.chart
                and (not namespaces or node.namespace in namespaces or node.release_namespace in namespaces)
            ]
        )
        yield ""
    yield from names(found)


def namespaces(hub: Hub, _: Question, taken: Snapshot | None) -> Iterator[str]:
    """The namespaces that the filter keeps, or that something is in that it keeps."""
    return _namespaces(kept(hub, taken))


def _namespaces(nodes: list[Node]) -> Iterator[str]:
    found: set[str] = set()
    for stretch in stretches(nodes):
        found.update([node.namespace for node in stretch if node.namespace])
        found.update([node.name for node in stretch if node.kind == NAMESPACE])
        yield ""
    yield from names(found)


def kinds_of(catalogue: Catalogue) -> Body:
    """The body that describes these kinds, and counts the nodes of each that the filter keeps."""

    def kinds(hub: Hub, _: Question, taken: Snapshot | None) -> Iterator[str]:
        return _kinds(kept(hub, taken), catalogue)

    return kinds


def _kinds(nodes: list[Node], catalogue: Catalogue) -> Iterator[str]:
    counts: Counter[tuple[str, str]] = Counter()
    for stretch in stretches(nodes):
        counts.update([(node.kind, node.status) for node in stretch])
        yield ""
    yield from array(_kind(kind, counts) for kind in catalogue)


def edge_types(_: Hub, __: Question, ___: Snapshot | None) -> Iterator[str]:
    """What each type of edge means."""
    return array(
        {
            "type": each.name,
            "description": each.description,
            "closure": each.closure,
            "takesAlong": each.takes_along,
            "inherits": each.inherits,
            "needs": each.needs,
            "hidden": each.hidden,
        }
        for each in EDGE_TYPES.values()
    )


def identity(node: Node) -> dict[str, str]:
    """Who a node is, and how it is."""
    return {
        "uid": node.uid,
        "kind": node.kind,
        "namespace": node.namespace,
        "name": node.name,
        "status": node.status,
    }


def _edge(edge: Edge, other: Node) -> dict[str, Any]:
    return {
        "type": edge.type,
        "from": edge.source,
        "to": edge.target,
        "field": edge.field,
        "other": identity(other),
    }


def _kind(kind: Kind[Any], counts: Counter[tuple[str, str]]) -> dict[str, Any]:
    return {
        "kind": kind.key,
        "group": kind.group,
        "version": kind.version,
        "plural": kind.plural,
        "shortNames": list(kind.short_names),
        "abbreviation": kind.abbreviation,
        "namespaced": kind.namespaced,
        "layer": kind.layer,
        "column": kind.column,
        "columns": msgspec.to_builtins(kind.columns),
        "relays": kind.relays,
        "optional": kind.optional,
        "inherits": sorted(kind.inherits),
        "edgeTypes": sorted({OWNS, *(type for type, _ in kind.makes)}),
        "counts": {level: counts[kind.key, level] for level in LEVELS},
    }
