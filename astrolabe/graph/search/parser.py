"""Parses a search: words and `field:value` terms. All of them must match.

    kind:deploy,sts ns:shop* -ns:kube-system status:Error restarts>5 "back-off"

Commas separate alternatives, `-` negates, quotes keep blanks and stars, `*` matches anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple, Protocol, cast

from astrolabe.graph.search.fields import (
    BY_WORD,
    METADATA,
    OTHER_CLUSTER,
    SEARCH_FIELDS,
    THIS_CLUSTER,
    SearchField,
    metadata_field,
)
from astrolabe.graph.search.pattern import Pattern, matches, time_of
from astrolabe.graph.search.term import Operator, Term
from astrolabe.graph.selector import quoted
from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.quantity import number_of
from astrolabe.graph.state.status import SEVERITIES


class SearchError(ValueError):
    """A search does not parse. The message says what was expected. at: where, counted from 0."""

    def __init__(self, text: str, at: int, message: str) -> None:
        super().__init__(f"{message}, at {at + 1} of {_around(text, at)}")
        self.at = at


class Vocabulary(Protocol):
    """The words of the cluster that a search may name."""

    def kind(self, word: str, /) -> str:
        """The key of the kind that this word means to kubectl. Raises ValueError, which lists the kinds."""
        ...

    @property
    def kinds(self) -> Iterable[str]:
        """The keys of the kinds there are."""
        ...

    @property
    def metadata(self) -> Collection[str]:
        """The keys of metadata that nodes may show."""
        ...

    @property
    def cluster(self) -> str:
        """The name of the only cluster; "" if nobody knows, or if there are several."""
        ...

    @property
    def clusters(self) -> Collection[str] | None:
        """The names of the clusters; None if there is only one, so that nodes have none."""
        ...


class WrittenTerm(NamedTuple):
    """A term as it is written.

    key: "" for a text. pieces: of each alternative. places: where each alternative begins.
    """

    at: int
    negated: bool
    key: str
    operator: str
    values: list[Pattern]
    places: list[int]


#: Two characters come before one.
OPERATORS = (">=", "<=", ":", ">", "<")
KEY_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def parse(text: str, vocabulary: Vocabulary) -> tuple[Term, ...]:
    """The terms of a search, each once and in an order of their own. Raises SearchError."""
    return tuple(sorted({_term(text, token, vocabulary) for token in tokens(text)}))


def tokens(text: str) -> Iterator[WrittenTerm]:
    """The terms as they are written. Raises SearchError."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token, at = _token(text, at)
        yield token


def _token(text: str, start: int) -> tuple[WrittenTerm, int]:
    at = start
    negated = text[at] == "-" and at + 1 < len(text) and not text[at + 1].isspace()
    at += negated
    key, operator, at = _key(text, at)
    values: list[Pattern] = []
    places: list[int] = []
    while True:
        places.append(at)
        value, at = _value(text, at)
        values.append(value)
        if at >= len(text) or text[at] != ",":
            return WrittenTerm(start, negated, key, operator, values, places), at
        at += 1


def _key(text: str, at: int) -> tuple[str, str, int]:
    """A key with its operator, and where its values begin; ("", ":") for a text."""
    end = at
    while end < len(text) and text[end] in KEY_CHARACTERS:
        end += 1
    if end > at:
        for operator in OPERATORS:
            if text.startswith(operator, end):
                return text[at:end], operator, end + len(operator)
    return "", ":", at


def _value(text: str, at: int) -> tuple[Pattern, int]:
    """One alternative as it is written, up to a blank or a comma."""
    pieces = [""]
    while at < len(text) and not text[at].isspace() and text[at] != ",":
        if text[at] == '"':
            end = text.find('"', at + 1)
            if end < 0:
                raise SearchError(text, at, "the quote has no end")
            pieces[-1] += text[at + 1 : end]
            at = end + 1
        else:
            if text[at] == "*":
                if pieces[-1] or len(pieces) == 1:
                    pieces.append("")
            else:
                pieces[-1] += text[at]
            at += 1
    return tuple(pieces), at


def _term(text: str, token: WrittenTerm, vocabulary: Vocabulary) -> Term:
    if not token.key:
        values = [value for value in token.values if value != ("",)] or [("",)]
        return Term("", ":", _lower(values), token.negated)
    field = field_named(token.key, vocabulary)
    if field is None:
        raise SearchError(text, token.at, _unknown(token.key, vocabulary))
    for value, place in zip(token.values, token.places, strict=True):
        if value == ("",):
            raise SearchError(text, place, f"expected a value of {field.name}, such as {field.example}")
    if token.operator != ":":
        return _comparison(text, token, field)
    meant = _MEANINGS.get(field.shape, _as_it_is)
    values = []
    for value, place in zip(token.values, token.places, strict=True):
        try:
            values.append(meant(value, vocabulary))
        except ValueError as error:
            raise SearchError(text, place, str(error)) from error
    return Term(field.name, ":", _lower(values), token.negated)


