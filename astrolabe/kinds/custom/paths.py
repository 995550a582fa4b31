"""Paths into a manifest, such as `spec.rules[].backendRefs[].name`, and the values found there.

`a.b` is a field, `a[key.with/dots]` a field whose name has dots, `a[]` each element of a list, `a[0]` one of
them, `a[type=Ready]` or `a[health.status=Degraded]` the elements whose field has that value, `a.*` each value
of a map, and `a.**Ref` each object below `a` under a key that ends so.
"""

from __future__ import annotations

import re
from sys import intern
from typing import NamedTuple


class PathError(ValueError):
    """A path that does not parse; the message says what is wrong."""


class Key(NamedTuple):
    """A field, or an entry of a map."""

    name: str


class Each(NamedTuple):
    """Every element of a list."""


class Index(NamedTuple):
    """One element of a list."""

    at: int


class Where(NamedTuple):
    """The elements of a list whose field has a value. key: with dots it is further down."""

    key: str
    value: str

    @property
    def keys(self) -> tuple[Key, ...]:
        """The way from the element to the field."""
        return tuple([Key(name) for name in self.key.split(".")])


class AnyKey(NamedTuple):
    """Every value of a map."""


class Walk(NamedTuple):
    """Every object further down whose key ends with this, in any case of the first letter."""

    suffix: str


Segment = Key | Each | Index | Where | AnyKey | Walk
Path = tuple[Segment, ...]

_TOKEN = re.compile(r"\.?(?:\*\*([A-Za-z][\w-]*)|(\*)|\[([^\]]*)\]|([^.\[\]*\s]+))")


def parse(text: str) -> Path:
    """Parse a path. Raises PathError."""
    if text.startswith((".", "$", "{")):
        plain = text.strip("{}").lstrip("$.")
        raise PathError(f"{text!r} is JSONPath; write the path without its beginning: {plain or 'spec.name'}")
    segments: list[Segment] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or (at > 0 and text[at] not in ".["):
            raise PathError(
                f"{text!r} is not a path: cannot read {text[at:]!r}; write it like spec.list[].name"
            )
        at = match.end()
        suffix, star, bracket, name = match.groups()
        if suffix is not None:
            segments.append(Walk(suffix))
        elif star is not None:
            segments.append(AnyKey())
        elif name is not None:
            segments.append(Key(name))
        else:
            segments.append(_bracket(bracket))
    if not segments:
        raise PathError("a path is empty; write it like spec.list[].name")
    if not isinstance(segments[0], Key):
        raise PathError(f"{text!r} does not begin with a field, such as metadata, spec or status")
    return tuple(segments)


def _bracket(inner: str) -> Segment:
    if inner in ("", "*"):
        return Each()
    if inner.isdecimal():
        return Index(int(inner))
    key, equals, value = inner.partition("=")
    if equals:
        return Where(key, value)
    return Key(inner)


#: The JSONPath that printer columns use, in our form.
_FILTER = re.compile(r"""\[\?\(\s*@\.(\w+)\s*==\s*(?:"([^"]*)"|'([^']*)'|(\w+))\s*\)\]""")


def from_json_path(text: str) -> Path | None:
    """The path of a printer column; None if it uses what we do not read (functions, ranges, unions)."""
    text = _FILTER.sub(lambda m: f"[{m[1]}={m[2] or m[3] or m[4] or ''}]", text.strip().strip("{}"))
    text = re.sub(r"""\[(?:"([^"]*)"|'([^']*)')\]""", lambda m: f"[{m[1] or m[2]}]", text)
    text = text.replace("\\.", "\0")
    if any(sign in text for sign in ("?(", "..", ":", ",", "@")):
        return None
    try:
        path = parse(text.lstrip(".$"))
    except PathError:
        return None
    return tuple([Key(each.name.replace("\0", ".")) if isinstance(each, Key) else each for each in path])


def show(path: Path) -> str:
    """The path as text again. Kinds share it."""
    text = ""
    for segment in path:
        match segment:
            case Key(name):
                text += f"[{name}]" if re.search(r"[./\s]", name) else f".{name}"
            case Each():
                text += "[]"
            case Index(at):
                text += f"[{at}]"
            case Where(key, value):
                text += f"[{key}={value}]"
            case AnyKey():
                text += ".*"
            case Walk(suffix):
                text += f".**{suffix}"
    return intern(text.lstrip("."))


def last_many(path: Path) -> int:
    """How many segments lead to the innermost element of a path of many; 0 if it is of one value."""
    return max([at for at, each in enumerate(path, 1) if not isinstance(each, Key | Index)], default=0)
