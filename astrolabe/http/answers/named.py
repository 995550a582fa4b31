"""Finds the resource that a person or an agent means by a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from heapq import nlargest
from itertools import islice
from typing import Any, NamedTuple

from astrolabe.graph.search.parser import Vocabulary
from astrolabe.graph.selector import quoted
from astrolabe.graph.state.identity import GroupKind
from astrolabe.graph.state.node import Node
from astrolabe.http.answers.quoting import plain
from astrolabe.http.errors import Refusal, bad_parameter
from astrolabe.http.responses.shared import stretches
from astrolabe.http.source import GraphSource
from astrolabe.timeslice import Lane, in_slices

#: Resources that are listed when several match, or when nothing does.
MOST_LISTED = 8
#: Nodes whose unresolved references are read in one step.
MOST_READ = 100
#: Names among which a similar one is sought.
MOST_COMPARED = 5_000
#: Names that may be meant, and how alike they are at least, from 0 to 1.
MOST_SIMILAR, SIMILAR = 3, 0.6
#: Characters of the longest name that an object may have.
LONGEST_NAME = 253


class ResourceName(NamedTuple):
    """kind: a key; "": any. namespace: None: any. cluster: of several; "": any."""

    kind: str
    namespace: str | None
    name: str
    cluster: str = ""

    def matches_identity(self, one: Mapping[str, Any]) -> bool:
        """The same of an object that is described by `kind`, `group`, `namespace` and `name`."""
        kind = GroupKind(one["group"], one["kind"]).key
        return (
            one["name"] == self.name
            and self.kind in ("", kind)
            and self.namespace in (None, one["namespace"])
            and self.cluster in ("", one.get("cluster", ""))
        )

    def matches(self, node: Node) -> bool:
        """Whether it is the name of this resource."""
        return (
            node.name == self.name
            and self.kind in ("", node.kind)
            and (self.namespace is None or self.namespace == node.namespace)
            and self.cluster in ("", node.cluster)
        )


def path_of(node: Node) -> str:
    """`Pod/shop/web-1`, `Node/node-2`, or `prod-eu:Pod/shop/web-1` of several clusters."""
    path = "/".join(filter(None, (node.kind, node.namespace, node.name)))
    return f"{node.cluster}:{path}" if node.cluster else path


async def find_named(source: GraphSource, words: Vocabulary, text: str) -> Node:
    """The one resource of this uid, or named `Kind/namespace/name`, `Kind/name` or `name`.

    A cluster and a colon may stand before the name.

    words: knows the kinds, by all the names that kubectl takes.
    Raises Refusal: 400, 404 with what may be meant, or 409 `ambiguous` with the choice.
    """
    node = source.hub.graph.node(text)
    if node is not None:
        return node
    name = parse_name(text, words)
    nodes = list(source.hub.graph.nodes.values())
    found: list[Node] = []
    async for stretch in in_slices(stretches(nodes), Lane.ANSWER):
        found += filter(name.matches, stretch)
    if len(found) == 1:
        return found[0]
    if found:
        message = (
            f"{quoted(text)} is the name of {len(found)} resources; write one of these: {_listed(found)}"
        )
        raise Refusal(409, "ambiguous", message)
    raise Refusal(404, "not-found", await _absence(text, name, nodes))


def parse_name(text: str, words: Vocabulary) -> ResourceName:
    """Raises Refusal if it is no name of a resource."""
    head, colon, rest = text.strip().partition(":")
    cluster, parts = (head, rest.split("/")) if colon and "/" not in head and "/" in rest else ("", None)
    parts = parts or text.strip().split("/")
    if not all(parts) or len(parts) > 3:
        raise bad_parameter(f"{quoted(text)} is no resource: write Kind/namespace/name, Kind/name or a uid")
    if len(parts) == 1:
        return ResourceName("", None, parts[0], cluster)
    try:
        kind = words.kind(parts[0])
    except ValueError as error:
        raise bad_parameter(str(error)) from None
    return ResourceName(kind, parts[1] if len(parts) == 3 else None, parts[-1], cluster)


async def _absence(text: str, name: ResourceName, nodes: Sequence[Node]) -> str:
    """The refusal: there is no such resource. It names what refers to it, and similar names."""
    said = f"there is no {quoted(text)}"
    askers: list[Node] = []
    alike: dict[str, list[Node]] = {}
    async for stretch in in_slices(stretches(nodes, MOST_READ), Lane.ANSWER):
        askers += [node for node in stretch if node.unresolved and name.kind and _asks_for(node, name)]
        if len(alike) < MOST_COMPARED:
            for node in stretch:
                if name.kind in ("", node.kind):
                    alike.setdefault(node.name, []).append(node)
    if askers:
        return f"{said}, but these ask for it: {_listed(askers)}"
    elsewhere = alike.get(name.name, [])
    near = elsewhere or [
        node for like in await _similar(name.name, list(islice(alike, MOST_COMPARED))) for node in alike[like]
    ]
    return f"{said}; did you mean {_listed(near)}?" if near else f"{said}, and nothing with a similar name"


async def _similar(name: str, names: Sequence[str]) -> list[str]:
    """As `difflib.get_close_matches`, which would hold the loop."""
    matcher, near = SequenceMatcher(b=name[:LONGEST_NAME]), list[tuple[float, str]]()
    async for other in in_slices(names, Lane.ANSWER):
        matcher.set_seq1(other)
        if matcher.real_quick_ratio() >= SIMILAR and matcher.quick_ratio() >= SIMILAR:
            ratio = matcher.ratio()
            if ratio >= SIMILAR:
                near.append((ratio, other))
    return [other for _, other in nlargest(MOST_SIMILAR, near)]


def _asks_for(node: Node, name: ResourceName) -> bool:
    kind, _, _ = name.kind.partition(".")
    return any(
        each["name"] == name.name
        and each["kind"] in (kind, name.kind)
        and (name.namespace is None or each.get("namespace", "") == name.namespace)
        for each in node.document()["unresolved"]
    )


def _listed(nodes: Iterable[Node]) -> str:
    paths = sorted([plain(path_of(node)) for node in nodes])
    rest = len(paths) - MOST_LISTED
    return ", ".join(paths[:MOST_LISTED]) + (f" and {rest} more" if rest > 0 else "")
