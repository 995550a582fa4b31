"""The catalogue: the kinds that one cluster's graph is made of.

It begins with the entries that ship, and may gain and lose others while the server runs (custom resources
come and go). Watches, filters, metrics and documents ask it each time, and keep no list of their own; who
must act on a change observes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, KeysView, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from astrolabe.graph.state.edge_types import EDGE_TYPES, INNER_TYPES
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.kind import ANY_KIND, Kind


class UnknownKind(ValueError):
    """A word names no kind of the catalogue. The message lists the kinds."""


class CatalogueError(ValueError):
    """The entries contradict each other. The message says where."""


class CatalogueChange(NamedTuple):
    """added, removed: entries; a replaced one is in both."""

    added: Sequence[Kind[Any]]
    removed: Sequence[Kind[Any]]


class Catalogue:
    """Entries by identity, in the order in which they are listed at the start.

    version: grows by one with each change.
    """

    def __init__(self, kinds: Iterable[Kind[Any]] = ()) -> None:
        """Raises CatalogueError."""
        self.version = 0
        self._kinds: dict[str, Kind[Any]] = {}
        self._words: dict[str, Kind[Any]] = {}
        self._observers: list[Callable[[CatalogueChange], None]] = []
        self._become(tuple(kinds))

    def __iter__(self) -> Iterator[Kind[Any]]:
        """The entries as they are now: the catalogue may change meanwhile."""
        return iter(tuple(self._kinds.values()))

    def __len__(self) -> int:
        return len(self._kinds)

    def __contains__(self, key: object) -> bool:
        return key in self._kinds

    def __getitem__(self, key: str) -> Kind[Any]:
        """The entry of this key (see `GroupKind.key`). Raises KeyError."""
        return self._kinds[key]

    @property
    def keys(self) -> KeysView[str]:
        """The keys, in order; follows every change."""
        return MappingProxyType(self._kinds).keys()

    @property
    def by_key(self) -> Mapping[str, Kind[Any]]:
        """The entries by key, in order; follows every change."""
        return MappingProxyType(self._kinds)

    def get(self, id: GroupKind) -> Kind[Any] | None:
        """The entry of this identity."""
        return self._kinds.get(id.key)

    def find(self, word: str) -> Kind[Any]:
        """What kubectl would take the word for: a kind, a plural or a short name in any case, with its group
        where several have it (`certificates.cert-manager.io`). Raises UnknownKind.

        A bare word means Kubernetes' own kind, else the first that has it.
        """
        found = self._kinds.get(word) or self._words.get(word.lower())
        if found is None:
            raise UnknownKind(f"unknown kind {word!r}, the kinds are: {', '.join(self._kinds)}")
        return found

    def only(self, words: Sequence[str]) -> Catalogue:
        """A catalogue of the kinds that these words mean (see `find`), in the order of this one.

        Words that begin with + add to the others, or if there are none, to all kinds but those that are
        watched by request. Raises UnknownKind.
        """
        wanted = {self.find(word).key for word in words if not word.startswith("+")}
        wanted = wanted or {kind.key for kind in self if not kind.by_request}
        wanted |= {self.find(word[1:]).key for word in words if word.startswith("+")}
        return Catalogue(kind for kind in self if kind.key in wanted)

    def vocabulary(
        self, *, cluster: str = "", clusters: Callable[[], Collection[str] | None] = lambda: None
    ) -> SearchVocabulary:
        """What a search may name; follows every change.

        cluster: the name of the only one. clusters: returns the names of several; None if there is only one.
        """
        return SearchVocabulary(self, cluster=cluster, clusters=clusters)

    def change(self, *, added: Iterable[Kind[Any]] = (), removed: Collection[GroupKind] = ()) -> None:
        """Take out some, then put in others, which come last; one of the same identity is replaced in place.

        All or nothing: raises CatalogueError and stays as it is when they do not fit together.
        """
        new = {kind.key: kind for kind in added}
        left = {id.key for id in removed} - new.keys()
        before = dict(self._kinds)
        kept = [new.get(key, kind) for key, kind in before.items() if key not in left]
        self._become((*kept, *[kind for key, kind in new.items() if key not in before]))
        gone = [kind for key, kind in before.items() if key in left or key in new]
        if not new and not gone:
            return
        self.version += 1
        change = CatalogueChange(added=tuple(new.values()), removed=gone)
        for observer in tuple(self._observers):
            observer(change)

    def observe(self, observer: Callable[[CatalogueChange], None]) -> Callable[[], None]:
        """Call a function after each change. Returns a function that ends this."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def _become(self, kinds: Sequence[Kind[Any]]) -> None:
        verify(kinds)
        # The same dicts, since others look into them.
        self._kinds.clear()
        self._kinds.update((kind.key, kind) for kind in kinds)
        self._words.clear()
        # Kubernetes' own come first: their keys are their names.
        for kind in sorted(kinds, key=lambda kind: kind.key != kind.name):
            for word in (kind.name, kind.plural, *kind.short_names):
                self._words.setdefault(word.lower(), kind)
                self._words.setdefault(f"{word}.{kind.group}".lower(), kind)


