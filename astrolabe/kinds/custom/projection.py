"""The projection of a manifest that a set of paths needs: typed structs, and functions that read them.

Whatever stands where a path leads is decoded if it is a scalar, and skipped if not: a field of another type
than expected reads as absent, and never makes the object unreadable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, reduce
from operator import attrgetter, or_
from sys import intern
from types import MappingProxyType
from typing import Annotated, Any, cast

import msgspec

from astrolabe.kinds.custom.attribute_readers import (
    SCALARS,
    Scalar,
    field_reader,
    object_reader,
    plain_reader,
    value_reader,
)
from astrolabe.kinds.custom.paths import AnyKey, Each, Index, Key, Path, Segment, Walk, Where, show
from astrolabe.kinds.custom.walking import Item, walker
from astrolabe.kinds.manifest import LONGEST_NAME, Annotations, Manifest, ObjectMeta

#: Elements of one list, as decoded: the inventory of one Argo CD Application has some 10,000 entries.
MOST_ELEMENTS = 20_000

#: Of the attributes that hold a manifest's fields: no scalar has an attribute of such a name.
ATTRIBUTE_PREFIX = "at_"

#: A field that is kept as it came, and is not there.
NOTHING = msgspec.Raw(b"")


class Skipped(msgspec.Struct, gc=False):
    """An object where a scalar was expected; its content is not decoded."""


#: The value at the end of a path. Only scalars are read.
Leaf = str | int | float | bool | Skipped | list[msgspec.Raw] | None
#: Stands for an element of a list that is not an object.
Other = str | int | float | bool | list[msgspec.Raw] | None


class _Tree:
    """The paths that begin alike."""

    def __init__(self) -> None:
        self.keys: dict[str, _Tree] = {}
        self.each: _Tree | None = None
        self.any: _Tree | None = None
        self.walks: dict[str, _Tree] = {}
        self.is_raw = False
        #: The type of the whole value, if more than the fields below it is read.
        self.whole: Any = None

    @property
    def stays_raw(self) -> bool:
        """Whether it is kept as raw JSON, and its parts are decoded separately."""
        return self.is_raw or bool(self.walks)

    def add(self, path: Path) -> None:
        if not path:
            return
        self._next(path[0]).add(path[1:])

    def _next(self, segment: Segment) -> _Tree:
        match segment:
            case Key(name):
                return self.keys.setdefault(name, _Tree())
            case AnyKey():
                self.any = self.any or _Tree()
                return self.any
            case Walk(suffix):
                return self.walks.setdefault(suffix, _Tree())
        self.each = self.each or _Tree()
        if isinstance(segment, Where):
            self.each.add(segment.keys)
        return self.each

    @property
    def default(self) -> Any:
        return NOTHING if self.stays_raw else None

    def merge(self, other: _Tree) -> None:
        self.whole = self.whole or other.whole
        for name, tree in other.keys.items():
            self.keys.setdefault(name, _Tree()).merge(tree)
        for suffix, tree in other.walks.items():
            self.walks.setdefault(suffix, _Tree()).merge(tree)
        if other.each is not None:
            self.each = self.each or _Tree()
            self.each.merge(other.each)
        if other.any is not None:
            self.any = self.any or _Tree()
            self.any.merge(other.any)

    def value_type(self, name: str) -> Any:
        """The type that decodes just this. It takes any value."""
        return msgspec.Raw if self.stays_raw else self.named_type(name)

    def named_type(self, name: str) -> Any:
        """The same without what is walked through."""
        if self.whole is not None:
            return self.whole
        types: list[Any] = [str, int, float, bool, None]
        if self.any is not None:
            for tree in self.keys.values():
                self.any.merge(tree)
            types.append(dict[str, self.any.value_type(f"{name}_any")])  # type: ignore[misc]
        elif self.keys:
            types.append(self.struct(name))
        else:
            types.append(Skipped)
        if self.each is not None:
            element = self.each.value_type(f"{name}_each")
            types.append(Annotated[list[element], msgspec.Meta(max_length=MOST_ELEMENTS)])  # type: ignore[valid-type]
        else:
            types.append(list[msgspec.Raw])
        return reduce(or_, types)

    def struct(self, name: str, bases: tuple[type, ...] = (msgspec.Struct,)) -> type[Any]:
        fields = [(key, tree.value_type(f"{name}_{key}"), tree.stays_raw) for key, tree in self.keys.items()]
        return _struct(name if len(bases) > 1 else "", tuple(fields), bases)


@lru_cache(maxsize=4096)
def _struct(name: str, fields: tuple[tuple[str, Any, bool], ...], bases: tuple[type, ...]) -> type[Any]:
    """A struct of these fields: key, type, whether it is raw. Kinds share it, as most of what is read of them
    is alike: a struct takes some 3 kB and 0.1 ms."""
    return msgspec.defstruct(
        name or "Part",
        [
            (attribute(key), type_, msgspec.field(default=NOTHING if is_raw else None, name=key))
            for key, type_, is_raw in fields
        ],
        bases=bases,
        gc=False,
    )


@lru_cache(maxsize=1024)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    """A decoder of this type. Kinds share it, as they share structs: each takes some kB."""
    return msgspec.json.Decoder(type_)


@lru_cache(maxsize=4096)
def attribute(key: str) -> str:
    """The attribute that holds a field. Kinds share the text."""
    return intern(
        ATTRIBUTE_PREFIX + "".join([sign if sign.isalnum() else f"_{ord(sign):x}_" for sign in key])
    )


class ProjectionOf:
    """The projection for a set of paths. type: decodes a manifest, with `metadata` as every kind has it."""

    def __init__(
        self,
        name: str,
        paths: Iterable[Path],
        *,
        wholes: Mapping[Path, Any] = MappingProxyType({}),
        raw: Iterable[str] = (),
    ) -> None:
        """wholes: paths to what is read as a whole, and its type. raw: fields of the manifest that are kept
        as they came; see `raw_reader`.
        """
        self._tree = _Tree()
        for path, type_ in wholes.items():
            self._tree.add(path)
            reduce(_at, path, self._tree).whole = type_
        annotations = set()
        for path in paths:
            if path[0] == Key("metadata"):
                last = path[-1]
                is_annotation = path[1:2] == (Key("annotations"),) and isinstance(last, Key)
                if is_annotation and last.name not in _KNOWN_ANNOTATIONS:  # type: ignore[union-attr]
                    annotations.add(last.name)  # type: ignore[union-attr]
            else:
                self._tree.add(path)
        for key in raw:
            self._tree.keys.setdefault(key, _Tree()).is_raw = True
        self.type: type[Manifest] = self._tree.struct("Read", (_manifest(frozenset(annotations)),))

    def scalar(self, path: Path) -> Callable[[Any], Scalar]:
        """Reads the one scalar of a path; of a path of many the first."""
        if path[0] == Key("metadata"):
            return _metadata_reader(path)
        return scalar_in(path, self._tree)

    def whole(self, path: Path) -> Callable[[Any], Any]:
        """Reads the whole value at a path that leads to one value."""
        return _whole_in(path, self._tree)

    def whole_below(self, base: Path, rest: Path) -> Callable[[Any], Any]:
        """The same for an element that `items(base)` gives."""
        return _whole_in(rest, reduce(_at, base, self._tree))

    def plain_fields(self, path: Path) -> tuple[str, ...] | None:
        """The attributes that lead to a scalar, one after the other; None if it takes more than that."""
        if path[0] == Key("metadata") or not _is_plain(path, self._tree):
            return None
        return tuple([attribute(each.name) for each in path if isinstance(each, Key)])

    def presence(self, path: Path) -> Callable[[Any], bool]:
        """Reads whether there is anything at a path of one value, of whatever type."""
        if path[0] == Key("metadata"):
            scalar = _metadata_reader(path)
            return lambda manifest: scalar(manifest) is not None
        read = _whole_in(path, self._tree)
        return lambda manifest: read(manifest) is not None

    def raw_reader(self, key: str) -> Callable[[Any], msgspec.Raw]:
        """Reads a field that is kept as it came; an empty one if it is absent."""
        return attrgetter(attribute(key))

    def items(self, path: Path) -> Callable[[Any], Iterable[Item]]:
        """Reads each element that a path leads to, with its own path as text."""
        return _items(path, self._tree)

    def scalar_below(self, base: Path, rest: Path) -> Callable[[Any], Scalar]:
        """Reads a scalar of an element that `items(base)` gives."""
        return scalar_in(rest, reduce(_at, base, self._tree))

    def objects(self, base: Path) -> Callable[[Any], Any] | None:
        """Reads the object at a path, or the list of a path to each of its elements; None if it takes more
        than that. What it reads may be of any type."""
        keys = base[:-1] if base and isinstance(base[-1], Each) else base
        fields = self.plain_fields(keys) if keys else None
        return object_reader(fields) if fields else None

    def field_below(self, base: Path, path: Path) -> str | None:
        """The attribute of what `objects(base)` reads, or of its elements, that holds the scalar of a path;
        None if it is no field of theirs."""
        if len(path) != len(base) + 1 or path[: len(base)] != base:
            return None
        tree = reduce(_at, base, self._tree) if self.objects(base) is not None else None
        if tree is None or not _is_plain(path[len(base) :], tree):
            return None
        (key,) = path[len(base) :]
        return attribute(key.name) if isinstance(key, Key) else None

    def items_below(self, base: Path, rest: Path) -> Callable[[Any], Iterable[Item]]:
        return _items(rest, reduce(_at, base, self._tree))


#: The attributes of the annotations that are read of every kind.
_KNOWN_ANNOTATIONS = {each.encode_name: each.name for each in msgspec.structs.fields(Annotations)}


@lru_cache(maxsize=1024)
def _manifest(annotations: frozenset[str]) -> type[Manifest]:
    """The base of a manifest of which these annotations are read. Kinds share it: it takes some 8 kB."""
    if not annotations:
        return Manifest
    text = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME * 4)]
    more = msgspec.defstruct(
        "MoreAnnotations",
        [(attribute(key), text | None, msgspec.field(default=None, name=key)) for key in sorted(annotations)],
        bases=(Annotations,),
        gc=False,
    )
    meta = msgspec.defstruct(
        "MoreMeta", [("annotations", more | None, None)], bases=(ObjectMeta,), rename="camel", gc=False
    )
    return cast(
        "type[Manifest]",
        msgspec.defstruct("MoreManifest", [("metadata", meta)], bases=(Manifest,), gc=False),
    )


#: The fields of ObjectMeta that a path may read.
_META = {
    "name": "name",
    "namespace": "namespace",
    "uid": "uid",
    "generation": "generation",
    "creationTimestamp": "creation_timestamp",
    "deletionTimestamp": "deletion_timestamp",
}


@lru_cache(maxsize=1024)
def _metadata_reader(path: Path) -> Callable[[Any], Scalar]:
    match path[1:]:
        case (Key("labels"), Key(name)):
            return lambda manifest: (manifest.metadata.labels or {}).get(name)
        case (Key("annotations"), Key(name)):
            if known := _KNOWN_ANNOTATIONS.get(name):
                return lambda manifest: getattr(manifest.metadata.annotations, known, None) or None
            field = attribute(name)  # an empty one is there, too: `cluster.x-k8s.io/paused: ""`
            return lambda manifest: getattr(manifest.metadata.annotations, field, None)
        case (Key(name),) if name in _META:
            plain = _META[name]
            return lambda manifest: getattr(manifest.metadata, plain, None)
    return lambda manifest: None


def readable(path: Path) -> bool:
    """Whether a path into the metadata is one that is read."""
    if path[0] != Key("metadata"):
        return True
    match path[1:]:
        case (Key("labels" | "annotations"), Key()):
            return True
        case (Key(name),):
            return name in _META
    return False


def _at(tree: _Tree, segment: Segment) -> _Tree:
    match segment:
        case Key(name):
            return tree.any if tree.any is not None else tree.keys[name]
        case AnyKey():
            assert tree.any is not None
            return tree.any
        case Walk(suffix):
            return tree.walks[suffix]
    assert tree.each is not None
    return tree.each


def _step(tree: _Tree, segment: Key) -> Callable[[Any], Any]:
    if tree.any is not None:
        name = segment.name
        return lambda value: value.get(name) if isinstance(value, dict) else None
    return field_reader(attribute(segment.name))


def scalar_in(path: Path, tree: _Tree) -> Callable[[Any], Scalar]:
    """Reads the scalar at a path below a tree."""
    if not path:
        return lambda value: value if isinstance(value, SCALARS) else None
    if all(isinstance(each, Key) for each in path) and _is_plain(path, tree):
        return plain_reader(tuple([attribute(each.name) for each in path if isinstance(each, Key)]))
    items = _items(path, tree)

    def first(value: Any) -> Scalar:
        for found, _ in items(value):
            if isinstance(found, SCALARS):
                return found
        return None

    return first


def _is_plain(path: Path, tree: _Tree) -> bool:
    for segment in path:
        if not isinstance(segment, Key) or tree.any is not None or tree.stays_raw:
            return False
        tree = _at(tree, segment)
    return True


def _whole_in(path: Path, tree: _Tree) -> Callable[[Any], Any]:
    fields = [attribute(each.name) for each in path if isinstance(each, Key)]
    if len(fields) == len(path) <= 2 and path and _is_plain(path, tree):
        return value_reader(*fields)
    items = _items(path, tree)
    return lambda value: next((found for found, _ in items(value)), None)


def _items(path: Path, tree: _Tree) -> Callable[[Any], Iterable[Item]]:
    """Reads what a path leads to below a tree; the text begins with what the caller has put before it."""
    if not path:
        return lambda value: () if value is None else ((value, ""),)
    segment, rest = path[0], path[1:]
    below = _items(rest, _at(tree, segment))
    if tree.stays_raw and not isinstance(segment, Walk):
        # A walked value stays raw JSON. The fields in it that the rule names are decoded separately.
        decoder = _decoder(tree.named_type("named"))
        read = _step_reader(segment, tree, below)
        return lambda value: (
            read(decoder.decode(value)) if isinstance(value, msgspec.Raw) and len(value) else ()
        )
    return _step_reader(segment, tree, below)


def _step_reader(
    segment: Segment, tree: _Tree, below: Callable[[Any], Iterable[Item]]
) -> Callable[[Any], Iterable[Item]]:
    match segment:
        case Key():
            step, text = _step(tree, segment), _dotted(segment)

            def of_key(value: Any) -> Iterator[Item]:
                found = step(value)
                if found is not None:
                    for item, where in below(found):
                        yield item, text + where

            return of_key
        case AnyKey():

            def of_any(value: Any) -> Iterator[Item]:
                if isinstance(value, dict):
                    for key, found in value.items():
                        for item, where in below(found):
                            yield item, f".{key}{where}"

            return of_any
        case Walk(suffix):
            return walker(suffix, _decoder(tree.walks[suffix].value_type("walked")), below)
    return _element_reader(segment, tree, below)


def _element_reader(
    segment: Each | Index | Where, tree: _Tree, below: Callable[[Any], Iterable[Item]]
) -> Callable[[Any], Iterable[Item]]:
    said = scalar_in(segment.keys, _at(tree, segment)) if isinstance(segment, Where) else None
    wanted = segment.value if isinstance(segment, Where) else ""
    #: What the element is called, if not by its place.
    title = wanted if isinstance(segment, Where) and len(segment.keys) == 1 else ""

    def of_list(value: Any) -> Iterator[Item]:
        if not isinstance(value, list):
            return
        for at, found in enumerate(value):
            if isinstance(segment, Index) and at != segment.at:
                continue
            if said is not None and said(found) != wanted:
                continue
            text = f"[{title or at}]"
            for item, where in below(found):
                yield item, text + where

    return of_list


def _dotted(key: Key) -> str:
    text = show((key,))
    return text if text.startswith("[") else f".{text}"
