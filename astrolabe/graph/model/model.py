"""The model: facts go in, changes of the graph come out. The result equals a rebuild, in any order.

A transaction is any number of `upsert` and `remove`, then a `commit`. Edges resolve at once. `commit` updates
what depends on neighbours (release, closure, derived status, unresolved references). Its time is proportional
to what changed and the neighbourhood of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from astrolabe.graph.model.beside import Beside
from astrolabe.graph.model.closure import Closure
from astrolabe.graph.model.commit import Settlement, Transaction
from astrolabe.graph.model.derivation import Derivation
from astrolabe.graph.model.facts import Facts, Rules, WarningEvent
from astrolabe.graph.model.faults import Fault
from astrolabe.graph.model.linker import Linker
from astrolabe.graph.model.node_text import encode_own
from astrolabe.graph.model.record import Record
from astrolabe.graph.model.release_index import ReleaseIndex
from astrolabe.graph.model.scopes import Scopes
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge, each_edge
from astrolabe.graph.state.edge_types import INNER_TYPES
from astrolabe.graph.state.identity import HelmRevision, Release, qualified
from astrolabe.graph.state.node import Node, labels_in
from astrolabe.graph.state.object_event import NODE


class UnknownKindError(ValueError):
    """Facts of a kind for which the model has no rules."""


class InconsistentModelError(Exception):
    """An exception interrupted a change, so the model may contradict itself; see `Salvage`.

    facts: what was being added; None if it was something else. uid: what was being changed, or "".
    """

    def __init__(self, model: Model, *, uid: str = "", facts: Facts | None = None) -> None:
        super().__init__(uid)
        self.model = model
        self.uid = uid
        self.facts = facts


class Model:
    """All known resources, whether in the graph or not.

    roots: the label selector of the closure; None: everything is in the graph.
    cluster: see `Node.cluster`. What it is told of has qualified uids.
    """

    def __init__(self, rules: Iterable[Rules], *, roots: Selector | None = None, cluster: str = "") -> None:
        self.cluster = cluster
        self._rules = {entry.kind: entry for entry in rules}
        self._roots = roots
        self._linker = Linker()
        self._scopes = Scopes(self._rules)
        self._derivation = Derivation(self._rules, self._linker, self._scopes, cluster=cluster)
        closure = Closure(self._linker) if roots is not None else None
        self._beside = Beside(self._linker)
        self._release_index = ReleaseIndex(cluster)
        self._records: dict[str, dict[str, Record]] = {kind: {} for kind in self._rules}
        self._settlement = Settlement(
            self._linker,
            self._scopes,
            self._derivation,
            closure,
            self._release_index,
            beside=self._beside,
            cluster=cluster,
        )
        self._open = Transaction()
        #: Deleted resources that leave the graph in steps, because so many others name them.
        self._being_removed: dict[Record, None] = {}

    def __len__(self) -> int:
        return sum(map(len, self._records.values()))

    @property
    def pending(self) -> int:
        """About how many nodes and edges the next commit has to process."""
        return len(self._open.touched) + len(self._open.removed) + self._linker.pending

    def uids(self, kind: str, namespace: str = "") -> list[str]:
        """The uids of the known resources of a kind, in one namespace or (with "") in all."""
        records = self._records.get(kind, {})
        if not namespace:
            return list(records)
        return [uid for uid, record in records.items() if record.namespace == namespace]

    def count(self, kind: str) -> int:
        """How many resources of the kind are known; 0 for a kind without rules."""
        return len(self._records.get(kind, ()))

    def change_rules(self, *, added: Iterable[Rules] = (), removed: Iterable[str] = ()) -> None:
        """Know other kinds from now on. Its time depends on the number of kinds, not of resources.

        added: a kind that has rules gets these instead; each of its resources follows them from its next
            `upsert` on. removed: kinds without known resources.
        Raises RulesError, if the rules contradict each other, or ValueError: then nothing has changed.
        Raises InconsistentModelError for any later failure.
        """
        rules = {**self._rules}
        for kind in removed:
            if self._records.get(kind):
                raise ValueError(f"there are {kind}s")
            rules.pop(kind, None)
        rules.update({entry.kind: entry for entry in added})
        self._derivation.use_rules(rules)
        try:
            for kind in self._rules.keys() - rules.keys():
                del self._rules[kind], self._records[kind]
                if self._scopes.forget(kind):
                    self._settlement.recheck()
                    self._derivation.scope_changed(kind)
            for kind in rules.keys() - self._rules.keys():
                self._derivation.scope_changed(kind)
            self._rules.update(rules)
            for kind in rules:
                self._records.setdefault(kind, {})
        except Exception as error:
            raise InconsistentModelError(self) from error

    def upsert(self, facts: Facts) -> bool:
        """Take in a resource's facts. Returns False if they change nothing.

        Raises UnknownKindError or InvalidObjectError if the facts are at fault: then nothing has changed.
        Raises InconsistentModelError for any later failure.
        """
        rules = self._rules.get(facts.kind)
        if rules is None:
            raise UnknownKindError(f"no rules for kind {facts.kind!r}, uid {facts.uid}")
        text = encode_own(facts, rules.api_version, kind=rules.name, cluster=self.cluster)
        try:
            return self._put(facts, rules, text)
        except Exception as error:
            raise InconsistentModelError(self, uid=facts.uid, facts=facts) from error

    def remove(self, uid: str) -> bool:
        """Remove a resource. Returns False if it was not known. Raises InconsistentModelError."""
        try:
            record = self._linker.find(uid)
            if record is None or record in self._being_removed:
                return False
            if self._linker.begin_removal(record):
                self._being_removed[record] = None
            else:
                self._remove(record)
        except Exception as error:
            raise InconsistentModelError(self, uid=uid) from error
        return True

    def set_synced(self, kind: str, namespace: str, synced: bool) -> None:
        """Say whether the kind is completely known, in one namespace or in all (""). Only then is a missing
        target an unresolved reference.

        Raises InconsistentModelError.
        """
        try:
            if self._scopes.mark(kind, namespace, synced):
                self._settlement.recheck()
                self._derivation.scope_changed(kind)
        except Exception as error:
            raise InconsistentModelError(self) from error

    def set_outdated(self, kind: str, namespace: str, outdated: bool) -> None:
        """Say whether the kind can no longer be read, in one namespace or in all (""), so that what is known
        may be outdated.

        Raises InconsistentModelError.
        """
        try:
            if self._scopes.mark_outdated(kind, namespace, outdated):
                self._derivation.scope_changed(kind)
        except Exception as error:
            raise InconsistentModelError(self) from error

    def set_warnings(self, object: str, warnings: tuple[WarningEvent, ...]) -> bool:
        """Say what Warnings there are about an object, which need not be known.

        object: its uid; of a Node, its name may be in place of that, qualified as well.
        warnings: see `EventIndex.warnings`.
        Returns False if that changes nothing. Raises InconsistentModelError.
        """
        try:
            return self._set_warnings(object, warnings)
        except Exception as error:
            raise InconsistentModelError(self) from error

    @property
    def unsettled(self) -> bool:
        """Whether the last commit left work for the next one."""
        return (
            bool(self._being_removed)
            or self._settlement.has_waiting
            or self._derivation.has_waiting
            or self._linker.has_changes
        )

    def commit(self, most: int | None = None) -> Changes:
        """Bring everything up to date. Returns what changed in the graph since the last commit.

        most: limits work that concerns very many records: after a change of what is known about a whole kind,
        or when a resource that many others name comes or goes. The next commit continues (`unsettled`).
        Raises InconsistentModelError.
        """
        try:
            return self._commit(most)
        except Exception as error:
            raise InconsistentModelError(self) from error

    def _commit(self, most: int | None) -> Changes:
        for record in list(self._being_removed) if self._being_removed else ():
            if not self._linker.continue_removal(record, most):
                break
            self._remove(record)
        changes = Changes()
        transaction, self._open = self._open, Transaction()
        self._settlement.settle(transaction, changes, most)
        return changes

    def take_faults(self) -> list[Fault]:
        """The rules that failed since the last call. Their resources stay in the graph."""
        return [*self._derivation.faults.take(), *self._settlement.unrendered.take()]

    @property
    def failing(self) -> list[Fault]:
        """The resources for which a rule fails now."""
        return [*self._derivation.faults, *self._settlement.unrendered]

    # What the last commit left in the graph

    def node(self, uid: str) -> Node | None:
        """The node with this uid; None if it is not in the graph."""
        record = self._linker.find(uid)
        return record.node if record is not None and record.emitted else None

    def adopt(self, node: Node) -> None:
        """Use this object for an equal node, so that its text is in memory only once."""
        record = self._linker.find(node.uid)
        if record is not None and record.node == node:
            record.node = node

    def nodes(self) -> Iterator[Node]:
        """All nodes."""
        for records in self._records.values():
            for record in records.values():
                if record.emitted:
                    assert record.node is not None  # every known record was rendered when it came
                    yield record.node

    def edges(self, uid: str) -> Iterator[Edge]:
        """The edges that start at this node."""
        record = self._linker.find(uid)
        if record is not None and record.emitted:
            for edge in each_edge(record.outgoing):
                if edge.type not in INNER_TYPES and self._linker.known(edge.target).emitted:
                    yield edge

    def releases(self) -> dict[Release, HelmRevision]:
        """The newest revision of every release that Helm keeps."""
        return self._release_index.all()

    # What another model is built from

    def records(self) -> Iterator[Record]:
        """All known records. In an inconsistent model, only what a record says by itself can be trusted."""
        for records in self._records.values():
            yield from [record for record in records.values() if record not in self._being_removed]

    def empty_copy(self) -> Model:
        """An empty model with the same rules, in which the same kinds are completely known."""
        model = Model(self._rules.values(), roots=self._roots, cluster=self.cluster)
        model._scopes.copy_from(self._scopes)
        model._derivation.warnings = self._derivation.warnings
        model._beside.declared = {**self._beside.declared}
        return model

    def restore(self, record: Record) -> None:
        """Add a resource as another model knew it. Raises InconsistentModelError."""
        text = record.manifest_text
        facts = Facts(
            kind=record.kind,
            uid=record.uid,
            name=record.name,
            namespace=record.namespace,
            labels=labels_in(text),
            status=record.own_status,
            metadata={},  # it is in the text
            links=record.links,
            release=record.own_release,
            label_release=record.label_release,
            made_by=record.made_by,
            chart=record.own_chart,
            selectable=record.selectable,
            aliases=record.aliases,
            details=record.own_details,
            revision=record.revision,
            closure_ends=record.closure_ends,
        )
        try:
            self._add(facts, record.rules, text)
        except Exception as error:
            raise InconsistentModelError(self, uid=record.uid) from error

    # Within the transaction

    def _put(self, facts: Facts, rules: Rules, text: str) -> bool:
        record = self._linker.find(facts.uid)
        if record is not None and (record in self._being_removed or not record.is_of(facts)):
            self._remove(record)
            record = None
        if facts.beside or self._beside.declared:
            facts = self._beside.place(facts, record)
        if record is None:
            self._add(facts, rules, text)
            return True
        return self._change(record, facts, rules, text)

    def _set_warnings(self, object: str, warnings: tuple[WarningEvent, ...]) -> bool:
        known = self._derivation.warnings
        if known.get(object, ()) == warnings:
            return False
        if warnings:
            known[object] = warnings
        else:
            del known[object]
        record = self._linker.find(object)
        about = [record] if record is not None else self._named(object)
        for each in about:
            if each not in self._being_removed:
                self._derivation.mark(each)
        return bool(about)

    def _named(self, object: str) -> Iterable[Record]:
        """The Nodes of this name."""
        return self._linker.named(NODE, "", object[len(qualified(self.cluster, "")) :])

    def _remove(self, record: Record) -> None:
        self._records[record.kind].pop(record.uid, None)
        self._being_removed.pop(record, None)
        self._linker.remove(record)
        self._derivation.forget(record)
        self._settlement.forget(record)
        self._release_index.forget(record)
        self._beside.declared.pop(record.uid, None)
        record.root = False
        self._open.touched.discard(record)
        self._open.to_inherit.discard(record)
        self._open.removed.add(record)

    def _add(self, facts: Facts, rules: Rules, text: str) -> None:
        record = Record(facts, rules)
        self._records[facts.kind][facts.uid] = record
        self._set_text(record, facts, text)
        self._derivation.begin(record)
        self._linker.add(record, facts)
        self._release_index.add(record)
        self._open.to_inherit.add(record)

    def _change(self, record: Record, facts: Facts, rules: Rules, text: str) -> bool:
        follows = record.rules is rules
        if not follows:
            self._follow(record, rules)
        moves = self._moves(record, facts)
        judged = facts.status != record.own_status or facts.details != record.own_details
        linked = (
            facts.links != record.links
            or facts.selectable != record.selectable
            or facts.aliases != record.aliases
        )
        if not (moves or judged or linked) and record.says(text):
            return not follows
        if moves:
            self._set_claims(record, facts)
        if judged:
            record.own_status, record.own_details = facts.status, facts.details
            self._derivation.own_changed(record)
        self._set_text(record, facts, text)
        if linked:
            self._linker.change(record, facts)
        return True

    def _set_text(self, record: Record, facts: Facts, text: str) -> None:
        record.own_text = text
        if self._roots is not None:
            record.root = self._roots.matches(facts.labels)
        self._open.touched.add(record)

    def _follow(self, record: Record, rules: Rules) -> None:
        """Judge a record by other rules from now on."""
        record.rules = rules
        record.extra = None
        self._derivation.own_changed(record)
        self._open.to_inherit.add(record)
        self._open.touched.add(record)

    @staticmethod
    def _moves(record: Record, facts: Facts) -> bool:
        """Whether it says something else of releases and charts."""
        return (
            facts.release != record.own_release
            or facts.label_release != record.label_release
            or facts.chart != record.own_chart
            or facts.made_by != record.made_by
            or facts.revision != record.revision
        )

    def _set_claims(self, record: Record, facts: Facts) -> None:
        """Set what it says of releases and charts."""
        self._release_index.discard(record)
        record.own_release, record.label_release = facts.release, facts.label_release
        record.own_chart, record.revision = facts.chart, facts.revision
        record.made_by = facts.made_by
        self._release_index.add(record)
        self._open.to_inherit.add(record)
