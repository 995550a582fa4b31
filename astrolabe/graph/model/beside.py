"""References that are looked for where another link of the same holder leads.

The Secrets of an Istio Gateway are in the namespaces of the Pods that it selects, and these come and go. So
such a reference follows the holder's edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.linker import Linker
from astrolabe.graph.model.links import Link, Ref, RefBeside
from astrolabe.graph.model.record import Record
from astrolabe.graph.state.edge import EdgeKey, each_edge

#: Namespaces that count at most, the first ones by name: each makes a link of each reference.
MOST_NAMESPACES = 8


class Declared(NamedTuple):
    """What a manifest says. links: all others."""

    links: tuple[Link, ...]
    beside: tuple[RefBeside, ...]


class Beside:
    """Makes links of these references.

    Invariant: after `review` of what changed, they are in the namespaces of what the holder selects.
    """

    def __init__(self, linker: Linker) -> None:
        self._linker = linker
        #: By the uid of the holder. Most models have none.
        self.declared: dict[str, Declared] = {}

    def place(self, facts: Facts, record: Record | None) -> Facts:
        """The facts with links in place of these references. record: the holder; None before it is known."""
        if not facts.beside:
            self.declared.pop(facts.uid, None)
            return facts
        declared = self.declared[facts.uid] = Declared(facts.links, facts.beside)
        return replace(facts, links=self._links(declared, record), beside=())

    def review(self, edges: Iterable[EdgeKey]) -> None:
        """Follow edges that came or went: the next `Linker.take` has what that changes."""
        declared = self.declared
        concerned = {
            uid: declared[uid]
            for type, uid, _ in edges
            if uid in declared and any(each.beside == type for each in declared[uid].beside)
        }
        for uid, each in concerned.items():
            record = self._linker.find(uid)
            if record is not None and (links := self._links(each, record)) != record.links:
                self._linker.relink(record, links)

    def _links(self, declared: Declared, record: Record | None) -> tuple[Link, ...]:
        found = [ref for each in declared.beside for ref in self._placed(each, record)]
        return (*declared.links, *dict.fromkeys(found))

    def _placed(self, each: RefBeside, record: Record | None) -> Iterator[Ref]:
        namespaces = self._namespaces(record, each.beside) if record is not None else []
        for namespace in namespaces:
            yield replace(each.ref, namespace=namespace)
        if not namespaces:
            for namespace in dict.fromkeys((each.ref.namespace, *each.otherwise)):
                yield replace(each.ref, namespace=namespace, optional=True)

    def _namespaces(self, record: Record, type: str) -> list[str]:
        targets = [edge.target for edge in each_edge(record.outgoing) if edge.type == type]
        return sorted({self._linker.known(each).namespace for each in targets})[:MOST_NAMESPACES]
