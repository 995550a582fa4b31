"""The catalogue's entry of a custom kind, made of its definition and of its rule if there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.links import Link
from astrolabe.graph.state.edge_types import MANAGES
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds import common
from astrolabe.kinds.custom import (
    aliases,
    columns,
    finding,
    generic,
    label_selections,
    neighbours,
    paused,
    references,
    status,
    subsets,
)
from astrolabe.kinds.custom.definition import Definition
from astrolabe.kinds.custom.paths import parse
from astrolabe.kinds.custom.projection import ProjectionOf
from astrolabe.kinds.custom.rule import KindRule, ReferenceRule
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.custom.verdict import Verdict
from astrolabe.kinds.kind import ANY_KIND, Kind, Layer
from astrolabe.kinds.manifest import Manifest

#: The column of each layer in the viewer; see `Kind.column`.
COLUMNS: dict[Layer, int] = {
    "ingress": 0,
    "service": 1,
    "workload": 2,
    "run": 3,
    "pod": 4,
    "configuration": 5,
    "storage": 5,
    "policy": 1,
    "cluster": 6,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class CustomKind(Kind[Manifest]):
    """An entry that is made, not written.

    judge: the status by the manifest alone, once it is not being deleted. shown: what the node shows.
    rule: the file with its rule; "" if it has none.
    """

    judge: Callable[[Manifest], Verdict]
    shown: Callable[[Manifest], dict[str, Any]]
    rule: str = ""

    def verdict(self, manifest: Manifest) -> Verdict:
        """Its status, and the field that decided it."""
        if manifest.metadata.deletion_timestamp:
            deleted = common.terminating(manifest.metadata, self.deletion(manifest))
            return Verdict(deleted, "metadata.deletionTimestamp")
        return self.judge(manifest)

    def facts(self, manifest: Manifest) -> Facts:
        """Everything that the manifest says; see `Kind.facts`."""
        verdict = self.verdict(manifest)
        metadata = self.shown(manifest)
        if verdict.decided_by:
            metadata["decidedBy"] = verdict.decided_by
        return self._facts(manifest, verdict.status, metadata)


def entry_of(
    definition: Definition, rulebook: RuleBook, *, odd_scopes: Set[GroupKind] = frozenset()
) -> CustomKind:
    """The entry of a kind: by its rule if the book has one, else by what all kinds have in common.

    odd_scopes: the kinds that are not in namespaces, or are, though their rules say so.
    """
    rule = rulebook.find(definition.id)
    return _Maker(definition, rulebook, rule, odd_scopes).entry()


class _Maker:
    """Makes one entry. rule: None: the references that any kind may have."""

    def __init__(
        self,
        definition: Definition,
        rulebook: RuleBook,
        rule: KindRule | None,
        odd_scopes: Set[GroupKind],
    ) -> None:
        self._definition = definition
        self._book = rulebook
        self._odd_scopes = odd_scopes
        self._rule = replace(rule or rulebook.any, id=definition.id)
        self._source = rule.source if rule is not None else ""
        self._version = definition.version(self._rule.versions)
        self._keys = (
            [columns.ShownKey(name, path) for name, path in self._rule.metadata]
            if self._rule.metadata
            else columns.shown_by(self._version.columns)
        )
        self._projection = self._project()
        self._generic = (
            _generic_judge(definition.kind, self._projection, self._version.has_status)
            if self._is_generic
            else None
        )

    @property
    def _is_generic(self) -> bool:
        """Whether what all kinds have in common may decide the status."""
        return self._rule.status is None or self._rule.status.otherwise == "generic"

    def _project(self) -> ProjectionOf:
        rule = self._rule
        paths = [key.path for key in self._keys] + references.paths_of(rule) + aliases.paths_of(rule)
        wholes = label_selections.wholes_of(rule)
        if rule.subsets is not None:
            wholes |= subsets.wholes_of(rule.subsets)
        for reference in rule.references:
            paths += finding.tests_paths(reference.when)
            wholes |= finding.tests_wholes(reference.when)
        if rule.status is not None:
            paths += status.paths_of(rule.status)
            wholes |= status.wholes_of(rule.status)
        if self._is_generic:
            paths += (*paused.PATHS, REPLICAS)
        else:
            wholes.setdefault(STATUS, None)
        return ProjectionOf(
            self._definition.kind, paths, wholes=wholes, raw=("status",) if self._is_generic else ()
        )

    def _judge(self) -> Callable[[Any], Verdict]:
        if self._rule.status is None:
            assert self._generic is not None
            return self._generic
        if self._is_generic:
            has_status = _raw_presence(self._projection)
        else:
            has_status = self._projection.presence(STATUS)
        return status.compile_status(
            self._rule.status, self._projection, generic=self._generic, has_status=has_status
        )

    def _links(self, finder: finding.Finder) -> Callable[[Any], Iterable[Link]]:
        links = references.compile_references(*self._compiled_with(finder), several=self._book.several)
        of_host = self._rule.subsets
        if of_host is None or not of_host.labels:
            return links
        of_subsets = subsets.compile_links(of_host, self._projection)
        return lambda manifest: [*links(manifest), *of_subsets(manifest)]

    def _compiled_with(self, finder: finding.Finder) -> _CompiledWith:
        scopes = _scopes(self._book, self._odd_scopes)
        return self._rule, self._projection, scopes, _when(finder), self._book.homes

    def _details(self) -> Callable[[Any], Any]:
        of_host = self._rule.subsets
        if of_host is None or not of_host.labels:
            return common.no_details
        return subsets.compile_details(of_host, self._projection)

    def entry(self) -> CustomKind:
        definition, rule, book = self._definition, self._rule, self._book
        finder = finding.Finder(self._projection)
        derive, reads = neighbours.judge_by_neighbours(rule)
        layer: Layer = rule.layer or ("configuration" if definition.namespaced else "cluster")
        return CustomKind(
            name=definition.kind,
            group=definition.group,
            version=self._version.name,
            plural=definition.plural,
            short_names=definition.short_names,
            layer=layer,
            column=COLUMNS[layer],
            namespaced=definition.namespaced,
            optional=True,
            manifest=self._projection.type,
            status=_not_called,
            shows=columns.metadata_type(definition.kind, self._keys),
            links=self._links(finder),
            beside=references.compile_beside(*self._compiled_with(finder)),
            details=self._details(),
            makes=_makes(rule),
            most_links=MOST_MANAGED
            if any(each.edge == MANAGES for each in rule.references)
            else common.MOST_LINKS,
            selectable=common.labels_of if book.is_selected(definition.id) else None,
            wide_aliases=rule.wide_aliases,
            aliases=aliases.compile_aliases(rule, self._projection),
            derive=derive,
            reads=reads,
            derives=("decidedBy",) if derive is not None else (),
            judge=self._judge(),
            shown=columns.reader(self._keys, self._projection),
            rule=self._source,
        )


#: What every reference of a rule is compiled with.
_CompiledWith = tuple[
    KindRule,
    ProjectionOf,
    references.ScopeOf,
    Callable[[ReferenceRule], list[finding.Find]],
    Mapping[str, str],
]


def _when(finder: finding.Finder) -> Callable[[ReferenceRule], list[finding.Find]]:
    # It must not keep what made the entry.
    return lambda reference: [finder.find(test) for test in reference.when]


def _scopes(book: RuleBook, odd: Set[GroupKind]) -> references.ScopeOf:
    # It must not keep what made the entry.
    def scope_of(kind: GroupKind) -> bool | None:
        told = book.is_namespaced(kind)
        return not told if kind in odd else told

    return scope_of


#: Links of one object that lists what it manages.
MOST_MANAGED = 20_000
STATUS = parse("status")
REPLICAS = parse("spec.replicas")
_OBJECT = b"{"


def _raw_presence(projection: ProjectionOf) -> Callable[[Any], bool]:
    raw_status = projection.raw_reader("status")
    return lambda manifest: bytes(memoryview(raw_status(manifest))[:1]) == _OBJECT


def _makes(rule: KindRule) -> tuple[tuple[str, str], ...]:
    """The (edge type, kind at the other end) of its references."""
    found: dict[tuple[str, str], None] = {}
    for reference in rule.references:
        is_open = (
            reference.any_kind or bool(reference.packed) or (len(reference.to) == 1 and bool(reference.kind))
        )
        for kind in () if is_open else reference.to:
            found[reference.edge, ANY_KIND if kind.group == references.ANY_GROUP else kind.key] = None
        if is_open:
            found[reference.edge, ANY_KIND] = None
    return tuple(found)


_STATUS = msgspec.json.Decoder(generic.RawStatus)


def _generic_judge(
    kind: str, projection: ProjectionOf, has_status: bool | None
) -> Callable[[Manifest], Verdict]:
    raw_status = projection.raw_reader("status")
    is_paused, replicas = paused.step(projection), projection.scalar(REPLICAS)

    def judge(manifest: Manifest) -> Verdict:
        raw = raw_status(manifest)
        return generic.judge(
            generic.Given(
                kind=kind,
                generation=manifest.metadata.generation,
                paused=is_paused(manifest),
                replicas=replicas(manifest),
                status=_STATUS.decode(raw) if len(raw) else None,
                has_status=has_status,
            )
        )

    return judge


def _not_called(_: Manifest) -> Any:
    raise AssertionError("a custom kind is judged by `judge`")
