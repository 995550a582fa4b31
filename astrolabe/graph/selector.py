"""Kubernetes label selectors: the text form of URLs and flags, and the object form of manifests.

Semantics of apimachinery `pkg/labels/selector.go`: `!=` and `notin` also match where the key is absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

Operator = Literal["in", "notin", "exists", "!", "gt", "lt"]

#: prefix/name of a label key, as apimachinery validation.IsQualifiedName has it.
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_NAME}\Z")
_VALUE = re.compile(rf"(?:{_NAME})?\Z")
_TOKEN = re.compile(r"\s*(==|!=|[=,()!<>]|[^\s=,()!<>]+)")


#: How many characters of a text a message quotes.
QUOTED = 60


class SelectorError(ValueError):
    """A selector that does not parse; the message names what is wrong and where."""


def quoted(text: str) -> str:
    """A text as messages quote it, shortened if it is long."""
    return repr(text if len(text) <= QUOTED else f"{text[:QUOTED]}…")


class Requirement(msgspec.Struct, frozen=True, gc=False):
    """One condition on one label. `values` is empty for `exists` and `!`."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    @property
    def negative(self) -> bool:
        """Whether it matches everything without the label."""
        return self.operator in ("notin", "!")

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "gt" | "lt":
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        bound = int(next(iter(self.values)))
        try:
            number = int(value) if value is not None else None
        except ValueError:
            return False
        if number is None:
            return False
        return number > bound if self.operator == "gt" else number < bound


class Selector(msgspec.Struct, frozen=True, gc=False):
    """A conjunction of requirements; an empty one matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        for requirement in self.requirements:  # a loop: all() with a generator costs twice as much
            if not requirement.matches(labels):
                return False
        return True

    def pinned(self) -> Iterator[tuple[str, str]]:
        """The (key, value) pairs that every match must have, for lookups in an index."""
        for requirement in self.requirements:
            if requirement.operator == "in" and len(requirement.values) == 1:
                yield requirement.key, next(iter(requirement.values))


def equality(labels: Mapping[str, str]) -> Selector:
    """The selector of `matchLabels` and of a Service's `spec.selector`."""
    return Selector(
        tuple(Requirement(key, "in", frozenset((value,))) for key, value in sorted(labels.items()))
    )


def from_expressions(
    labels: Mapping[str, str], expressions: Iterable[tuple[str, str, Iterable[str]]]
) -> Selector:
    """A metav1.LabelSelector: `matchLabels` and (key, operator, values) of `matchExpressions`.

    Raises SelectorError on an operator that the API does not have.
    """
    names: dict[str, Operator] = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    requirements = list(equality(labels).requirements)
    for key, operator, values in expressions:
        if operator not in names:
            raise SelectorError(f"unknown operator {operator!r} for label {key!r}")
        requirements.append(Requirement(key, names[operator], frozenset(values)))
    return Selector(tuple(requirements))


def parse(text: str) -> Selector:
    """Parse the text form (`a=b,c!=d,e in (f,g),h,!i,j>1`). Raises SelectorError."""
    return _Parser(text).parse()


class _Parser:
    """Recursive descent over the tokens, with the error messages of the API server."""

    def __init__(self, text: str) -> None:
        # Trailing blanks are in no token, and each of them would cost a scan of the others.
        self._tokens = _TOKEN.findall(text.rstrip())
        self._at = 0

    def parse(self) -> Selector:
        requirements: list[Requirement] = []
        if not self._tokens:
            return Selector()
        while True:
            requirements.append(self._requirement())
            token = self._next()
            if token == "":
                return Selector(tuple(requirements))
            if token != ",":
                raise SelectorError(f"found {quoted(token)}, expected: ',' or 'end of string'")
            if self._peek() in ("", ","):
                raise SelectorError(f"found {quoted(self._peek())}, expected: identifier after ','")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._next()
            return Requirement(self._key(), "!")
        key = self._key()
        operator = self._peek()
        if operator in ("", ","):
            return Requirement(key, "exists")
        self._next()
        match operator:
            case "=" | "==":
                return Requirement(key, "in", frozenset((self._value(),)))
            case "!=":
                return Requirement(key, "notin", frozenset((self._value(),)))
            case "in" | "notin":
                return Requirement(key, operator, self._values())
            case ">" | "<":
                return Requirement(key, "gt" if operator == ">" else "lt", frozenset((self._integer(),)))
        raise SelectorError(f"found {quoted(operator)}, expected: in, notin, =, ==, !=, gt, lt")

    def _key(self) -> str:
        token = self._next()
        if token in ("", ",", "(", ")", "=", "==", "!=", "!", "<", ">"):
            raise SelectorError(f"found {quoted(token)}, expected: !, identifier, or 'end of string'")
        if not _KEY.match(token):
            raise SelectorError(
                f"invalid label key {quoted(token)}: name part must be at most 63 of [A-Za-z0-9_.-]"
            )
        return token

    def _value(self) -> str:
        token = self._peek()
        if token in ("", ",", ")"):
            return ""
        self._next()
        if not _VALUE.match(token):
            raise SelectorError(f"invalid label value {quoted(token)}: at most 63 of [A-Za-z0-9_.-]")
        return token

    def _integer(self) -> str:
        value = self._value()
        if not value.isdecimal():
            raise SelectorError(
                f"for 'Gt', 'Lt' operators, the value must be an integer, not {quoted(value)}"
            )
        return value

    def _values(self) -> frozenset[str]:
        if (token := self._next()) != "(":
            raise SelectorError(f"found {quoted(token)}, expected: '('")
        values = {self._value()}
        while (token := self._next()) == ",":
            values.add(self._value())
        if token != ")":
            raise SelectorError(f"found {quoted(token)}, expected: ',', or ')'")
        return frozenset(values)
