"""A rule as it was read: what a file says of one kind, checked, and not compiled yet."""

from __future__ import annotations

from typing import Literal

import msgspec

from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.custom.paths import Path
from astrolabe.kinds.kind import Layer

#: What a rule may say when none of its tests decides; `generic`: by what all kinds have in common.
Otherwise = Literal["ready", "pending", "error", "unknown", "generic"]

CONDITIONS = "status.conditions"


class MessageTemplate(msgspec.Struct, frozen=True):
    """A message: texts and the paths between them. There is one text more than paths.

    each: it is said of each of these elements, and the paths are theirs.
    instead: what is said if this says nothing.
    """

    texts: tuple[str, ...]
    paths: tuple[Path, ...] = ()
    each: Path = ()
    instead: MessageTemplate | None = None

    def full_paths(self) -> list[Path]:
        """Every path that it reads, as of the manifest."""
        more = self.instead.full_paths() if self.instead is not None else []
        return [*[(*self.each, *path) for path in self.paths], *more]


class Bound(msgspec.Struct, frozen=True):
    """A number, or the field that has it."""

    number: float = 0
    path: Path = ()


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """One test of an object: of a condition, of a field, or of several tests.

    conditions: their types; `*Error` is any that ends so. within: where the list of conditions is.
    label: what names the part whose condition it is. is_value, is_not, reason, not_reason, severity: words,
        of which one must be equal, or none; a trailing or leading * is a wildcard.
    exists: whether the field or condition must be there. optional: in `ready`, it may be absent.
    word, message: reason and message of the status instead of the manifest's own.
    """

    conditions: tuple[str, ...] = ()
    within: Path = ()
    label: Path = ()
    field: Path = ()
    is_value: tuple[str, ...] = ()
    is_not: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()
    not_reason: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    above: Bound | None = None
    below: Bound | None = None
    exists: bool | None = None
    all: tuple[Test, ...] = ()
    unless: tuple[Test, ...] = ()
    optional: bool = False
    word: str = ""
    message: MessageTemplate | None = None


class StatusRule(msgspec.Struct, frozen=True, kw_only=True):
    """How the status is found: the first test that holds of `paused`, `error`, `pending`, `unknown`; then all
    of `ready`; then `otherwise`.

    paused: None: what every kind has in common. absent: what it is while there is no status at all.
    observed: the field with the generation that the controller has seen. by_references: a reference that does
        not resolve makes it an Error, and nothing else can.
    static: of objects whose controller writes no status: one that holds makes it Ready.
    selected_by: kinds, one of which must select it. must_select: it must select something itself.
    """

    paused: tuple[Test, ...] | None = None
    error: tuple[Test, ...] = ()
    pending: tuple[Test, ...] = ()
    unknown: tuple[Test, ...] = ()
    ready: tuple[Test, ...] = ()
    otherwise: Otherwise = "unknown"
    absent: Literal["pending", "ready", "unknown"] = "pending"
    observed: Path = ()
    by_references: bool = False
    static: tuple[Test, ...] = ()
    selected_by: tuple[GroupKind, ...] = ()
    must_select: bool = False


Packing = Literal["", "namespace/name", "kind/namespace/name", "names", "flux-inventory", "host", "sibling"]


class SelectionRule(msgspec.Struct, frozen=True, kw_only=True):
    """A selection by labels, and in which namespaces.

    selector: a metav1.LabelSelector; an absent one selects nothing, an empty one everything. labels: a map of
        labels; an empty one selects nothing.
    namespace_selector: a metav1.LabelSelector of Namespaces; absent is the own one, empty is all.
    namespace_names: an object with `any` and `matchNames`; absent is the own one.
    """

    selector: Path = ()
    labels: Path = ()
    namespace_selector: Path = ()
    namespace_names: Path = ()
    everywhere: bool = False


