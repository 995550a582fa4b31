"""The projection of a manifest that a set of paths needs: a type to decode it, and functions to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, reduce
from operator import attrgetter
from types import MappingProxyType
from typing import Annotated, Any, cast

import msgspec

from astrolabe.kinds.custom.attribute_readers import Scalar, object_reader
from astrolabe.kinds.custom.path_readers import is_plain, items_in, scalar_in, whole_in
from astrolabe.kinds.custom.path_tree import PathTree, attribute, subtree
from astrolabe.kinds.custom.paths import Each, Key, Path
from astrolabe.kinds.custom.walking import Item
from astrolabe.kinds.manifest import LONGEST_NAME, Annotations, Manifest, ObjectMeta


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
        self._tree = PathTree()
        for path, type_ in wholes.items():
            self._tree.add(path)
            reduce(subtree, path, self._tree).whole = type_
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
            self._tree.keys.setdefault(key, PathTree()).is_raw = True
        self.type: type[Manifest] = self._tree.struct("Read", (_manifest(frozenset(annotations)),))

    def scalar(self, path: Path) -> Callable[[Any], Scalar]:
        """Reads the one scalar of a path; of a path of many the first."""
        if path[0] == Key("metadata"):
            return _metadata_reader(path)
        return scalar_in(path, self._tree)

    def whole(self, path: Path) -> Callable[[Any], Any]:
        """Reads the whole value at a path that leads to one value."""
        return whole_in(path, self._tree)

    def whole_below(self, base: Path, rest: Path) -> Callable[[Any], Any]:
        """The same for an element that `items(base)` gives."""
        return whole_in(rest, reduce(subtree, base, self._tree))

    def plain_fields(self, path: Path) -> tuple[str, ...] | None:
        """The attributes that lead to a scalar, one after the other; None if it takes more than that."""
        if path[0] == Key("metadata") or not is_plain(path, self._tree):
            return None
        return tuple([attribute(each.name) for each in path if isinstance(each, Key)])

    def presence(self, path: Path) -> Callable[[Any], bool]:
        """Reads whether there is anything at a path of one value, of whatever type."""
        if path[0] == Key("metadata"):
            scalar = _metadata_reader(path)
            return lambda manifest: scalar(manifest) is not None
        read = whole_in(path, self._tree)
        return lambda manifest: read(manifest) is not None

    def raw_reader(self, key: str) -> Callable[[Any], msgspec.Raw]:
        """Reads a field that is kept as it came; an empty one if it is absent."""
        return attrgetter(attribute(key))

    def items(self, path: Path) -> Callable[[Any], Iterable[Item]]:
        """Reads each element that a path leads to, with its own path as text."""
        return items_in(path, self._tree)

    def scalar_below(self, base: Path, rest: Path) -> Callable[[Any], Scalar]:
        """Reads a scalar of an element that `items(base)` gives."""
        return scalar_in(rest, reduce(subtree, base, self._tree))

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
        tree = reduce(subtree, base, self._tree) if self.objects(base) is not None else None
        if tree is None or not is_plain(path[len(base) :], tree):
            return None
        (key,) = path[len(base) :]
        return attribute(key.name) if isinstance(key, Key) else None

    def items_below(self, base: Path, rest: Path) -> Callable[[Any], Iterable[Item]]:
        return items_in(rest, reduce(subtree, base, self._tree))


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
