"""The edges that records have at both ends, and what a transaction did to them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from astrolabe.graph.model.contributions import Contribution
from astrolabe.graph.model.record import Record
from astrolabe.graph.state.edge import Edge, EdgeKey, each_edge, find_edge, with_new_edge, without_edge

#: How many lists of fields are kept to be shared between edges.
FIELD_LISTS = 2_000


class EdgeEdit(msgspec.Struct, gc=False):
    """An edge that may have changed since the last `take`, with the records at its ends at that time.

    before: the edge at that time; None if there was none. now: the edge as it is.
    returned: it was removed for a while, during which neither end was notified about the other.
    shown: the edge as the graph has it; None if an end is not in the graph.
    """

    source: Record
    target: Record
    before: Edge | None
    now: Edge | None = None
    returned: bool = False
    shown: Edge | None = None


class EdgeEdits:
    """Sets edges in the records at both ends. touched: those that it touched since the last `take`."""

    def __init__(self) -> None:
        self.touched: dict[EdgeKey, EdgeEdit] = {}
        self._field_lists: dict[tuple[str, ...], tuple[str, ...]] = {}

    def take(self) -> dict[EdgeKey, EdgeEdit]:
        """The edges touched since the last call."""
        taken, self.touched = self.touched, {}
        return taken

    def contribute(self, holder: Record, contribution: Contribution, fields: tuple[str, ...]) -> None:
        """Set the holder's part of an edge. An edge without contributions is removed."""
        type_, reverse, other = contribution
        source, target = (other, holder) if reverse else (holder, other)
        key = (type_, source.uid, target.uid)
        old = find_edge(source.outgoing, key)
        if old is None:
            if fields:
                edge = Edge(type_, key[1], key[2], self._shared(fields), 0 if reverse else len(fields))
                edit = self.touched.get(key)
                if edit is None:
                    self.touched[key] = EdgeEdit(source, target, None, edge)
                else:
                    edit.now, edit.returned = edge, edit.before is not None
                source.outgoing = with_new_edge(source.outgoing, edge)
                target.incoming = with_new_edge(target.incoming, edge, incoming=True)
            return
        forward, backward = old.field[: old.forward], old.field[old.forward :]
        forward, backward = (forward, fields) if reverse else (fields, backward)
        self.replace(source, target, old, Edge(type_, key[1], key[2], (*forward, *backward), len(forward)))

    def remove_all(self, record: Record, find: Callable[[str], Record | None]) -> None:
        """Remove all its edges: one end lost its link or is going, and the other is being removed.

        find: the record of a uid.
        """
        for edge in (*each_edge(record.outgoing), *each_edge(record.incoming)):
            source = record if edge.source == record.uid else find(edge.source)
            target = record if edge.target == record.uid else find(edge.target)
            assert source is not None
            assert target is not None
            self.replace(source, target, edge, Edge(*edge.key, ()))

    def _shared(self, fields: tuple[str, ...]) -> tuple[str, ...]:
        """One shared copy of these fields: a few hundred lists of fields make millions of edges."""
        if len(self._field_lists) > FIELD_LISTS:
            self._field_lists.clear()
        return self._field_lists.setdefault(fields, fields)

    def replace(self, source: Record, target: Record, old: Edge, new: Edge) -> None:
        """Put another edge in the place of one; without fields it is removed."""
        if new == old:
            return
        key = old.key
        now = new if new.field else None
        edit = self.touched.get(key)
        if edit is None:
            self.touched[key] = EdgeEdit(source, target, old, now)
        else:
            edit.now = now
        source.outgoing = without_edge(source.outgoing, key)
        target.incoming = without_edge(target.incoming, key, incoming=True)
        if now is not None:
            source.outgoing = with_new_edge(source.outgoing, new)
            target.incoming = with_new_edge(target.incoming, new, incoming=True)