class ReferenceRule(msgspec.Struct, frozen=True, kw_only=True):
    """One reference to other objects.

    to: the kinds that it may mean, the first by default. any_kind: what the manifest names counts, whatever
        it is. kind, group, api_version: where the manifest names it.
    at: the object that has them all, as far as the rule does not say otherwise.
    names: paths of its name; the first present one counts. template: a text to make the name from instead,
        or that is the name.
    uid: where its uid stands. Where an object says it, only that counts.
    namespace: where that stands, by default that of the object. home: what it is for objects in no namespace;
        `RuleBook.homes` may say another. at_home: it is meant for all others, too.
    beside: it is in the namespaces to which the object's edges of this type lead. else_in: while there are
        none, it is looked for in the object's own namespace and in these, and may be missing.
    host: the name is that of a subset of this host of Istio.
    packed: how several are packed into one text.
    optional, optional_if: it may be missing, always or if that field is true.
    ignore: names that mean no object; * is a wildcard.
    second_if: if that field is true, it is the second kind of `to`.
    reverse: the other points here: it is the source of the edge.
    permit: the kind that must permit it from another namespace.
    cluster: paths of the name of the cluster in which it is, or of the address of its API server: such a
        reference counts only where that is another cluster, which is served, too.
    """

    edge: str
    to: tuple[GroupKind, ...] = ()
    any_kind: bool = False
    kind: Path = ()
    group: Path = ()
    api_version: Path = ()
    uid: Path = ()
    at: Path = ()
    names: tuple[Path, ...] = ()
    template: MessageTemplate | None = None
    namespace: Path = ()
    home: str = ""
    at_home: bool = False
    beside: str = ""
    else_in: tuple[str, ...] = ()
    host: Path = ()
    packed: Packing = ""
    select: SelectionRule | None = None
    optional: bool = False
    optional_if: Path = ()
    second_if: Path = ()
    ignore: tuple[str, ...] = ()
    reverse: bool = False
    permit: bool = False
    cluster: tuple[Path, ...] = ()
    when: tuple[Test, ...] = ()
    line: int = 0


class Subsets(msgspec.Struct, frozen=True):
    """Where a kind names the subsets of a host of Istio, and the labels of their Pods."""

    host: Path
    names: Path
    labels: Path = ()


class Permissions(msgspec.Struct, frozen=True):
    """Where a kind says which references it permits: the list of sources and the list of targets."""

    holders: Path
    targets: Path


class KindRule(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a kind beyond its definition.

    source: the file. status: None: by what all kinds share. aliases: other names by which references find it;
        wide_aliases: from every namespace.
    """

    id: GroupKind
    source: str = ""
    line: int = 0
    versions: tuple[str, ...] = ()
    cluster_scoped: bool = False
    layer: Layer | None = None
    status: StatusRule | None = None
    references: tuple[ReferenceRule, ...] = ()
    metadata: tuple[tuple[str, Path], ...] = ()
    aliases: Path = ()
    wide_aliases: bool = False
    permits: Permissions | None = None
    subsets: Subsets | None = None

    def paths(self) -> list[tuple[str, Path]]:
        """Every path that it reads, with what it is for, to be held against a schema."""
        found: list[tuple[str, Path]] = [(f"metadata {key}", path) for key, path in self.metadata]
        for reference in self.references:
            select = reference.select or SelectionRule()
            # The object of `at` may lack any of them but the name.
            parts = (reference.namespace, reference.kind, reference.group, reference.api_version)
            for path in (
                *reference.names,
                reference.uid,
                *(reference.template.full_paths() if reference.template is not None else ()),
                reference.host,
                *reference.cluster,
                *[path for path in parts if path[:-1] != reference.at],
                reference.optional_if,
                reference.second_if,
                select.selector,
                select.labels,
                select.namespace_selector,
                select.namespace_names,
            ):
                found.append((f"reference {reference.edge}", path))
            found += _test_paths("reference when", reference.when)
        if self.status is not None:
            found.append(("status observed", self.status.observed))
            for list_name in ("static", "paused", "error", "pending", "unknown", "ready"):
                found += _test_paths(f"status {list_name}", getattr(self.status, list_name) or ())
        found.append(("aliases", self.aliases))
        if self.subsets is not None:
            found += [("subsets", self.subsets.host), ("subsets", self.subsets.names)]
            found.append(("subsets", self.subsets.labels))
        return [(use, path) for use, path in found if path]


def _test_paths(use: str, tests: tuple[Test, ...]) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    for test in tests:
        bounds = [bound.path for bound in (test.above, test.below) if bound is not None]
        message = test.message.full_paths() if test.message is not None else ()
        label = (*test.within[:-1], *test.label) if test.label else ()
        found += [(use, path) for path in (test.field, test.within, label, *bounds, *message)]
        found += _test_paths(use, (*test.all, *test.unless))
    return found
