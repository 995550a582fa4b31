"""Functions that read the values at a path from a decoded manifest, or from a part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from astrolabe.kinds.custom.attribute_readers import SCALARS, Scalar, field_reader, plain_reader, value_reader
from astrolabe.kinds.custom.path_tree import PathTree, attribute, decoder_of, subtree
from astrolabe.kinds.custom.paths import AnyKey, Each, Index, Key, Path, Segment, Walk, Where, show
from astrolabe.kinds.custom.walking import Item, walker


def _step(tree: PathTree, segment: Key) -> Callable[[Any], Any]:
    if tree.any is not None:
        name = segment.name
        return lambda value: value.get(name) if isinstance(value, dict) else None
    return field_reader(attribute(segment.name))


def scalar_in(path: Path, tree: PathTree) -> Callable[[Any], Scalar]:
    """Reads the scalar at a path below a tree."""
    if not path:
        return lambda value: value if isinstance(value, SCALARS) else None
    if all(isinstance(each, Key) for each in path) and is_plain(path, tree):
        return plain_reader(tuple([attribute(each.name) for each in path if isinstance(each, Key)]))
    items = items_in(path, tree)

    def first(value: Any) -> Scalar:
        for found, _ in items(value):
            if isinstance(found, SCALARS):
                return found
        return None

    return first


def is_plain(path: Path, tree: PathTree) -> bool:
    """Whether a path leads through fields of structs only."""
    for segment in path:
        if not isinstance(segment, Key) or tree.any is not None or tree.stays_raw:
            return False
        tree = subtree(tree, segment)
    return True


def whole_in(path: Path, tree: PathTree) -> Callable[[Any], Any]:
    """Reads the first value at a path below a tree, of whatever type; None without one."""
    fields = [attribute(each.name) for each in path if isinstance(each, Key)]
    if len(fields) == len(path) <= 2 and path and is_plain(path, tree):
        return value_reader(*fields)
    items = items_in(path, tree)
    return lambda value: next((found for found, _ in items(value)), None)


def items_in(path: Path, tree: PathTree) -> Callable[[Any], Iterable[Item]]:
    """Reads what a path leads to below a tree; the text begins with what the caller has put before it."""
    if not path:
        return lambda value: () if value is None else ((value, ""),)
    segment, rest = path[0], path[1:]
    below = items_in(rest, subtree(tree, segment))
    if tree.stays_raw and not isinstance(segment, Walk):
        # A walked value stays raw JSON. The fields in it that the rule names are decoded separately.
        decoder = decoder_of(tree.named_type("named"))
        read = _step_reader(segment, tree, below)
        return lambda value: (
            read(decoder.decode(value)) if isinstance(value, msgspec.Raw) and len(value) else ()
        )
    return _step_reader(segment, tree, below)


def _step_reader(
    segment: Segment, tree: PathTree, below: Callable[[Any], Iterable[Item]]
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
            return walker(suffix, decoder_of(tree.walks[suffix].value_type("walked")), below)
    return _element_reader(segment, tree, below)


def _element_reader(
    segment: Each | Index | Where, tree: PathTree, below: Callable[[Any], Iterable[Item]]
) -> Callable[[Any], Iterable[Item]]:
    said = scalar_in(segment.keys, subtree(tree, segment)) if isinstance(segment, Where) else None
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
