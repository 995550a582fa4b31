"""The documents of the REST API, as pieces of JSON text.

A renderer gets a snapshot of the filtered graph (None: it uses the graph itself), and reads everything else
when it is called, so that a document is of one position. The pieces are drawn later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import Any

import msgspec

from astrolabe.graph.encoding.wire import encode, joined
from astrolabe.graph.state.edge_types import EDGE_TYPES, OWNS
from astrolabe.graph.state.identity import NAMESPACE
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import SEVERITIES
from astrolabe.http.answers.resource import detail
from astrolabe.http.errors import Refusal
from astrolabe.http.query import QueryParams
from astrolabe.http.responses.cache import Pieces
from astrolabe.http.responses.shared import array, names, stretches
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import ViewSnapshot
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.kind import Kind

DocumentRenderer = Callable[[Hub, QueryParams, ViewSnapshot | None], Pieces]

#: Pages encoded in one step.
STEP = 10


def kept(hub: Hub, snapshot: ViewSnapshot | None) -> list[Node]:
    """The nodes of a snapshot, or of the graph."""
    return list(hub.graph.nodes.values()) if snapshot is None else snapshot.nodes


def graph(hub: Hub, _: QueryParams, snapshot: ViewSnapshot | None) -> Pieces:
    """The filtered graph: nodes, and the edges between them."""
    place = hub.graph if snapshot is None else snapshot
    head = encode({"epoch": place.epoch, "seq": place.seq})[:-1]
    nodes, edges = _pages(hub) if snapshot is None else _texts(snapshot)
    return chain((f'{head},"nodes":[',), nodes, ('],"edges":[',), edges, ("]}",))


def prepare_graph(hub: Hub, params: QueryParams) -> Iterator[None]:
    """Steps that leave `graph` little to do at once. Many are needed only before the first whole graph."""
    if not params.filter:
        while hub.pages.refresh(STEP):
            yield


def _pages(hub: Hub) -> tuple[Pieces, Pieces]:
    nodes, edges = hub.pages.take()
    return _without_comma(nodes), _without_comma(edges)


def _texts(snapshot: ViewSnapshot) -> tuple[Pieces, Pieces]:
    return joined(node.text for node in snapshot.nodes), joined(edge.text for edge in snapshot.edges)


def _without_comma(pages: list[bytes]) -> Pieces:
    """The pages, without the comma before the first one."""
    for number, page in enumerate(pages):
        yield page if number else page[1:]


def resource(hub: Hub, params: QueryParams, _: ViewSnapshot | None) -> Iterator[str]:
    """One node with everything that it is linked to, which may be much of the graph.

    Raises Refusal (404) if no node has the uid.
    """
    return detail(hub.graph, _find(hub, params.uid))


def with_events(pieces: Pieces, events: str) -> Pieces:
    """A document with these as its last key, unless they are unknown ("")."""
    if not events:
        yield from pieces
        return
    held: str | bytes = ""
    for piece in pieces:
        yield held
        held = piece
    assert isinstance(held, str)  # the end of an object
    yield f'{held[:-1]},"events":{events}}}'


def check_resource(hub: Hub, params: QueryParams) -> None:
    """Raise Refusal (404) if no node has the uid, before the client's ETag is compared."""
    _find(hub, params.uid)


def _find(hub: Hub, uid: str) -> Node:
    node = hub.graph.nodes.get(uid)
    if node is None:
        raise Refusal(404, "not-found", f"no resource with uid {uid!r} is in the graph")
    return node


def charts(hub: Hub, params: QueryParams, snapshot: ViewSnapshot | None) -> Iterator[str]:
    """The names and versions of the charts of the filtered nodes.

    `namespace` keeps charts of releases that are in it or have something in it.
    """
    return _charts(kept(hub, snapshot), params.filter.namespace)


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


def namespaces(hub: Hub, _: QueryParams, snapshot: ViewSnapshot | None) -> Iterator[str]:
    """The filtered Namespaces, and the namespaces of the filtered nodes."""
    return _namespaces(kept(hub, snapshot))


def _namespaces(nodes: list[Node]) -> Iterator[str]:
    found: set[str] = set()
    for stretch in stretches(nodes):
        found.update([node.namespace for node in stretch if node.namespace])
        found.update([node.name for node in stretch if node.kind == NAMESPACE])
        yield ""
    yield from names(found)


def kinds_of(catalogue: Catalogue) -> DocumentRenderer:
    """A renderer that describes these kinds, and counts the filtered nodes of each."""

    def kinds(hub: Hub, _: QueryParams, snapshot: ViewSnapshot | None) -> Iterator[str]:
        return _kinds(kept(hub, snapshot), catalogue)

    return kinds


def _kinds(nodes: list[Node], catalogue: Catalogue) -> Iterator[str]:
    counts: Counter[tuple[str, str]] = Counter()
    for stretch in stretches(nodes):
        counts.update([(node.kind, node.status) for node in stretch])
        yield ""
    yield from array(_kind(kind, counts) for kind in catalogue)


def edge_types(_: Hub, __: QueryParams, ___: ViewSnapshot | None) -> Iterator[str]:
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
        "metadataOnly": kind.metadata_only,
        "inherits": sorted(kind.inherits),
        "edgeTypes": sorted({OWNS, *(type for type, _ in kind.makes)}),
        "counts": {level: counts[kind.key, level] for level in SEVERITIES},
    }
