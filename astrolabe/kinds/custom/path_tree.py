"""What is decoded of a manifest, for a set of paths: a tree of these paths, and the typed structs made of it.

A scalar is decoded wherever a path leads, and any other value is skipped. So a field of another type than
expected counts as absent, and never makes the object unreadable.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from operator import or_
from sys import intern
from typing import Annotated, Any

import msgspec

from astrolabe.kinds.custom.paths import AnyKey, Key, Path, Segment, Walk, Where

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


class PathTree:
    """The paths that begin alike."""

    def __init__(self) -> None:
        self.keys: dict[str, PathTree] = {}
        self.each: PathTree | None = None
        self.any: PathTree | None = None
        self.walks: dict[str, PathTree] = {}
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

    def _next(self, segment: Segment) -> PathTree:
        match segment:
            case Key(name):
                return self.keys.setdefault(name, PathTree())
            case AnyKey():
                self.any = self.any or PathTree()
                return self.any
            case Walk(suffix):
                return self.walks.setdefault(suffix, PathTree())
        self.each = self.each or PathTree()
        if isinstance(segment, Where):
            self.each.add(segment.keys)
        return self.each

    @property
    def default(self) -> Any:
        return NOTHING if self.stays_raw else None

    def merge(self, other: PathTree) -> None:
        self.whole = self.whole or other.whole
        for name, tree in other.keys.items():
            self.keys.setdefault(name, PathTree()).merge(tree)
        for suffix, tree in other.walks.items():
            self.walks.setdefault(suffix, PathTree()).merge(tree)
        if other.each is not None:
            self.each = self.each or PathTree()
            self.each.merge(other.each)
        if other.any is not None:
            self.any = self.any or PathTree()
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
def decoder_of(type_: Any) -> msgspec.json.Decoder[Any]:
    """A decoder of this type. Kinds share it, as they share structs: each takes some kB."""
    return msgspec.json.Decoder(type_)


@lru_cache(maxsize=4096)
def attribute(key: str) -> str:
    """The attribute that holds a field. Kinds share the text."""
    return intern(
        ATTRIBUTE_PREFIX + "".join([sign if sign.isalnum() else f"_{ord(sign):x}_" for sign in key])
    )


def subtree(tree: PathTree, segment: Segment) -> PathTree:
    """The part of the tree behind a segment of one of its paths."""
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