class SearchVocabulary:
    """Implements `parser.Vocabulary` for a catalogue."""

    def __init__(
        self, catalogue: Catalogue, *, cluster: str, clusters: Callable[[], Collection[str] | None]
    ) -> None:
        self.cluster = cluster
        self._clusters = clusters
        self._catalogue = catalogue
        self._version = -1
        self._metadata: frozenset[str] = frozenset()

    def kind(self, word: str, /) -> str:
        """The key of the kind that the word means. Raises UnknownKind."""
        return self._catalogue.find(word).key

    @property
    def clusters(self) -> Collection[str] | None:
        """The names of the clusters; None if there is only one."""
        return self._clusters()

    @property
    def kinds(self) -> KeysView[str]:
        """The keys of the kinds."""
        return self._catalogue.keys

    @property
    def metadata(self) -> Collection[str]:
        """The keys of metadata that nodes of these kinds may show."""
        if self._version != self._catalogue.version:
            self._version = self._catalogue.version
            self._metadata = frozenset(column.name for kind in self._catalogue for column in kind.columns)
        return self._metadata


def verify(kinds: Sequence[Kind[Any]]) -> None:
    """Raise CatalogueError unless the kinds are distinct, speak of edge types that exist, and can be judged
    one after the other.

    What they speak of may be absent: another kind may not be watched, or not be served by this cluster.
    """
    seen: dict[object, str] = {}
    for kind in kinds:
        for key in (kind.id, (kind.group, kind.plural)):
            if key in seen:
                raise CatalogueError(
                    f"{kind.name} and {seen[key]} are both {'.'.join(filter(None, key[::-1]))}"
                )
            seen[key] = kind.name
        for edge_type in (*[type for type, _ in kind.makes], *[read.type for read in kind.reads]):
            if edge_type not in EDGE_TYPES and edge_type not in INNER_TYPES:
                raise CatalogueError(f"{kind.name} names an unknown edge type: {edge_type}")
    _verify_acyclic(kinds)


def verify_closed(kinds: Sequence[Kind[Any]]) -> None:
    """Raise CatalogueError if one of the kinds refers to a kind that is not among them, nor a custom one."""
    keys = {kind.key for kind in kinds}
    for kind in kinds:
        for target in (
            *[end for _, end in kind.makes if end != ANY_KIND],
            *[read.kind for read in kind.reads],
        ):
            if target not in keys and "." not in target:
                raise CatalogueError(f"{kind.name} names an unknown kind: {target}")


def _verify_acyclic(kinds: Sequence[Kind[Any]]) -> None:
    reads = {kind.key: {read.kind for read in kind.reads if not read.own} for kind in kinds}
    while reads:
        settled = [name for name, read in reads.items() if not read & reads.keys()]
        if not settled:
            raise CatalogueError(f"derived statuses read each other in a circle: {', '.join(sorted(reads))}")
        for name in settled:
            del reads[name]