def _lower(values: Iterable[Pattern]) -> tuple[Pattern, ...]:
    """In lower case, each once, in order."""
    return tuple(sorted({tuple([piece.lower() for piece in value]) for value in values}))


def field_named(word: str, vocabulary: Vocabulary) -> SearchField | None:
    """The field that a word names: one of the table, or a key of the metadata."""
    word = word.lower()
    if (field := BY_WORD.get(word)) is not None:
        return field
    if word.startswith(METADATA) and len(word) > len(METADATA):
        return metadata_field(word[len(METADATA) :])
    if any(each.lower() == word for each in vocabulary.metadata):
        return metadata_field(word)
    return None


def _comparison(text: str, token: WrittenTerm, field: SearchField) -> Term:
    if not field.compares:
        comparable = ", ".join(name for name, each in SEARCH_FIELDS.items() if each.compares)
        message = f"{field.name} cannot be compared with {token.operator}; {comparable} and metadata can"
        raise SearchError(text, token.at, message)
    place = token.places[0]
    if len(token.values) > 1 or len(token.values[0]) > 1:
        raise SearchError(text, place, f"{token.operator} takes one value, without a wildcard")
    ((value,),) = token.values
    moment = time_of(value)
    if moment is None and number_of(value) is None:
        expected = "expected a number, a quantity such as 10Gi, or a date such as 2026-11-01"
        raise SearchError(text, place, f"{expected}, not {quoted(value)}")
    operator = cast(Operator, token.operator)
    return Term(field.name, operator, ((moment or value,),), token.negated)


# What the values of a field mean. Each raises ValueError.


def _as_it_is(value: Pattern, _: Vocabulary) -> Pattern:
    return value


def _kind(value: Pattern, vocabulary: Vocabulary) -> Pattern:
    return (vocabulary.kind(value[0]),) if len(value) == 1 else value


def _cluster(value: Pattern, vocabulary: Vocabulary) -> Pattern:
    wanted = tuple([piece.lower() for piece in value])
    if vocabulary.clusters is not None:
        return wanted
    return (THIS_CLUSTER if matches(wanted, vocabulary.cluster.lower()) else OTHER_CLUSTER,)


def _status(value: Pattern, _: Vocabulary) -> Pattern:
    return _one_of("status", value, SEVERITIES)


def _edge(value: Pattern, _: Vocabulary) -> Pattern:
    return _one_of("edge", value, EDGE_TYPES)


def _one_of(what: str, value: Pattern, allowed: Collection[str]) -> Pattern:
    if len(value) != 1 or value[0].lower() not in [each.lower() for each in allowed]:
        raise ValueError(f"unknown {what} {quoted('*'.join(value))}; it is one of {', '.join(allowed)}")
    return value


def _object(value: Pattern, vocabulary: Vocabulary) -> Pattern:
    """`kind/name` with any of the kind's words; a word without a slash is a name."""
    kind, slash, rest = value[0].partition("/")
    if not slash:
        return value
    return (f"{vocabulary.kind(kind)}/{rest}", *value[1:])


def _owner(value: Pattern, vocabulary: Vocabulary) -> Pattern:
    """The same; references to owners have the kind alone, without its group."""
    first, *others = _object(value, vocabulary)
    kind, slash, rest = first.partition("/")
    return (f"{kind.partition('.')[0]}/{rest}" if slash else first, *others)


def _unresolved(value: Pattern, vocabulary: Vocabulary) -> Pattern:
    if value[0].lower() in ("true", "false") or "/" in value[0]:
        return _object(value, vocabulary)
    if len(value) > 1:
        return value
    raise ValueError(
        f"unresolved is true, false or a missing object such as secret/db, not {quoted(value[0])}"
    )


_MEANINGS: dict[str, Callable[[Pattern, Vocabulary], Pattern]] = {
    "cluster": _cluster,
    "kind": _kind,
    "status": _status,
    "edge": _edge,
    "neighbour": _object,
    "object": _owner,
    "unresolved": _unresolved,
}


def _unknown(key: str, vocabulary: Vocabulary) -> str:
    words = [*BY_WORD, *vocabulary.metadata]
    near = get_close_matches(key.lower()[:60], [word.lower() for word in words], n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SEARCH_FIELDS)}."
    return f"unknown field {quoted(key)}: {hint} A text with a colon stands in quotes"


def _around(text: str, at: int) -> str:
    """The text near a place, in quotes."""
    start, end = max(0, at - 20), at + 30
    return f"'{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}'"
