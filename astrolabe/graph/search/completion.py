"""What may be written at a place of a search: fields, then their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from astrolabe.graph.search.fields import BY_WORD, SEARCH_FIELDS, SearchField
from astrolabe.graph.search.parser import KEY_CHARACTERS, OPERATORS, Vocabulary, field_named
from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import SEVERITIES

#: How many are proposed.
MOST = 20
#: Different values that are counted for one answer.
_MOST_VALUES = 10_000


class Proposal(NamedTuple):
    """A text to put in place of what is written. resources: how many have it; None where nobody counts."""

    text: str
    description: str = ""
    resources: int | None = None


class Place(NamedTuple):
    """What is written at the cursor: `text[start:end]` is to be replaced.

    field: whose value it is; None for the beginning of a term. typed: up to the cursor, in lower case.
    """

    start: int
    end: int
    field: SearchField | None
    typed: str


def place_of(text: str, cursor: int, vocabulary: Vocabulary) -> Place:
    """The place of the cursor, which may stand anywhere in the text, even where that does not parse."""
    cursor = max(0, min(cursor, len(text)))
    start, is_quoted = 0, False
    for at in range(cursor):
        if text[at] == '"':
            is_quoted = not is_quoted
        elif text[at].isspace() and not is_quoted:
            start = at + 1
    end = cursor
    while end < len(text) and not text[end].isspace() and text[end] != ",":
        end += 1
    if text.startswith("-", start) and start < cursor:
        start += 1
    key_end = start
    while key_end < cursor and text[key_end] in KEY_CHARACTERS:
        key_end += 1
    for operator in OPERATORS:
        begin = key_end + len(operator)
        if key_end > start and text.startswith(operator, key_end) and begin <= cursor:
            field = field_named(text[start:key_end], vocabulary)
            begin = max(begin, text.rfind(",", begin, cursor) + 1)
            if field is not None:
                return Place(begin, end, field, text[begin:cursor].lower().lstrip('"'))
    return Place(start, end, None, text[start:cursor].lower().lstrip('"'))


def fields_for(place: Place, vocabulary: Vocabulary) -> list[Proposal]:
    """The fields whose name begins as typed."""
    found = [
        Proposal(f"{word}:", field.description)
        for word, field in BY_WORD.items()
        if word.startswith(place.typed) and (place.typed or word == field.name)
    ]
    if place.typed:
        known = {word.lower() for word in BY_WORD}
        names = sorted(name for name in vocabulary.metadata if name.lower() not in known)
        found += [
            Proposal(f"{name}:", "A key of the metadata.")
            for name in names
            if name.lower().startswith(place.typed)
        ]
    return found[: max(MOST, len(SEARCH_FIELDS))]


def closed_values(place: Place, vocabulary: Vocabulary) -> list[Proposal] | None:
    """The values of a field with a closed set, as typed; None for another field."""
    match place.field.shape if place.field is not None else "":
        case "status":
            values: Iterable[str] = SEVERITIES
        case "edge":
            values = EDGE_TYPES
        case "kind":
            values = vocabulary.kinds
        case "unresolved":
            values = ("true", "false")
        case "cluster":
            only = (vocabulary.cluster,) if vocabulary.cluster else ()
            values = only if vocabulary.clusters is None else vocabulary.clusters
        case "neighbour" | "object" if "/" not in place.typed:
            values = [f"{kind}/" for kind in vocabulary.kinds]
        case _:
            return None
    return [Proposal(value) for value in values if value.lower().startswith(place.typed)][:MOST]


class ValueCount:
    """Counts the values that nodes have in the field of a place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._counts: Counter[str] = Counter()

    def add(self, node: Node) -> None:
        """Count the values of a node that begin as typed."""
        for text in self._texts(node):
            if not text or not text.lower().startswith(self._place.typed):
                continue
            if text in self._counts or len(self._counts) < _MOST_VALUES:
                self._counts[text] += 1

    def proposals(self) -> list[Proposal]:
        """The most frequent ones, those of the same number by name."""
        ranked = sorted(self._counts.items(), key=lambda each: (-each[1], each[0]))
        return [Proposal(_quoted(text), resources=count) for text, count in ranked[:MOST]]

    def _texts(self, node: Node) -> Iterable[str]:
        field = self._place.field
        if field is None:
            return (node.name,)
        if field.shape in ("neighbour", "object"):
            return (f"{node.kind.lower()}/{node.name}",)
        if field.shape == "part" or field.texts is None:
            return ()
        return _once(field.texts(node))


def _once(texts: Iterable[str]) -> Iterator[str]:
    return iter(dict.fromkeys(texts))


def _quoted(text: str) -> str:
    return f'"{text}"' if any(each.isspace() or each in ",*" for each in text) else text
