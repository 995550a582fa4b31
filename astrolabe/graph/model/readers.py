"""Which kinds read which neighbours: the edges along which they look, as their rules declare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from astrolabe.graph.model.facts import Read, Rules
from astrolabe.graph.model.record import Record
from astrolabe.graph.state.edge import each_edge

#: (edge type, kind of its source, kind of its target)
_Over = tuple[str, str, str]

#: Of the incoming edges, and of the outgoing ones.
_Types = tuple[frozenset[str], frozenset[str]]

_NEITHER = (False, False)
_NO_TYPES: _Types = (frozenset(), frozenset())


class Readers:
    """The readers by some of the reads."""

    def __init__(self, rules: Mapping[str, Rules], counts: Callable[[Read], bool]) -> None:
        """counts: whether a read is one of these."""
        #: Over each kind of edge: whether its source reads, and whether its target does.
        self._ends: dict[_Over, tuple[bool, bool]] = {}
        #: By the kind that is read: the types of its incoming and of its outgoing edges over which it is.
        self._types: dict[str, _Types] = {}
        for kind, entry in rules.items():
            for read in entry.reads:
                if counts(read):
                    self._add(kind, read)

    def _add(self, reader: str, read: Read) -> None:
        forward = read.direction == "outgoing"
        over = (read.type, reader, read.kind) if forward else (read.type, read.kind, reader)
        source, target = self._ends.get(over, _NEITHER)
        self._ends[over] = (source or forward, target or not forward)
        incoming, outgoing = self._types.get(read.kind, _NO_TYPES)
        type = {read.type}
        self._types[read.kind] = (incoming | type, outgoing) if forward else (incoming, outgoing | type)

    def ends(self, type: str, source: str, target: str) -> tuple[bool, bool]:
        """Whether the source of such an edge reads its target, and whether the target reads the source."""
        return self._ends.get((type, source, target), _NEITHER)

    def of(self, record: Record, find: Callable[[str], Record | None]) -> Iterable[Record]:
        """The records that read this one; one may come several times. find: the record of a uid."""
        types = self._types.get(record.kind)
        return () if types is None else self._along(types, record, find)

    def _along(self, types: _Types, record: Record, find: Callable[[str], Record | None]) -> Iterator[Record]:
        incoming, outgoing = types
        kind, ends = record.kind, self._ends
        if incoming:
            for edge in each_edge(record.incoming):
                if edge.type in incoming:
                    source = find(edge.source)
                    if source is not None and ends.get((edge.type, source.kind, kind), _NEITHER)[0]:
                        yield source
        if outgoing:
            for edge in each_edge(record.outgoing):
                if edge.type in outgoing:
                    target = find(edge.target)
                    if target is not None and ends.get((edge.type, kind, target.kind), _NEITHER)[1]:
                        yield target
