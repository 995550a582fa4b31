"""What a change of a JSON Schema means for clients of the old one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

Json = dict[str, Any]

#: Whose documents the schema is of: the server's answers may get narrower, and what it takes may get wider.
Direction = Literal["answers", "requests"]

_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
#: Keywords that bound a value, and whether a larger number is stricter.
_BOUNDS: Mapping[str, bool] = {
    "minimum": True,
    "exclusiveMinimum": True,
    "minLength": True,
    "minItems": True,
    "maximum": False,
    "exclusiveMaximum": False,
    "maxLength": False,
    "maxItems": False,
}


class SchemaChanges:
    """Compares schemas of two OpenAPI documents, and gathers what would break a client.

    A component is looked at once for each direction, however many paths lead to it.
    """

    def __init__(self, old: Json, new: Json) -> None:
        self.found: dict[str, None] = {}
        self._old, self._new = old, new
        self._seen: set[tuple[str, str, Direction]] = set()

    def compare(self, old: Json, new: Json, where: str, direction: Direction) -> None:
        """where: how a message begins."""
        names = old.get("$ref", ""), new.get("$ref", "")
        if all(names):
            if (*names, direction) in self._seen:
                return
            self._seen.add((*names, direction))
            where = f"{direction}: {names[0].rpartition('/')[2]}"
        before, after = resolved(self._old, old), resolved(self._new, new)
        if "discriminator" in before and "discriminator" in after:
            self._compare_messages(before, after, where, direction)
        elif len(choices := _choices(before)) + len(_choices(after)) > 2:
            self._compare_choices(choices, _choices(after), where, direction)
        else:
            self._compare_one(before, after, where, direction)

    def _say(self, where: str, what: str) -> None:
        self.found[f"{where}: {what}"] = None

    def _compare_messages(self, old: Json, new: Json, where: str, direction: Direction) -> None:
        """Of messages that a key tells apart: clients ignore those that they do not know."""
        before, after = (each["discriminator"]["mapping"] for each in (old, new))
        for type, component in before.items():
            if type in after:
                self.compare({"$ref": component}, {"$ref": after[type]}, where, direction)
            else:
                self._say(where, f"the message `{type}` is removed")

    def _compare_choices(self, old: list[Json], new: list[Json], where: str, direction: Direction) -> None:
        """Every document of the narrower side has to be one of the wider side's."""
        narrow, wide = (new, old) if direction == "answers" else (old, new)
        for choice in narrow:
            if any(self._fits(choice, other, direction) for other in wide):
                continue
            like = next((other for other in wide if self._are_alike(choice, other)), None)
            if like is None:
                what = "may now also be" if direction == "answers" else "may no longer be"
                self._say(where, f"{what} {_shown(choice)}")
            else:
                self.compare(
                    *((like, choice) if direction == "answers" else (choice, like)), where, direction
                )

    def _are_alike(self, one: Json, other: Json) -> bool:
        """Whether one may have been made of the other."""
        old, new = (_types(resolved(self._new, each)) for each in (one, other))
        return one.get("$ref") == other.get("$ref") and bool(old & new)

    def _fits(self, narrow: Json, wide: Json, direction: Direction) -> bool:
        old, new = (wide, narrow) if direction == "answers" else (narrow, wide)
        trial = SchemaChanges(self._old, self._new)
        trial._seen = set(self._seen)
        trial.compare(old, new, "", direction)
        return not trial.found

    def _compare_one(self, old: Json, new: Json, where: str, direction: Direction) -> None:
        self._compare_types(_types(old), _types(new), where, direction)
        if not _types(old) & _types(new):
            return
        self._compare_values(_values(old), _values(new), where, direction)
        self._compare_limits(old, new, where, direction)
        if "items" in old or "items" in new:
            self.compare(old.get("items", {}), new.get("items", {}), f"{where}[]", direction)
        if "object" in _types(old) & _types(new):
            self._compare_keys(old, new, where, direction)
            self._compare_others(old, new, where, direction)

    def _compare_types(self, old: set[str], new: set[str], where: str, direction: Direction) -> None:
        excess = new - old if direction == "answers" else old - new
        if excess:
            what = "may now also be" if direction == "answers" else "may no longer be"
            self._say(where, f"{what} {', '.join(sorted(excess))}")

    def _compare_values(
        self, old: list[Any] | None, new: list[Any] | None, where: str, direction: Direction
    ) -> None:
        """A set of values may grow, in answers too: clients are told so. It may not be another one."""
        removed = [value for value in old or () if new is not None and value not in new]
        added = [value for value in new or () if old is not None and value not in old]
        if direction == "requests":
            if new is not None and old is None:
                self._say(where, f"takes only {_shown(new)} now")
            for value in removed:
                self._say(where, f"no longer takes {_shown(value)}")
        elif old is not None and new is None:
            self._say(where, "is no longer one of a set of values")
        elif removed and added:
            self._say(where, f"is {_shown(added)} instead of {_shown(removed)}")

    def _compare_limits(self, old: Json, new: Json, where: str, direction: Direction) -> None:
        for keyword in ("pattern", "format"):
            promised, kept = old.get(keyword), new.get(keyword)
            given_up = kept if direction == "requests" else promised
            if given_up is not None and promised != kept:
                self._say(where, f"{keyword} is {_shown(kept)}, was {_shown(promised)}")
        for keyword, larger_is_stricter in _BOUNDS.items():
            before, after = old.get(keyword), new.get(keyword)
            narrow, wide = (before, after) if direction == "requests" else (after, before)
            if wide is not None and (
                narrow is None or ((narrow < wide) is larger_is_stricter and narrow != wide)
            ):
                self._say(where, f"{keyword} is {_shown(after)}, was {_shown(before)}")
        if direction == "requests" and old.get("default") != new.get("default"):
            self._say(where, f"default is {_shown(new.get('default'))}, was {_shown(old.get('default'))}")

    def _compare_keys(self, old: Json, new: Json, where: str, direction: Direction) -> None:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, still_needed = set(old.get("required", ())), set(new.get("required", ()))
        for key, schema in before.items():
            if key in after:
                self.compare(schema, after[key], f"{where}.{key}", direction)
            else:
                self._say(f"{where}.{key}", "is removed")
        if direction == "answers":
            for key in sorted((needed - still_needed) & set(after)):
                self._say(f"{where}.{key}", "is no longer always there")
        else:
            for key in sorted(still_needed - needed):
                self._say(f"{where}.{key}", "is required now")

    def _compare_others(self, old: Json, new: Json, where: str, direction: Direction) -> None:
        """Keys that are not listed."""
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if isinstance(before, dict) and isinstance(after, dict):
            self.compare(before, after, f"{where}.*", direction)
        elif isinstance(before, dict) and direction == "answers":
            self._say(f"{where}.*", "may now be anything")
        elif after is not before and direction == "requests" and after is not True:
            self._say(where, "no longer takes keys that are not listed")


