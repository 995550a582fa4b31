"""Compiles the references of a rule into functions that read links."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from sys import intern
from typing import Any

from msgspec.structs import replace

from astrolabe.graph.model.links import Link, Permit, Ref, RefBeside, RefByUid
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.custom import packed, shapes
from astrolabe.kinds.custom.attribute_readers import Scalar
from astrolabe.kinds.custom.finding import Find, matcher, word_of
from astrolabe.kinds.custom.label_selections import selection_reader
from astrolabe.kinds.custom.other_clusters import Read, elsewhere
from astrolabe.kinds.custom.paths import Key, Path, last_many, show
from astrolabe.kinds.custom.projection import ProjectionOf
from astrolabe.kinds.custom.rule import KindRule, ReferenceRule
from astrolabe.kinds.custom.siblings import sibling_kinds
from astrolabe.kinds.manifest import LONGEST_NAME

#: Whether the objects of a kind are in namespaces; None if that is unknown.
ScopeOf = Callable[[GroupKind], bool | None]

#: Of a kind in `to`: it is of the object's own group, or of one above it.
ANY_GROUP = "*"


def paths_of(rule: KindRule) -> list[Path]:
    """The paths that its references read, without those that are read as a whole."""
    found: list[Path] = []
    for reference in rule.references:
        found += reference.names
        found += reference.template.paths if reference.template is not None else ()
        found += [reference.kind, reference.group, reference.api_version, reference.namespace, reference.host]
        found += [reference.optional_if, reference.second_if, reference.uid, *reference.cluster]
    return [path for path in found if path]


def compile_references(
    rule: KindRule,
    projection: ProjectionOf,
    scope_of: ScopeOf,
    when: Callable[[ReferenceRule], list[Find]],
    homes: Mapping[str, str],
    *,
    several: bool = False,
) -> Callable[[Any], list[Link]]:
    """Reads all links of an object. homes: see `RuleBook.homes`.

    several: whether other clusters are served, too; else what is in them is not read.
    """
    readers = [
        _guarded(_reader(rule, each, projection, scope_of, homes), when(each))
        for each in rule.references
        if not each.beside and (several or not each.cluster)
    ]

    def links(manifest: Any) -> list[Link]:
        found: list[Link] = []
        for read in readers:
            found.extend(read(manifest))
        return found

    return links


def compile_beside(
    rule: KindRule,
    projection: ProjectionOf,
    scope_of: ScopeOf,
    when: Callable[[ReferenceRule], list[Find]],
    homes: Mapping[str, str],
) -> Callable[[Any], tuple[RefBeside, ...]] | None:
    """Reads the references whose namespace follows what the object selects; None if the rule has none."""
    readers = [
        (
            _guarded(_reader(rule, each, projection, scope_of, homes), when(each)),
            each.beside,
            tuple([homes.get(home, home) for home in each.else_in]),
        )
        for each in rule.references
        if each.beside
    ]

    def references(manifest: Any) -> tuple[RefBeside, ...]:
        return tuple(
            [
                RefBeside(link, edge, otherwise)
                for read, edge, otherwise in readers
                for link in read(manifest)
                if isinstance(link, Ref)
            ]
        )

    return references if readers else None


def _guarded(read: Read, finds: list[Find]) -> Read:
    if not finds:
        return read

    def guarded(manifest: Any) -> Iterable[Link]:
        for find in finds:
            if find(manifest) is None:
                return ()
        return read(manifest)

    return guarded


def _reader(
    rule: KindRule,
    reference: ReferenceRule,
    projection: ProjectionOf,
    scope_of: ScopeOf,
    homes: Mapping[str, str],
) -> Read:
    if reference.cluster:
        here = replace(reference, cluster=())
        return elsewhere(_reader(rule, here, projection, scope_of, homes), reference.cluster, projection)
    if reference.select is not None:
        return selection_reader(reference, reference.select, projection)
    home = homes.get(reference.home, reference.home)
    return _NameReader(rule, reference, projection, scope_of, home).reader(projection)


_NO_READERS: list[Any] = []


def _nothing(_: Any) -> tuple[()]:
    return ()


class _NameReader:
    """Reads the references of one kind by name."""

    def __init__(
        self,
        rule: KindRule,
        reference: ReferenceRule,
        projection: ProjectionOf,
        scope_of: ScopeOf,
        home: str,
    ) -> None:
        """home: the namespace that is meant for an object in none; "" if only the manifest says it."""
        self._reference = reference
        self._scope_of = scope_of
        self._own = rule.id
        self._home = home
        first = reference.names[0]
        if not last_many(first) and last_many(reference.namespace):
            first = reference.namespace  # the same name in each of these namespaces
        metadata = first[0] == Key("metadata")
        at = 0 if metadata else last_many(first)
        self._base = first[:at]
        self._many = bool(self._base)
        self._items = projection.items(self._base) if self._many else (lambda manifest: ((manifest, ""),))
        self._names = [self._scalar(projection, path) for path in reference.names]
        template = reference.template
        self._texts = template.texts if template is not None else ()
        self._parts = [self._scalar(projection, path) for path in template.paths] if template else []
        self._namespace = self._scalar(projection, reference.namespace)
        self._host = self._scalar(projection, reference.host)
        self._kind = self._scalar(projection, reference.kind)
        self._group = self._scalar(projection, reference.group)
        self._api_version = self._scalar(projection, reference.api_version)
        self._uid = self._scalar(projection, reference.uid)
        self._optional = self._scalar(projection, reference.optional_if)
        self._second = self._scalar(projection, reference.second_if)
        rest = first[at:]
        # An object with a name is called by its own path, a plain name by its field.
        is_object = bool(rest) and rest[-1] == Key("name") and not metadata
        tail = show(rest[:-1] if is_object else rest)
        self._tail = ("." if tail and not tail.startswith("[") and self._many else "") + tail
        # Entries of an inventory move when one of them goes: a field with their number would change all.
        self._fixed_field = intern(show(self._base)) if reference.packed == "flux-inventory" else ""
        if reference.edge == "manages" and self._many:
            self._fixed_field = intern(show(self._base))
        self._ignores = matcher(reference.ignore)
        self._is_plain = not reference.packed
        saying = (self._kind, self._group, self._api_version, self._second)
        #: What says which kind is meant.
        self._saying = [reader for reader in saying if reader is not None]
        self._only_end = not self._saying
        self._ends: dict[tuple[str, ...], tuple[GroupKind, str, bool | None] | None] = {}
        self._unpack = packed.unpacker(reference.packed)

    def _scalar(self, projection: ProjectionOf, path: Path) -> tuple[Callable[[Any], Scalar], bool] | None:
        """How a field is read: from the element if it is part of it, else from the manifest."""
        if not path:
            return None
        base = self._base
        if base and path[: len(base)] == base:
            return projection.scalar_below(base, path[len(base) :]), True
        return projection.scalar(path), False

    def _text(self, reader: tuple[Callable[[Any], Scalar], bool] | None, item: Any, manifest: Any) -> str:
        if reader is None:
            return ""
        read, is_of_item = reader
        value = read(item if is_of_item else manifest)
        return value if isinstance(value, str) else ""

    def reader(self, projection: ProjectionOf) -> Read:
        """What reads them: a shorter way if one object, or each of a list, has all that is read as its own
        fields."""
        reference = self._reference
        is_simple = len(self._names) == 1 and not (reference.ignore or self._texts or reference.host)
        otherwise = self.one if is_simple and self._is_plain and not self._many else self.links
        is_odd = reference.optional_if or reference.second_if or reference.uid or self._home
        if not is_simple or is_odd or any(kind.group == ANY_GROUP for kind in reference.to):
            return otherwise
        name = reference.names[0]
        base = self._base or name[:-1]
        paths = (name, reference.namespace or name, reference.kind, reference.group, reference.api_version)
        fields = [projection.field_below(base, path) for path in paths if path]
        read = projection.objects(base)
        if read is None or None in fields:
            return otherwise
        get = attrgetter(*[field for field in fields if field])
        if reference.packed == "flux-inventory" and self._many and not reference.permit:
            return shapes.inventory(reference, self._fixed_field, read, get)
        if not self._is_plain:
            return self.links
        self._forget_readers()
        add = shapes.adder(reference, self._own, self._ends, self._learn, get)
        if self._many:
            return shapes.each(add, read, self._fixed_field, show(self._base[:-1]), self._tail)
        return shapes.one(add, read, self._tail)

    def _forget_readers(self) -> None:
        """A shape has its own: of 200 kinds without a rule, these would take 4 MB."""
        self._items = _nothing
        self._names = self._saying = _NO_READERS
        self._namespace = self._host = self._kind = self._group = self._api_version = None
        self._optional = self._second = None

    def one(self, manifest: Any) -> Iterable[Link]:
        """Of an object that has one."""
        assert self._names[0] is not None
        name = self._names[0][0](manifest)
        if not isinstance(name, str) or not name:
            return ()
        return self._plain_refs(name, manifest, manifest, manifest.metadata.namespace, self._tail)

    def _learn(self, said: tuple[Any, ...]) -> tuple[GroupKind, str, bool | None] | None:
        """Which end these values mean, in the order in which they are read."""
        reference, values = self._reference, iter(said)
        kind, group, version = [
            text if path and isinstance(text := next(values), str) else None
            for path in (reference.kind, reference.group, reference.api_version)
        ]
        if group is None and version is not None:
            group = version.rpartition("/")[0]
        meant = self._meant(kind or "", group)
        end = None if meant is None else (meant, intern(meant.key), self._scope_of(meant))
        if len(self._ends) < shapes.MOST_ENDS and all(isinstance(each, str | None) for each in said):
            self._ends[said] = end
        return end

    def links(self, manifest: Any) -> Iterator[Link]:
        own = manifest.metadata.namespace
        for item, where in self._items(manifest):
            text = self._name(item, manifest)
            if not text or (self._ignores is not None and self._ignores(text)):
                continue
            field = self._fixed_field or (intern(where.lstrip(".") + self._tail) if where else self._tail)
            if self._host is not None:
                yield from self._subset_refs(text, item, manifest, own, field)
                continue
            if self._is_plain:
                yield from self._plain_refs(text, item, manifest, own, field)
                continue
            if self._reference.packed == "sibling":
                kinds = sibling_kinds(re.split(r"[.\[]", where.rpartition(".")[2])[0], self._own.group)
                yield from self._any_of(kinds, text, "", own, field)
                continue
            for target in self._unpack(text):
                yield from self._refs(target, item, manifest, own, field)

    def _name(self, item: Any, manifest: Any) -> str:
        """The name; "" if it, or a part of it, is absent."""
        if not self._texts:
            for name in self._names:
                text = self._text(name, item, manifest)
                if text:
                    return text
            return ""
        said = self._texts[0]
        for part, after in zip(self._parts, self._texts[1:], strict=True):
            assert part is not None
            read, is_of_item = part
            word = word_of(read(item if is_of_item else manifest))
            if not word:
                return ""
            said += word + after
        return said

    def _subset_refs(self, name: str, item: Any, manifest: Any, own: str, field: str) -> Iterable[Ref]:
        """What has a subset of a host of Istio: it is found by that from everywhere."""
        host = self._text(self._host, item, manifest)
        end = self._end_of(item, manifest)
        if not host or end is None or len(name) > LONGEST_NAME:
            return ()
        named = packed.subset(host, name, own)
        return (Ref(self._reference.edge, end[1], "", named, field, optional=self._reference.optional),)

    def _refs_above(self, kind: GroupKind, name: str, named: str, own: str, field: str) -> list[Ref]:
        """To a kind of the object's own group or one above it: `aws.upbound.io` of `ec2.aws.upbound.io`."""
        labels = self._own.group.split(".")
        groups = [".".join(labels[at:]) for at in range(max(len(labels) - 1, 1))]
        kinds = [GroupKind(group, kind.kind) for group in groups]
        return self._any_of(kinds, name, named, own, field)

    def _any_of(self, kinds: Iterable[GroupKind], name: str, named: str, own: str, field: str) -> list[Ref]:
        """To an object of one of these kinds. As it is not known which, none of them counts as missing."""
        edge, reverse = self._reference.edge, self._reference.reverse
        return [
            Ref(edge, intern(kind.key), place, name, field, True, reverse, scoped=False)
            for kind in kinds
            for place in _namespaces(None, named, own)
        ]

    def _named_namespace(self, item: Any, manifest: Any, own: str) -> str:
        named = self._text(self._namespace, item, manifest) if self._namespace is not None else ""
        return named or ("" if own and not self._reference.at_home else self._home)

    def _plain_refs(self, name: str, item: Any, manifest: Any, own: str, field: str) -> Iterable[Link]:
        """The references of a name that says nothing else."""
        end = self._end_of(item, manifest)
        if end is None or len(name) > LONGEST_NAME:
            return ()
        kind, key, namespaced = end
        reference = self._reference
        named = self._named_namespace(item, manifest, own)
        uid = self._text(self._uid, item, manifest)
        if len(uid) > LONGEST_NAME:
            return ()
        if uid and not reference.reverse:  # a reverse one would count as an owner
            place = "" if namespaced is False else named or own
            return (
                RefByUid(
                    reference.edge,
                    uid,
                    kind.kind,
                    place,
                    name,
                    field,
                    optional=reference.optional,
                    group=kind.group,
                ),
            )
        if kind.group == ANY_GROUP:
            return self._refs_above(kind, name, named, own, field)
        if namespaced and not (named or own):
            return ()  # in a namespace that only the controller knows
        permit = None
        if reference.permit and named and named != own:
            permit = Permit(packed.REFERENCE_GRANT.key, packed.permit(self._own, own, kind, name))
        optional = reference.optional or self._is_true(self._optional, item, manifest)
        namespaces = _namespaces(namespaced, named, own)
        scoped = len(namespaces) == 1
        return [
            Ref(
                reference.edge,
                key,
                place,
                name,
                field,
                optional,
                reference.reverse,
                uid,
                scoped=scoped,
                permit=permit,
            )
            for place in namespaces
        ]

    def _refs(
        self, target: packed.PackedTarget, item: Any, manifest: Any, own: str, field: str
    ) -> Iterator[Ref]:
        kind = target.kind or self._kind_of(item, manifest)
        if kind is None or not target.name or len(target.name) > LONGEST_NAME:
            return
        named = target.namespace
        if named is None:
            named = self._named_namespace(item, manifest, own)
        namespaced = self._scope_of(kind)
        if namespaced and not (named or own) and target.namespace is None:
            return  # in a namespace that only the controller knows
        reference = self._reference
        optional = reference.optional or self._is_true(self._optional, item, manifest)
        permit = None
        if reference.permit and named and named != own:
            permit = Permit(packed.REFERENCE_GRANT.key, packed.permit(self._own, own, kind, target.name))
        exact = named if target.namespace is not None else None
        namespaces = _namespaces(namespaced, named, own) if exact is None else (exact,)
        for namespace in namespaces:
            yield Ref(
                reference.edge,
                intern(kind.key),
                intern(namespace),
                target.name,
                field,
                optional=optional,
                reverse=reference.reverse,
                scoped=len(namespaces) == 1,
                permit=permit,
            )

    def _end_of(self, item: Any, manifest: Any) -> tuple[GroupKind, str, bool | None] | None:
        """The kind that is meant, its key, and whether it is in namespaces; None if it is not meant."""
        if self._only_end:
            return self._end_for((), item, manifest)
        texts = tuple([str(read(item if of_item else manifest)) for read, of_item in self._saying])
        return self._end_for(texts, item, manifest)

    def _end_for(
        self, texts: tuple[str, ...], item: Any, manifest: Any
    ) -> tuple[GroupKind, str, bool | None] | None:
        try:
            return self._ends[texts]
        except KeyError:
            kind = self._kind_of(item, manifest)
        end = None if kind is None else (kind, intern(kind.key), self._scope_of(kind))
        if len(self._ends) < shapes.MOST_ENDS:
            self._ends[texts] = end
        return end

    def _kind_of(self, item: Any, manifest: Any) -> GroupKind | None:
        """The kind that the manifest names, else the default; None for one that is not meant."""
        if self._is_true(self._second, item, manifest):
            return self._reference.to[1]
        return self._meant(self._text(self._kind, item, manifest), self._group_of(item, manifest))

    def _meant(self, kind: str, group: str | None) -> GroupKind | None:
        """The same by what is said of it; "" or None for what is not."""
        reference = self._reference
        first = reference.to[0] if reference.to else None
        if not kind:
            return first
        if reference.any_kind:
            return GroupKind(group or "", kind)
        for each in reference.to:
            if each.kind == kind and group in (None, each.group):
                return each
        if len(reference.to) > 1 or first is None:
            return None
        if group is None:
            return first if kind == first.kind else GroupKind(first.group, kind)
        return GroupKind(group, kind)

    def _group_of(self, item: Any, manifest: Any) -> str | None:
        """The group that the manifest names; None if it names none."""
        for reader, is_version in ((self._group, False), (self._api_version, True)):
            if reader is not None:
                read, is_of_item = reader
                value = read(item if is_of_item else manifest)
                if isinstance(value, str):
                    return value.rpartition("/")[0] if is_version else value
        return None

    def _is_true(self, reader: tuple[Callable[[Any], Scalar], bool] | None, item: Any, manifest: Any) -> bool:
        if reader is None:
            return False
        read, is_of_item = reader
        return read(item if is_of_item else manifest) is True


def _namespaces(namespaced: bool | None, named: str, own: str) -> tuple[str, ...]:
    """Where to look: of a kind whose scope is unknown in its namespace and outside; one of them cannot be."""
    if namespaced is False:
        return ("",)
    namespace = named or own
    if namespaced or not namespace:
        return (namespace,)
    return (namespace, "")
