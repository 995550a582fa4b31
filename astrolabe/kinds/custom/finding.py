"""Compiles single tests of a rule: what looks at a condition or a field."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, NamedTuple

from astrolabe.kinds.custom.attribute_readers import Scalar
from astrolabe.kinds.custom.conditions import ConditionList, LenientCondition, listed, text
from astrolabe.kinds.custom.paths import Path, last_many, show
from astrolabe.kinds.custom.projection import ProjectionOf
from astrolabe.kinds.custom.rule import Bound, Test


class Hit(NamedTuple):
    """What a test found. condition: the one it is about; value: that of the field."""

    where: str
    condition: LenientCondition | None = None
    value: Scalar = None
    label: str = ""


#: Returns what the test found, or None.
Find = Callable[[Any], Hit | None]


def tests_wholes(tests: Sequence[Test]) -> dict[Path, Any]:
    """What these tests read as a whole."""
    found: dict[Path, Any] = {}
    _collect(tests, found)
    return found


def tests_paths(tests: Sequence[Test]) -> list[Path]:
    """The other paths that these tests read."""
    found: list[Path] = []
    _collect_paths(tests, found)
    return [path for path in found if path]


def _collect(tests: Sequence[Test], found: dict[Path, Any]) -> None:
    for test in tests:
        if test.within:
            found[test.within] = ConditionList
        _collect((*test.all, *test.unless), found)


def _collect_paths(tests: Sequence[Test], found: list[Path]) -> None:
    for test in tests:
        found.append(test.field)
        found += [bound.path for bound in (test.above, test.below) if bound is not None]
        found += test.message.full_paths() if test.message is not None else ()
        if test.label:
            found.append((*test.within[:-1], *test.label))
        _collect_paths((*test.all, *test.unless), found)


class Finder:
    """Compiles tests for one projection."""

    def __init__(self, projection: ProjectionOf) -> None:
        self.projection = projection

    def find(self, test: Test) -> Find:
        """Looks for what a test describes."""
        if test.all:
            found = self._find_all([self.find(each) for each in test.all])
        elif test.conditions:
            found = self._find_condition(test)
        else:
            found = self._find_field(test)
        if not test.unless:
            return found
        exceptions = [self.find(each) for each in test.unless]

        def unless(manifest: Any) -> Hit | None:
            hit = found(manifest)
            if hit is None:
                return None
            for exception in exceptions:
                if exception(manifest) is not None:
                    return None
            return hit

        return unless

    def is_plain(self, test: Test) -> bool:
        """Whether it is about a condition that the object itself has."""
        absent_counts = bool(test.is_not) and test.exists is None
        is_one = bool(test.conditions) and not (test.all or test.unless or last_many(test.within))
        return is_one and not absent_counts and test.exists is not False

    def _find_all(self, finds: list[Find]) -> Find:
        def find(manifest: Any) -> Hit | None:
            first = None
            for each in finds:
                hit = each(manifest)
                if hit is None:
                    return None
                first = first or hit
            return first

        return find

    def _find_condition(self, test: Test) -> Find:
        holds, types = condition_matcher(test), types_of(test)
        absent_counts = test.exists is False or (bool(test.is_not) and test.exists is None)
        may_be_found = test.exists is not False
        where_all = f"{show(test.within)}[{test.conditions[0]}]"

        def look(conditions: list[Any], where: str, label: str) -> tuple[bool, Hit | None]:
            is_there = False
            for each in conditions:
                if type(each) is LenientCondition and each.at_type in types:
                    is_there = True
                    if may_be_found and holds(each):
                        return True, Hit(f"{where}[{each.name}]", each, None, label)
            return is_there, None

        if not last_many(test.within):
            read, where = self.projection.whole(test.within), show(test.within)

            def find_in_one(manifest: Any) -> Hit | None:
                conditions = read(manifest)
                is_there, hit = look(conditions, where, "") if type(conditions) is list else (False, None)
                return hit or (Hit(where_all) if absent_counts and not is_there else None)

            return find_in_one
        each_list = self.each_list(test)

        def find(manifest: Any) -> Hit | None:
            is_there = False
            for conditions, where, label in each_list(manifest):
                there, hit = look(conditions, where, label)
                if hit is not None:
                    return hit
                is_there = is_there or there
            return Hit(where_all) if absent_counts and not is_there else None

        return find

    def each_list(self, test: Test) -> Callable[[Any], Iterable[tuple[list[Any], str, str]]]:
        """The lists of conditions that a test looks at, each with its path and the name of its part.

        What stands in them is to be looked at: it may be no condition.
        """
        if not last_many(test.within):
            where = show(test.within)
            read = self.projection.whole(test.within)

            def only(manifest: Any) -> tuple[tuple[Any, str, str], ...]:
                conditions = read(manifest)
                return ((conditions, where, ""),) if type(conditions) is list else ()

            return only
        base = test.within[: last_many(test.within)]
        rest = test.within[last_many(test.within) :]
        items = self.projection.items(base)
        inner = self.projection.whole_below(base, rest)
        label = self.projection.scalar_below(base, test.label) if test.label else _no_label
        tail = "".join([f".{part}" for part in show(rest).split(".")])

        def several(manifest: Any) -> list[tuple[list[Any], str, str]]:
            return [
                (listed(inner(item)), where.lstrip(".") + tail, text(label(item)))
                for item, where in items(manifest)
            ]

        return several

    def _find_field(self, test: Test) -> Find:
        wanted = _value_matcher(test)
        above, below = self._bound(test.above), self._bound(test.below)
        where = show(test.field)
        may_be_absent = (
            test.exists is not None or below is not None or bool(test.is_not) or "" in test.is_value
        )
        exists, is_many = test.exists, bool(last_many(test.field))

        def holds(manifest: Any, value: Scalar) -> bool:
            if not wanted(word_of(value)):
                return False
            if above is None and below is None:
                return True
            figure = figure_of(value)
            high = above(manifest) if above is not None else None
            low = below(manifest) if below is not None else None
            if above is not None and (high is None or figure is None or figure <= high):
                return False
            return not (below is not None and (low is None or figure is None or figure >= low))

        if is_many:
            items = self.projection.items(test.field)

            def find_any(manifest: Any) -> Hit | None:
                is_there = False
                for value, at in items(manifest):
                    if not isinstance(value, str | int | float | bool):
                        value = "" if value is None else "{}"
                    is_there = True
                    if exists is not False and holds(manifest, value):
                        return Hit(at.lstrip("."), None, value)
                return Hit(where) if exists is False and not is_there else None

            return find_any
        read = self.projection.scalar(test.field)
        is_present = self.projection.presence(test.field)

        def find(manifest: Any) -> Hit | None:
            value = read(manifest)
            if exists is not None and is_present(manifest) is not exists:
                return None
            if exists is False:
                return Hit(where)
            if value is None and not may_be_absent:
                return None
            return Hit(where, None, value) if holds(manifest, value) else None

        return find

    def _bound(self, bound: Bound | None) -> Callable[[Any], float | None] | None:
        if bound is None:
            return None
        if not bound.path:
            return lambda manifest: bound.number
        read = self.projection.scalar(bound.path)
        return lambda manifest: figure_of(read(manifest))


def _no_label(_: Any) -> Scalar:
    return None


def word_of(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def figure_of(value: Scalar) -> float | None:
    """A number; what is absent counts as 0, since Go leaves zeros out."""
    if value is None:
        return 0.0
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value)
    except ValueError:
        return None


Match = Callable[[str], bool]


def matcher(given: tuple[str, ...]) -> Match | None:
    """Whether a word is one of these. `*` matches anything."""
    if not given:
        return None
    exact = frozenset([each for each in given if "*" not in each])
    if len(exact) == len(given):
        return exact.__contains__
    begins = tuple([each[:-1] for each in given if each.find("*") == len(each) - 1 >= 0])
    if len(exact) + len(begins) == len(given):  # a third of the time that an expression takes
        return lambda word: word.startswith(begins) or word in exact
    pattern = re.compile("|".join([".*".join(map(re.escape, each.split("*"))) for each in given]), re.DOTALL)
    fullmatch = pattern.fullmatch
    return lambda word: fullmatch(word) is not None


class _WildcardTypes:
    """Types of conditions, with wildcards."""

    def __init__(self, types: tuple[str, ...]) -> None:
        self._matches = matcher(types)

    def __contains__(self, type: object) -> bool:
        return isinstance(type, str) and self._matches is not None and self._matches(type)


def types_of(test: Test) -> Container[object]:
    """The types that a test is about. Not a set: a type may be anything, also what has no hash."""
    is_plain = not any("*" in each for each in test.conditions)
    return test.conditions if is_plain else _WildcardTypes(test.conditions)


def condition_matcher(test: Test) -> Callable[[LenientCondition], bool]:
    """Whether a condition of the right type is as the test describes."""
    wanted, is_severity = _value_matcher(test), matcher(test.severity)
    is_reason, is_other_reason = matcher(test.reason), matcher(test.not_reason)
    if is_severity is None and is_reason is None and is_other_reason is None:
        return lambda condition: wanted(condition.value)

    def holds(condition: LenientCondition) -> bool:
        if not wanted(condition.value):
            return False
        reason = text(condition.at_reason)
        return (
            (is_reason is None or is_reason(reason))
            and (is_other_reason is None or not is_other_reason(reason))
            and (is_severity is None or is_severity(text(condition.at_severity)))
        )

    return holds


def _value_matcher(test: Test) -> Match:
    """Of a condition True is meant unless the test says what else; of a field anything."""
    is_value, is_not = matcher(test.is_value), matcher(test.is_not)
    if is_value is None and is_not is None:
        if test.conditions and test.exists is None and not test.reason:
            return lambda word: word == "True"
        return lambda word: True
    if is_not is None:
        assert is_value is not None
        return is_value
    excluded = is_not
    return lambda word: (is_value is None or is_value(word)) and not excluded(word)
