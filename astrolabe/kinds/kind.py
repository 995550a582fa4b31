"""One entry of the catalogue: everything that Astrolabe knows of a Kubernetes kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from sys import intern
from typing import Any, Generic, Literal, TypeVar, get_args

import msgspec

from astrolabe.graph.model.facts import Derive, Facts, Read, Rules, Stands, Warn
from astrolabe.graph.model.faults import InvalidObjectError
from astrolabe.graph.model.links import Link, RefBeside, RefByUid
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.identity import GroupKind, HelmRevision
from astrolabe.graph.state.status import Status
from astrolabe.kinds import common, warnings
from astrolabe.kinds.manifest import Manifest, ObjectMeta
from astrolabe.kinds.metadata import Column, Metadata, NoMetadata, columns_of
from astrolabe.kinds.watched import FACTS, EventReader

M = TypeVar("M", bound=Manifest)

#: Columns of the drawn graph, from left to right: the way of a request, then what it needs.
Layer = Literal[
    "ingress", "service", "workload", "run", "pod", "configuration", "storage", "policy", "cluster"
]
LAYERS: tuple[Layer, ...] = get_args(Layer)


def is_custom(key: str) -> bool:
    """Whether the key is of a kind that is not Kubernetes' own; see `GroupKind.key`."""
    return "." in key


#: In `Kind.makes`: the other end may be of any kind.
ANY_KIND = "*"


@lru_cache(maxsize=1024)
def _event_decoder(manifest: type[Manifest]) -> msgspec.json.Decoder[Any]:
    """Kinds of which the same is read share it."""
    event = msgspec.defstruct("Event", [("type", str), ("object", manifest)], gc=False)
    return msgspec.json.Decoder(event)


