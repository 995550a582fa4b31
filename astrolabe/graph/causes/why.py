"""Why one node is as it is: the chain of causes that ends at it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from astrolabe.graph.causes.arcs import Arc, Item, roots_of
from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.causes.problems import describe
from astrolabe.graph.causes.words import Words, read_words
from astrolabe.graph.state.edge_types import EDGE_TYPES

Json = dict[str, Any]

#: Limits of an answer: chains of independent causes, and needed nodes.
MOST_CHAINS = 10
MOST_NEEDS = 100


def chains_to(causes: Causes, uid: str) -> list[list[tuple[Item, Arc | None]]]:
    """For each root cause of a node the shortest chain, root first. Each step but the first has the arc along
    which it needs the one before it. A node that is its own cause, or well, has no chain."""
    way: dict[Item, tuple[Item, Arc]] = {}
    waiting: list[Item] = [uid]
    seen: set[Item] = {uid}
    for item in waiting:
        for arc in causes.arcs.get(item, ()):
            if arc.target not in seen:
                seen.add(arc.target)
                way[arc.target] = (item, arc)
                waiting.append(arc.target)
    roots = roots_of(causes.arcs, uid)
    found = [item for item in waiting if item in roots and item != uid]
    return [_chain(way, root) for root in found[:MOST_CHAINS]]


def _chain(way: dict[Item, tuple[Item, Arc]], root: Item) -> list[tuple[Item, Arc | None]]:
    chain: list[tuple[Item, Arc | None]] = [(root, None)]
    here = root
    while here in way:
        here, arc = way[here]
        chain.append((here, arc))
    return chain


def why(causes: Causes, uid: str) -> Json:
    """The document of `why`. The node exists, and the causes are worked out."""
    node = causes.graph.node(uid)
    assert node is not None
    chains = [[_step(causes, item, arc) for item, arc in chain] for chain in chains_to(causes, uid)]
    own = [] if chains or causes.register.words.get(uid) is None else [[_step(causes, uid, None)]]
    return {
        "node": _step(causes, uid, None),
        "chain": (chains or own or [[]])[0],
        "others": chains[1:],
        "needs": needs_of(causes, uid),
    }


def needs_of(causes: Causes, uid: str) -> list[Json]:
    """What a node needs, the worst first."""
    needs = []
    for edge in causes.graph.outgoing(uid):
        if EDGE_TYPES[edge.type].needs if edge.type in EDGE_TYPES else False:
            needs.append({**describe(causes, edge.target), "type": edge.type, "field": list(edge.field)})
    needs.sort(
        key=lambda each: (each.get("status") == "Ready", each["kind"], each["namespace"], each["name"])
    )
    return list(islice(needs, MOST_NEEDS))


def _step(causes: Causes, item: Item, arc: Arc | None) -> Json:
    step = describe(causes, item)
    if isinstance(item, str):
        node = causes.graph.node(item)
        words = causes.register.words.get(item) or (read_words(node) if node is not None else None)
        if words is not None:
            step |= _said(words)
    if arc is not None:
        step["type"] = arc.type
        step["field"] = list(arc.field)
    return step


def _said(words: Words) -> Json:
    said: Json = {"reason": words.reason, "message": words.message}
    if words.since_text:
        said["since"] = words.since_text
    warning = words.warning
    if warning is not None:
        said["warning"] = {"reason": warning.reason, "message": warning.message, "since": warning.since}
    return said


def roots_in(causes: Causes, uid: str) -> Sequence[Item]:
    """The roots of a node that is not well."""
    return sorted(roots_of(causes.arcs, uid), key=str) if uid in causes.register else ()