def resolved(document: Json, part: Json) -> Json:
    """The part, or the component that it refers to."""
    while isinstance(part.get("$ref"), str):
        reference: str = part["$ref"]
        part = document
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
    return part


def _choices(schema: Json) -> list[Json]:
    found: list[Json] = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return found


def _types(schema: Json) -> set[str]:
    """The types that a value may have; an integer is a number."""
    values = _values(schema)
    given = schema.get("type")
    if given is None and values is not None:
        return {_type(value) for value in values}
    found = set(_TYPES) if given is None else {given} if isinstance(given, str) else set(given)
    return found | ({"integer"} if "number" in found else set())


def _type(value: Any) -> str:
    tests: Iterable[tuple[str, Callable[[Any], bool]]] = (
        ("null", lambda it: it is None),
        ("boolean", lambda it: isinstance(it, bool)),
        ("integer", lambda it: isinstance(it, int)),
        ("number", lambda it: isinstance(it, float)),
        ("string", lambda it: isinstance(it, str)),
        ("array", lambda it: isinstance(it, list)),
    )
    return next((name for name, test in tests if test(value)), "object")


def _values(schema: Json) -> list[Any] | None:
    """The values that are listed; None when any will do."""
    if "const" in schema:
        return [schema["const"]]
    listed: list[Any] | None = schema.get("enum")
    return listed


def _shown(part: Any) -> str:
    text = json.dumps(part)
    return text if len(text) <= 100 else f"{text[:100]}…"
