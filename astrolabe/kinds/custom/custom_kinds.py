"""The custom kinds of a catalogue: what each is made of, and how they become others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from astrolabe.graph.model.faults import where
from astrolabe.graph.state.identity import GroupKind
from astrolabe.graph.state.status import UNKNOWN, Status
from astrolabe.kinds import common
from astrolabe.kinds.catalogue import Catalogue, CatalogueError
from astrolabe.kinds.custom.definition import Definition
from astrolabe.kinds.custom.entry import entry_of
from astrolabe.kinds.custom.rule import KindRule
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.kind import Kind, is_custom
from astrolabe.kinds.manifest import Manifest

#: The reason of the status of objects of which only the metadata is read.
METADATA_ONLY = "MetadataOnly"


class WantedKind(msgspec.Struct, frozen=True, omit_defaults=True):
    """A custom kind that is to be watched.

    expected: see `Kind.expected`. most: if it has more objects than this, so that only their metadata is
        read; 0 otherwise.
    """

    definition: Definition
    expected: bool = False
    most: int = 0


class RefusedKind(NamedTuple):
    """A kind whose entry cannot be made, or does not fit the others."""

    id: GroupKind
    why: str


class KindsNews(NamedTuple):
    """The keys of kinds that came or changed, and of those that went; and what was refused."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    refused: tuple[RefusedKind, ...]


class _Sources(NamedTuple):
    """What an entry is made of. selected: whether rules select its objects by their labels. odd_scopes: see
    `entry_of`."""

    wanted: WantedKind
    rule: KindRule
    selected: bool
    odd_scopes: frozenset[GroupKind]


class CustomKinds:
    """Keeps the custom kinds of a catalogue. The time of a change depends on what changes.

    rules: the rules that entries follow; by default those that ship. `become` lets entries follow others.
    """

    def __init__(self, catalogue: Catalogue, rules: RuleBook | None = None) -> None:
        self.catalogue = catalogue
        self.rules = rules if rules is not None else RuleBook.shipped()
        #: What each entry was made of, and what is refused.
        self._made: dict[GroupKind, _Sources] = {}
        self._refused: dict[GroupKind, _Sources] = {}

    @property
    def wanted(self) -> tuple[WantedKind, ...]:
        """What the custom kinds of the catalogue are made of."""
        return tuple(made_of.wanted for made_of in self._made.values())

    def become(
        self,
        wanted: Mapping[GroupKind, WantedKind],
        *,
        stays: Callable[[GroupKind], bool] = lambda _: False,
    ) -> Iterator[KindsNews | None]:
        """Make the catalogue have these custom kinds, in steps. Yields what changed at the end, if anything.

        stays: whether a kind stays that is not wanted.
        """
        added: dict[GroupKind, Kind[Any]] = {}
        refused: list[RefusedKind] = []
        told = self.rules.is_namespaced
        odd = frozenset(
            id for id, each in wanted.items() if told(id) not in (None, each.definition.namespaced)
        )
        for id, each in wanted.items():
            rule = self.rules.find(id) or self.rules.any
            made_of = _Sources(each, rule, self.rules.is_selected(id), odd)
            if made_of in (self._made.get(id), self._refused.get(id)):
                continue
            try:
                added[id] = self._entry(made_of)
                self._made[id] = made_of
            except Exception as error:  # of a definition that nobody has tried
                refused.append(RefusedKind(id, f"its definition cannot be used: {where(error)}"))
                self._refuse(id, made_of)
            yield None
        gone = [
            kind.id
            for kind in self.catalogue
            if is_custom(kind.key) and kind.id not in self._made.keys() & wanted.keys() and not stays(kind.id)
        ]
        if added or gone:
            refused += self._change(added, gone)
        for id in gone:
            self._made.pop(id, None)
            self._refused.pop(id, None)
        if added:
            self._let_select()
        if added or gone or refused:
            kept = tuple(id.key for id in added if id in self._made)
            yield KindsNews(kept, tuple(id.key for id in gone), tuple(refused))

    def _let_select(self) -> None:
        """Let Kubernetes' own kinds be found by their labels where a kind that is watched selects them so."""
        selected = {
            kind
            for made_of in self._made.values()
            for reference in made_of.rule.references
            if reference.select is not None
            for kind in reference.to
        }
        hidden = [kind for kind in self.catalogue if kind.selectable is None and kind.id in selected]
        found = [replace(kind, selectable=common.labels_of) for kind in hidden if not is_custom(kind.key)]
        if found:
            self.catalogue.change(added=found)

    def _entry(self, made_of: _Sources) -> Kind[Any]:
        wanted = made_of.wanted
        entry: Kind[Any] = entry_of(wanted.definition, self.rules, odd_scopes=made_of.odd_scopes)
        if wanted.most:
            entry = _metadata_only(entry, wanted.most)
        return replace(entry, expected=wanted.expected)

    def _change(self, added: Mapping[GroupKind, Kind[Any]], gone: list[GroupKind]) -> Iterator[RefusedKind]:
        """Change the catalogue; if some of the entries do not fit, without these."""
        try:
            self.catalogue.change(added=added.values(), removed=gone)
            return
        except CatalogueError:
            self.catalogue.change(removed=gone)
        for id, entry in added.items():
            try:
                self.catalogue.change(added=(entry,))
            except CatalogueError as error:
                self._refuse(id, self._made[id])
                yield RefusedKind(id, str(error))

    def _refuse(self, id: GroupKind, made_of: _Sources) -> None:
        self._refused[id] = made_of
        self._made.pop(id, None)


def _metadata_only(kind: Kind[Any], most: int) -> Kind[Manifest]:
    """The same kind, of which only the metadata is read: name, labels, owners, release.

    most: the limit that its number of objects exceeds.
    """
    status = Status(
        UNKNOWN,
        METADATA_ONLY,
        f"There are more than {most:,} of this kind (--max-custom-objects), so only their metadata is read",
    )
    return Kind(
        name=kind.name,
        group=kind.group,
        version=kind.version,
        plural=kind.plural,
        layer=kind.layer,
        column=kind.column,
        short_names=kind.short_names,
        namespaced=kind.namespaced,
        optional=kind.optional,
        expected=kind.expected,
        manifest=Manifest,
        status=lambda _: status,
        metadata_only=True,
    )
