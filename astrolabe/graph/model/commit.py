"""A commit: what a transaction touched is brought up to date, and what changed in the graph is collected."""

from __future__ import annotations

from astrolabe.graph.model import releases
from astrolabe.graph.model.beside import Beside
from astrolabe.graph.model.closure import Closure
from astrolabe.graph.model.derivation import Derivation, take_some
from astrolabe.graph.model.edge_edit import EdgeEdit
from astrolabe.graph.model.faults import Faults
from astrolabe.graph.model.linker import Linker
from astrolabe.graph.model.record import Record
from astrolabe.graph.model.release_index import ReleaseIndex
from astrolabe.graph.model.rendering import render
from astrolabe.graph.model.scopes import Scopes
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import EdgeKey, each_edge
from astrolabe.graph.state.edge_types import INNER_TYPES


class Transaction:
    """What was changed since the last commit.

    touched: records that must be rendered again. removed: those that are gone.
    to_inherit: those whose own release or chart changed, or that are new.
    """

    __slots__ = ("removed", "to_inherit", "touched")

    def __init__(self) -> None:
        self.touched: set[Record] = set()
        self.to_inherit: set[Record] = set()
        self.removed: set[Record] = set()


class Settlement:
    """Settles transactions over the records of one model. It keeps which references do not resolve."""

    def __init__(
        self,
        linker: Linker,
        scopes: Scopes,
        derivation: Derivation,
        closure: Closure | None,
        release_index: ReleaseIndex,
        *,
        beside: Beside,
        cluster: str = "",
    ) -> None:
        """cluster: of the nodes, see `Node.cluster`."""
        self._cluster = cluster
        self._beside = beside
        self.unrendered = Faults()
        self._linker = linker
        self._scopes = scopes
        self._derivation = derivation
        self._closure = closure
        self._release_index = release_index
        #: Records with required references that resolve to nothing.
        self._dangling: dict[Record, None] = {}
        #: Those of them to look at again, because another kind became completely known, or is no longer.
        self._to_recheck: dict[Record, None] = {}

    @property
    def has_waiting(self) -> bool:
        """Whether references must still be looked at again."""
        return bool(self._to_recheck)

    def recheck(self) -> None:
        """It changed which kinds are completely known, and so which references count as unresolved."""
        self._to_recheck.update(self._dangling)

    def forget(self, record: Record) -> None:
        """The record is gone."""
        self.unrendered.clear(record.uid)
        self._to_recheck.pop(record, None)

    def settle(self, transaction: Transaction, changes: Changes, limit: int | None) -> None:
        """Bring everything up to date, and add to `changes` what changed in the graph.

        limit: see `Model.commit`.
        """
        if self._beside.declared:
            self._beside.review(self._linker.touched)
        # Most commits are of one change of a status: what they have nothing of is not called at all.
        edges, missing = self._linker.take(limit) if self._linker.has_changes else ({}, set())
        if self._linker.has_deferred:
            limit = 0  # what is missing may be there, and is found by the next commits
        if self._derivation.has_waiting:
            self._derivation.mark_waiting(limit)
        touched, removed = transaction.touched, transaction.removed
        if edges or transaction.to_inherit or self._release_index.has_changes:
            self._inherit(transaction, edges)
            changes.releases.update(self._release_index.take())
        if missing or self._to_recheck:
            self._update_unresolved(touched, missing, limit)
        if self._derivation.has_stale:
            touched.update(self._derivation.settle())
        if removed:
            touched -= removed
        flipped = self._close(touched, removed, edges) if self._closure is not None else set[Record]()
        rendered = [
            record for record in touched if render(record, self._scopes, self.unrendered, self._cluster)
        ]
        if edges or flipped:
            self._emit_edges(changes, edges, flipped)
        if rendered or flipped or removed:
            self._emit_nodes(changes, rendered, flipped, removed)
        if self._beside.declared:
            self._beside.review(edges)  # those that were only made here are followed by the next commit

    def includes(self, record: Record) -> bool:
        """Whether a known record belongs in the graph."""
        return self._closure is None or record in self._closure

    def _inherit(self, transaction: Transaction, edges: dict[EdgeKey, EdgeEdit]) -> None:
        """Compare each edge with what it was, tell those who read along it, and pass on releases along it."""
        to_inherit = transaction.to_inherit
        for key, edit in edges.items():
            before = edit.before
            if before is not None and edit.source.emitted and edit.target.emitted:
                edit.shown = before
            ends = edit.source, edit.target
            now_ends = self._ends(key, edit) if transaction.removed else ends
            stays = (edit.now is None) is (before is None) and not edit.returned
            if stays and key[0] in INNER_TYPES and before is not None and edit.now is not None:
                stays = before.field == edit.now.field  # by which field, is all that such an edge tells
            if stays and now_ends == ends:
                continue
            self._derivation.edge_changed(key[0], *now_ends)
            if now_ends != ends:
                self._derivation.edge_changed(key[0], *ends)
            if key[0] in now_ends[1].rules.inherits:
                to_inherit.add(now_ends[1])
        if to_inherit or self._release_index.has_changes:
            transaction.touched.update(releases.settle(to_inherit, self._linker, self._release_index))

    def _update_unresolved(self, touched: set[Record], missing: set[Record], limit: int | None) -> None:
        for record in missing:
            if record.unresolved_candidates:
                self._dangling[record] = None
            else:
                self._dangling.pop(record, None)
        to_check = missing | take_some(self._to_recheck, limit) if self._to_recheck else missing
        for record in to_check:
            unresolved = self._scopes.find_unresolved(record.unresolved_candidates)
            changed = unresolved != record.unresolved
            if changed:
                record.unresolved = unresolved
                touched.add(record)
            if changed or record in missing:
                self._derivation.references_changed(record)

    def _close(
        self, touched: set[Record], removed: set[Record], edges: dict[EdgeKey, EdgeEdit]
    ) -> set[Record]:
        """The known records that the closure takes into the graph or out of it."""
        if self._closure is None:
            return set()
        moved = self._closure.settle(touched | removed, edges) | touched
        return {r for r in moved if r not in removed and r.emitted != (r in self._closure)}

    def _emit_edges(self, changes: Changes, edges: dict[EdgeKey, EdgeEdit], flipped: set[Record]) -> None:
        for record in flipped:
            for edge in (*each_edge(record.outgoing), *each_edge(record.incoming)):
                if edge.key not in edges:  # it did not change, but one of its ends did
                    source, target = self._linker.known(edge.source), self._linker.known(edge.target)
                    shown = edge if source.emitted and target.emitted else None
                    edges[edge.key] = EdgeEdit(source, target, edge, edge, shown=shown)
        for key, edit in edges.items():
            if key[0] in INNER_TYPES:
                continue
            shown, shows = edit.shown, edit.now
            if shows is not None and self._closure is not None:
                shows = shows if self._shows(key[1]) and self._shows(key[2]) else None
            if shows is not None and (shown is None or shown.field != shows.field):
                changes.edges_set.append(shows)
            elif shows is None and shown is not None:
                changes.edges_removed.append(key)

    def _emit_nodes(
        self, changes: Changes, rendered: list[Record], flipped: set[Record], removed: set[Record]
    ) -> None:
        lost = {record.uid: record.node for record in removed if record.emitted} if removed else {}
        for record in flipped.union(rendered) if flipped else rendered:
            if self.includes(record):
                assert record.node is not None  # every known record was rendered when it came
                record.emitted = True
                if not lost or lost.pop(record.uid, None) != record.node:  # it may be back as it was
                    changes.nodes_set.append(record.node)
            elif record.emitted:
                record.emitted = False
                lost[record.uid] = record.node
        changes.nodes_removed.extend(lost)

    def _shows(self, uid: str) -> bool:
        return self.includes(self._linker.known(uid))

    def _ends(self, key: EdgeKey, edit: EdgeEdit) -> tuple[Record, Record]:
        return self._linker.find(key[1]) or edit.source, self._linker.find(key[2]) or edit.target