@lru_cache(maxsize=1024)
def _decoder(manifest: type[Manifest]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(manifest)


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind(Generic[M]):
    """A kind of resource: where the API serves it, which part of the manifest is read, and what it means.

    short_names: kubectl's abbreviations. mark: the label in drawings, by default the first short name.
    layer: its place in drawings of the graph; `run` is between a workload or a Service and its Pods (a
        ReplicaSet, a Job, an EndpointSlice).
    column: its place in the viewer, from what sends requests (0, left) to what is needed (right).
    relays: its status only passes on that of others, so it is never a cause itself, and drawings fold it into
        its owner.
    manifest: the part of the manifest that is read; nothing else is ever decoded.
    status: pure. The common first steps (Terminating, observedGeneration) come before it, unless
        `status_is_complete` (Pod decides everything itself).
    observed: its controller says in status.observedGeneration what it has seen; left out, it has seen
        nothing.
    deletion: what holds an object that is being deleted, as a sentence; "" when nothing does.
    metadata: what the node shows besides creationTimestamp. shows: its type; `derive` may add some keys.
    links: references and selections, without ownerReferences, which `owners` turns into links.
    is_over: whether an object no longer needs anything, not even its owners; None: it always does.
    inherits: the edge types into it along which it inherits its release and chart.
    makes: the (edge type, kind at the other end) that `links` may produce; checked at start.
    wide_aliases: see `Rules.wide_aliases`.
    most_links: references and selections of one object; one with more is left out.
    metadata_only: list and watch as PartialObjectMetadata; values never reach the process.
    optional: a missing API or a 403 does not block readiness.
    expected: if it is forbidden, readers are told that something is missing.
    older: versions to read where the API server does not serve `version`, the best first. What is read of a
        manifest is alike in all of them.
    by_request: it is watched only if `--kinds` names it.
    stands: see `Rules.stands`.
    selectable: the labels by which a `Select` finds it; None for kinds that nothing selects. sought_as: see
        `Rules.sought_as`.
    derives: the keys of its metadata that `derive` adds.
    requires: of the kinds that it refers to, those without whose objects it does not work; empty: all.
    is_nothing_alone: its manifest alone does not say whether it works: without its neighbours, that is
        unknown.
    warn: pure. What Kubernetes' Warnings about an object make of its status; see `kinds.warnings`.
    creates: the kind of what its controller makes; once there is a newer one, that it could not is over.
    closure_ends: whether the closure ends at an object; None: it never does.
    belonging: what `common.read_belonging` returns, of a manifest that remembers it; None: it is read anew.
    memory: makes an `EventReader` of `event_decoder`, which remembers what stays of objects when they change.
    remembers: whether a manifest keeps its facts, among its attributes under FACTS.
    """

    name: str
    group: str
    version: str
    plural: str
    layer: Layer
    column: int = 3
    short_names: tuple[str, ...] = ()
    mark: str = ""
    relays: bool = False
    manifest: type[M]
    status: Callable[[M], Status]
    observed: bool = False
    deletion: Callable[[M], str] = common.tell_deletion
    metadata: Callable[[M], Metadata] = common.no_metadata
    shows: type[Metadata] = NoMetadata
    links: Callable[[M], Iterable[Link]] = common.no_links
    beside: Callable[[M], tuple[RefBeside, ...]] | None = None
    owners: Callable[[ObjectMeta], Iterable[RefByUid]] = common.owner_links
    is_over: Callable[[M], bool] | None = None
    inherits: frozenset[str] = frozenset((OWNS,))
    makes: tuple[tuple[str, str], ...] = ()
    namespaced: bool = True
    wide_aliases: bool = False
    most_links: int = common.MOST_LINKS
    metadata_only: bool = False
    optional: bool = False
    expected: bool = True
    older: tuple[str, ...] = ()
    by_request: bool = False
    status_is_complete: bool = False
    selectable: Callable[[M], Mapping[str, str] | None] | None = None
    sought_as: str = ""
    aliases: Callable[[M], tuple[str, ...]] = common.no_aliases
    details: Callable[[M], Any] = common.no_details
    revision: Callable[[M], HelmRevision | None] = common.no_revision
    closure_ends: Callable[[M], bool] | None = None
    derive: Derive | None = None
    stands: Stands | None = None
    reads: tuple[Read, ...] = field(default=())
    derives: tuple[str, ...] = ()
    is_nothing_alone: bool = False
    requires: tuple[str, ...] = ()
    warn: Warn = warnings.tell
    creates: str = ""
    belonging: Callable[[M], common.Belonging] | None = None
    memory: Callable[[msgspec.json.Decoder[Any]], EventReader] | None = None
    remembers: bool = False

    @property
    def id(self) -> GroupKind:
        """Its identity."""
        return GroupKind(self.group, self.name)

    @cached_property
    def key(self) -> str:
        """Its identity as one word, which the graph uses as key; see `GroupKind.key`."""
        return intern(self.id.key)

    @property
    def abbreviation(self) -> str:
        """Its label in drawings."""
        return self.mark or next(iter(self.short_names), self.name.lower())

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`: as a manifest's apiVersion has it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """The API path of the collection over all namespaces: `/apis/apps/v1/deployments`."""
        return f"{self._root}/{self.plural}"

    def path_in(self, namespace: str) -> str:
        """The API path of the collection in one namespace."""
        return f"{self._root}/namespaces/{namespace}/{self.plural}"

    @property
    def field_selector(self) -> str:
        """See `WatchedKind`: everything."""
        return ""

    @property
    def alternative(self) -> None:
        """See `WatchedKind`: there is none."""
        return None

    @property
    def _root(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The metadata of its nodes, as columns of a table."""
        return columns_of(self.shows)

    @cached_property
    def rules(self) -> Rules:
        """What the graph must know about this kind."""
        return Rules(
            kind=self.key,
            name=self.name,
            api_version=self.api_version,
            namespaced=self.namespaced,
            wide_aliases=self.wide_aliases,
            derive=self.derive,
            stands=self.stands,
            reads=self.reads,
            warn=self.warn,
            inherits=self.inherits,
            sought_as=self.sought_as,
            outdated=(warnings.FAILED_CREATE, self.creates) if self.creates else None,
        )

    @cached_property
    def event_decoder(self) -> msgspec.json.Decoder[Any]:
        """Decodes one line of a watch into an object with `type: str` and `object: M`."""
        return _event_decoder(self.manifest)

    def event_reader(self) -> EventReader:
        """See `WatchedKind`."""
        return self.memory(self.event_decoder) if self.memory is not None else self.event_decoder

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[M]:
        """Decodes one manifest."""
        return _decoder(self.manifest)

    def facts(self, manifest: M) -> Facts:
        """Everything that the manifest says; see `Facts`. Raises InvalidObjectError if that is too much."""
        memory: dict[str, Any] = vars(manifest) if self.remembers else {}
        known: Facts | None = memory.get(FACTS)
        if known is None:
            status, metadata = self._status(manifest), msgspec.to_builtins(self.metadata(manifest))
            known = memory[FACTS] = self._facts(manifest, status, metadata)
        return known

    def _facts(self, manifest: M, status: Status, metadata: dict[str, Any]) -> Facts:
        """The same, once the status and what the node shows are known."""
        meta = manifest.metadata
        belonging = self.belonging
        own = belonging(manifest) if belonging else common.read_belonging(meta, self.owners(meta))
        owners = own.owners
        if self.is_over is not None and self.is_over(manifest):
            owners = tuple([msgspec.structs.replace(owner, optional=True) for owner in owners])
        links = (*owners, *self.links(manifest))
        beside = self.beside(manifest) if self.beside is not None else ()
        if len(links) + len(beside) > self.most_links:
            raise InvalidObjectError(common.too_many_links(self.most_links))
        metadata["creationTimestamp"] = meta.creation_timestamp or ""
        # By position, in the order of its fields: keyword arguments would take many times as long.
        return Facts(
            self.key,
            meta.uid,
            meta.name,
            intern(meta.namespace),
            meta.labels or {},
            common.limited(status),
            metadata,
            links,
            own.release,
            own.label_release,
            own.made_by,
            own.chart,
            self.selectable(manifest) if self.selectable else None,
            self.aliases(manifest) if self.aliases is not common.no_aliases else (),
            self.details(manifest),
            self.revision(manifest) if self.revision is not common.no_revision else None,
            self.closure_ends is not None and self.closure_ends(manifest),
            beside,
        )

    def _status(self, manifest: M) -> Status:
        if self.status_is_complete:
            return self.status(manifest)
        meta = manifest.metadata
        if meta.deletion_timestamp:
            return common.terminating(meta, self.deletion(manifest))
        observed = getattr(getattr(manifest, "status", None), "observed_generation", None)
        if observed is None and self.observed:
            observed = 0
        return common.behind(meta, observed) or self.status(manifest)
