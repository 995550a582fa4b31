"""Derives statuses from neighbours, along declared reads.

`Rules.reads` is acyclic over kinds, so kinds have ranks: a kind is derived after all kinds that it reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from typing import Any

import msgspec

from astrolabe.graph.model.facts import Derived, Peer, Rules, WarningEvent
from astrolabe.graph.model.faults import RULE_FAILED, Fault, Faults, where
from astrolabe.graph.model.linker import Linker
from astrolabe.graph.model.links import Ref, RefByUid
from astrolabe.graph.model.readers import Readers
from astrolabe.graph.model.record import Record
from astrolabe.graph.model.scopes import EVERYWHERE, Scopes
from astrolabe.graph.state.edge import each_edge
from astrolabe.graph.state.edge_types import OWNS, SELECTS
from astrolabe.graph.state.identity import qualified
from astrolabe.graph.state.object_event import NODE
from astrolabe.graph.state.status import Status


class RulesError(ValueError):
    """The rules contradict each other; the message says where."""


class _Self(msgspec.Struct, frozen=True, gc=False):
    """Implements `facts.Peer` for a record, by its manifest alone."""

    kind: str
    name: str
    namespace: str
    status: Status
    details: Any


def _by_manifest(record: Record) -> _Self:
    return _Self(record.kind, record.name, record.namespace, record.own_status, record.own_details)


#: Owners above one another that are looked at; Kubernetes' own kinds have two.
_HIGHEST = 8


class _RecordNeighborhood:
    """Implements `facts.Neighborhood` for one record."""

    __slots__ = ("_linker", "_record", "_scopes", "passed", "queried")

    def __init__(self, record: Record, linker: Linker, scopes: Scopes) -> None:
        """queried: the kinds for which the record asked whether they are complete or outdated.

        passed: the records on the ways to the origins that it asked for.
        """
        self.queried: tuple[str, ...] = ()
        self.passed: tuple[Record, ...] = ()
        self._record = record
        self._linker = linker
        self._scopes = scopes

    def is_complete(self, kind: str) -> bool:
        self._note(kind)
        return self._scopes.is_complete(kind, self._record.namespace)

    def is_complete_everywhere(self, kinds: Collection[str]) -> bool:
        for kind in kinds:
            self._note(kind)
        watched = [kind for kind in kinds if self._scopes.is_watched(kind)]
        return bool(watched) and all(self._scopes.is_complete(kind, EVERYWHERE) for kind in watched)

    def is_outdated(self, kind: str) -> bool:
        self._note(kind)
        return self._scopes.is_outdated(kind, self._record.namespace)

    def outgoing(self, type: str, kind: str, *, own: bool = False) -> Iterable[Peer]:
        uids = [edge.target for edge in each_edge(self._record.outgoing) if edge.type == type]
        return self._peers(uids, kind, own) if uids else ()

    def incoming(self, type: str, kind: str, *, own: bool = False) -> Iterable[Peer]:
        uids = [edge.source for edge in each_edge(self._record.incoming) if edge.type == type]
        return self._peers(uids, kind, own) if uids else ()

    def _peers(self, uids: Iterable[str], kind: str, own: bool) -> Iterable[Peer]:
        known = map(self._linker.find, uids)
        found = [record for record in known if record is not None and record.kind == kind]
        return [_by_manifest(record) for record in found] if own else found

    def origin(self, peer: Peer) -> Peer | None:
        assert isinstance(peer, Record), "only of what is not read by its manifest"
        first: Record = peer
        top: Record | None = first
        way: list[Record] = []
        while top is not None and top not in way and len(way) < _HIGHEST:
            way.append(top)
            owners = [edge.source for edge in each_edge(top.incoming) if edge.type == OWNS]
            top = self._linker.find(min(owners)) if owners else None
        self.passed = (*self.passed, *way)
        return _by_manifest(way[-1]) if way[-1] is not first else None

    def fields_behind(self, type: str, peer: Peer) -> Collection[str] | None:
        assert isinstance(peer, Record), "only of what is not read by its manifest"
        if peer not in self.passed:
            self.passed = (*self.passed, peer)
        selected = {edge.target for edge in each_edge(peer.outgoing) if edge.type == SELECTS}
        own = [edge for edge in each_edge(self._record.outgoing) if edge.type == type]
        return (
            {field for edge in own if edge.target in selected for field in edge.field} if selected else None
        )

    @property
    def unresolved(self) -> Collection[Ref | RefByUid]:
        return self._record.unresolved

    def _note(self, kind: str) -> None:
        if kind not in self.queried:
            self.queried = (*self.queried, kind)

    @property
    def unseen(self) -> Collection[Ref | RefByUid]:
        return [
            candidate
            for candidate in self._record.unresolved_candidates
            if candidate not in self._record.unresolved
        ]


class Derivation:
    """Knows which resource reads which, and derives what is stale in the order of ranks."""

    def __init__(
        self, rules: Mapping[str, Rules], linker: Linker, scopes: Scopes, *, cluster: str = ""
    ) -> None:
        """cluster: of the resources, see `Node.cluster`."""
        self._cluster = cluster
        self._linker = linker
        self._scopes = scopes
        #: Which kinds a record's status asked about; and the same by kind.
        self._queried_kinds: dict[Record, tuple[str, ...]] = {}
        self._querying: dict[str, dict[Record, None]] = {}
        self._waiting: dict[Record, None] = {}
        #: The records that a record passed on its way to origins, and the records that passed it.
        self._passed: dict[Record, tuple[Record, ...]] = {}
        self._passing: dict[Record, dict[Record, None]] = {}
        self._stale: list[set[Record]] = []
        #: Whether `settle` may have anything to derive.
        self.has_stale = False
        self.faults = Faults()
        #: The Warnings about each object, known or not, by its uid or, of a Node, also by its name.
        self.warnings: dict[str, tuple[WarningEvent, ...]] = {}
        self.use_rules(rules)

    def use_rules(self, rules: Mapping[str, Rules]) -> None:
        """Derive by these rules from now on. Its time depends on the number of kinds, not of records.

        Raises RulesError, and then continues with the previous rules.
        """
        self._ranks = _rank(rules)
        self._all_readers = Readers(rules, lambda read: True)
        self._readers = Readers(rules, lambda read: not read.own)
        self._own_readers = Readers(rules, lambda read: read.own)
        stale, self._stale = self._stale, [set() for _ in range(max(self._ranks.values(), default=0) + 1)]
        for record in chain.from_iterable(stale):
            self.mark(record)

    def edge_changed(self, type: str, source: Record, target: Record) -> None:
        """An edge was added or removed: its ends may read each other over it."""
        source_reads, target_reads = self._all_readers.ends(type, source.kind, target.kind)
        if source_reads:
            self.mark(source)
        if target_reads:
            self.mark(target)
        if type == OWNS and target in self._passing:
            self._mark_passing(target)
        if type == SELECTS and source in self._passing:
            self._mark_passing(source)

    def begin(self, record: Record) -> None:
        """The record is new: it has no edges, so nobody reads it yet."""
        if self._must_derive(record):
            self.mark(record)
        else:
            record.status, record.details = record.own_status, record.own_details

    def own_changed(self, record: Record) -> None:
        """The record's own status or details changed."""
        for reader in self._own_readers.of(record, self._linker.find):
            self.mark(reader)
        if record in self._passing:
            self._mark_passing(record)
        if self._must_derive(record):
            self.mark(record)
        else:
            self._follow_manifest(record)

    def references_changed(self, record: Record) -> None:
        """It changed which of the record's references resolve."""
        if record.rules.derive is None:
            return
        if self._must_derive(record):
            self.mark(record)
        elif record.status != record.own_status or record.details != record.own_details:
            self._follow_manifest(record)

    def _follow_manifest(self, record: Record) -> None:
        record.status, record.details = record.own_status, record.own_details
        self.mark_readers(record)

    def _must_derive(self, record: Record) -> bool:
        """Whether the record may be, or was, something else than its manifest says."""
        rules = record.rules
        stands = rules.derive is None or (
            rules.stands is not None and rules.stands(record.own_details, record.unresolved)
        )
        return (
            not stands
            or record.warning is not None
            or record.warned
            or record.extra is not None
            or record in self._queried_kinds
            or record in self._passed
            or record.uid in self.faults
            or bool(self.warnings and self._warnings_of(record))
        )

    def scope_changed(self, kind: str) -> None:
        """The answer to whether the kind is complete or outdated changed somewhere."""
        self._waiting.update(self._querying.get(kind, {}))

    @property
    def has_waiting(self) -> bool:
        """Whether records that asked about a changed kind must still be marked."""
        return bool(self._waiting)

    def mark_waiting(self, most: int | None) -> None:
        """Mark them, at most this many."""
        if self._waiting:
            for record in take_some(self._waiting, most):
                self.mark(record)

    def mark(self, record: Record) -> None:
        """The record must be derived again."""
        self._stale[self._ranks[record.kind]].add(record)
        self.has_stale = True

    def forget(self, record: Record) -> None:
        """The record is gone."""
        self._stale[self._ranks[record.kind]].discard(record)
        self.faults.clear(record.uid)
        if record in self._queried_kinds:
            self._set_queried(record, ())
        if record in self._passed:
            self._set_passed(record, ())
        self._waiting.pop(record, None)

    def mark_readers(self, record: Record) -> None:
        """The record's status or details changed: its readers must be derived again."""
        for reader in self._readers.of(record, self._linker.find):
            self.mark(reader)

    def settle(self) -> Iterator[Record]:
        """Derive everything that is stale. Yields the records whose node changed."""
        for rank, stale in enumerate(self._stale):
            if not stale:
                continue
            self._stale[rank] = set()
            for record in stale:
                if self._derive(record):
                    yield record
        self.has_stale = any(self._stale)

    def _derive(self, record: Record) -> bool:
        derive = record.rules.derive
        if self._linker.find(record.uid) is not record:  # it may be gone by now
            return False
        own, warning, warned = record.own_details, None, False
        itself = _by_manifest(record)
        neighborhood = _RecordNeighborhood(record, self._linker, self._scopes)
        try:
            derived = derive(itself, neighborhood) if derive is not None else Derived(record.own_status)
            warnings = self._that_hold(record, self._warnings_of(record)) if self.warnings else ()
            if warnings:
                status, warning = record.rules.warn(derived.status, own, warnings)
                warned = status != derived.status
                derived = msgspec.structs.replace(derived, status=status)
            details = derived.details if derived.details is not None else own
            is_shown = derived.status != record.status
            is_news = is_shown or details != record.details
            is_shown = (
                is_shown
                or derived.metadata != record.extra
                or warned != record.warned
                or (warning is not record.warning and not _same_words(warning, record.warning))
            )
        except Exception as error:  # whatever a rule raises, or makes that cannot be compared
            derived, details, is_news, is_shown = self._fail(record, error), own, True, True
            warning, warned = None, False
        else:
            self.faults.clear(record.uid)
        if neighborhood.queried != self._queried_kinds.get(record, ()):
            self._set_queried(record, neighborhood.queried)
        if neighborhood.passed or record in self._passed:
            self._set_passed(record, neighborhood.passed)
        if is_news:
            record.status, record.details = derived.status, details
            self.mark_readers(record)
        record.extra, record.warning, record.warned = derived.metadata, warning, warned
        return is_shown

    def _warnings_of(self, record: Record) -> tuple[WarningEvent, ...]:
        known = self.warnings
        found = known.get(record.uid, ())
        if record.kind == NODE and (by_name := known.get(qualified(self._cluster, record.name))):
            found = tuple(sorted((*found, *by_name), key=lambda each: each.since, reverse=True))
        return found

    def _that_hold(self, record: Record, warnings: tuple[WarningEvent, ...]) -> tuple[WarningEvent, ...]:
        """Without those that are over; see `Rules.outdated`."""
        reason, kind = record.rules.outdated or ("", "")
        if not reason or not any(each.reason == reason for each in warnings):
            return warnings
        owned = [self._linker.find(edge.target) for edge in each_edge(record.outgoing) if edge.type == OWNS]
        newest = max([each.created for each in owned if each is not None and each.kind == kind], default="")
        return tuple([each for each in warnings if each.reason != reason or each.last >= newest])

    def _fail(self, record: Record, error: Exception) -> Derived:
        """The resource's own status, with a message that the rule failed."""
        self.faults.note(record.uid, Fault(record.kind, record.namespace, record.name, where(error)))
        own = record.own_status
        message = f"the rule that derives the status of a {record.kind} failed ({type(error).__name__})"
        said = f"; by itself it is {own.reason}" + (f": {own.message}" if own.message else "")
        return Derived(Status(own.severity, RULE_FAILED, message + said, own.since))

    def _set_queried(self, record: Record, kinds: tuple[str, ...]) -> None:
        for kind in self._queried_kinds.pop(record, ()):
            asking = self._querying[kind]
            del asking[record]
            if not asking:
                del self._querying[kind]
        if kinds:
            self._queried_kinds[record] = kinds
        for kind in kinds:
            self._querying.setdefault(kind, {})[record] = None

    def _mark_passing(self, passed: Record) -> None:
        for record in self._passing[passed]:
            self.mark(record)

    def _set_passed(self, record: Record, passed: tuple[Record, ...]) -> None:
        for each in self._passed.pop(record, ()):
            passing = self._passing.get(each, {})
            passing.pop(record, None)
            if not passing:
                self._passing.pop(each, None)
        if passed:
            self._passed[record] = passed
        for each in passed:
            self._passing.setdefault(each, {})[record] = None


def take_some(records: dict[Record, None], most: int | None) -> set[Record]:
    """Remove and return the records, at most this many."""
    if most is None or len(records) <= most:
        taken = set(records)
        records.clear()
        return taken
    return {records.popitem()[0] for _ in range(most)}


def _same_words(one: WarningEvent | None, other: WarningEvent | None) -> bool:
    """Whether a node shows both alike."""
    if one is None or other is None:
        return one is other
    return (one.reason, one.message, one.since) == (other.reason, other.message, other.since)


def _rank(rules: Mapping[str, Rules]) -> dict[str, int]:
    """kind → the length of the longest chain of kinds that it reads."""
    before = {
        kind: [read.kind for read in entry.reads if read.kind in rules and not read.own]
        for kind, entry in rules.items()
    }
    sorter = TopologicalSorter(before)
    try:
        order = list(sorter.static_order())
    except CycleError as error:
        raise RulesError(f"kinds read each other in a circle: {' → '.join(error.args[1])}") from error
    ranks: dict[str, int] = {}
    for kind in order:
        ranks[kind] = 1 + max([ranks[other] for other in before[kind]], default=-1)
    return ranks
