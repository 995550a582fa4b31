"""What the nodes of a custom kind show: the columns that its CRD declares, or the keys of its rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, NamedTuple, cast

import msgspec

from astrolabe.kinds.custom.attribute_readers import SCALARS, Scalar
from astrolabe.kinds.custom.definition import PrinterColumn
from astrolabe.kinds.custom.paths import Each, Key, Path, from_json_path, last_many
from astrolabe.kinds.custom.projection import ProjectionOf, readable
from astrolabe.kinds.metadata import Metadata, Time, about

#: Keys that every node has, or that this package sets.
TAKEN = frozenset(("creationTimestamp", "message", "namespace", "decidedBy", "warning", "own"))
#: Columns of one kind, values of one list, and characters of one value.
MOST_COLUMNS = 24
MOST_VALUES = 100
LONGEST_VALUE = 1_024

DECIDED_BY = Annotated[
    str, about("The field of the manifest that decided the status.", "status.conditions[Ready]")
]

_TYPES: dict[str, Any] = {
    "integer": int | None,
    "number": float | None,
    "boolean": bool | None,
    "date": Annotated[Time, about("")],
}


class ShownKey(NamedTuple):
    """A key of the metadata. type: as in a PrinterColumn; "" if it may be any, "list" if it is several."""

    name: str
    path: Path
    type: str = ""
    description: str = ""


def shown_by(columns: Iterable[PrinterColumn]) -> list[ShownKey]:
    """The keys for printer columns; those that cannot be read, or that every node has, are left out."""
    found: dict[str, ShownKey] = {}
    for column in columns:
        path = from_json_path(column.path)
        if path is None or not readable(path) or path[-1] == Key("creationTimestamp"):
            continue
        name = camel(column.name)
        if name and name not in TAKEN and len(found) < MOST_COLUMNS:
            found.setdefault(name, ShownKey(name, path, column.type, column.description))
    return list(found.values())


def camel(title: str) -> str:
    """`Last Schedule` → `lastSchedule`, `READY` → `ready`."""
    words: list[str] = re.findall(r"[A-Za-z0-9]+", title)
    if not words:
        return ""
    words = [word.lower() if word.isupper() else word for word in words]
    first, *rest = words
    return "".join([f"{first[0].lower()}{first[1:]}", *[f"{word[0].upper()}{word[1:]}" for word in rest]])


def metadata_type(kind: str, keys: Sequence[ShownKey]) -> type[Metadata]:
    """What the nodes show, as a type."""
    fields: list[tuple[str, Any, Any]] = [
        ("decided_by", DECIDED_BY, msgspec.field(default="", name="decidedBy"))
    ]
    for at, key in enumerate(keys):
        plain = _TYPES.get(key.type, list[str] | None if key.type == "list" else str | None)
        default = "" if key.type == "date" else None
        described = Annotated[plain, about(key.description)] if key.description else plain
        fields.append((f"key_{at}", described, msgspec.field(default=default, name=key.name)))
    return cast(
        "type[Metadata]",
        msgspec.defstruct(f"{kind}Metadata", fields, bases=(Metadata,), omit_defaults=True, gc=False),
    )


def reader(keys: Sequence[ShownKey], projection: ProjectionOf) -> Callable[[Any], dict[str, Any]]:
    """Reads them all; what is absent or empty is left out."""
    readers = [_key_reader(key, projection) for key in keys]

    def read(manifest: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        part, name_of_part = None, ""
        for name, first, second, third, value_of in readers:
            if value_of is None:  # nearly all: two fields, or three
                if first != name_of_part:
                    part, name_of_part = getattr(manifest, first, None), first
                value = getattr(part, second, None)
                if third:
                    value = getattr(value, third, None)
                if value is None:
                    continue
                if isinstance(value, str):
                    if value:
                        found[name] = value if len(value) <= LONGEST_VALUE else _short(value)
                elif isinstance(value, SCALARS):
                    found[name] = value
                continue
            value = value_of(manifest)
            if value is not None and value != "" and value != []:
                found[name] = value
        return found

    return read


def _key_reader(
    key: ShownKey, projection: ProjectionOf
) -> tuple[str, str, str, str, Callable[[Any], Any] | None]:
    fields = projection.plain_fields(key.path)
    if fields is not None and len(fields) in (2, 3):
        return (key.name, fields[0], fields[1], fields[2] if len(fields) > 2 else "", None)
    return (key.name, "", "", "", _value_reader(key.path, projection))


def _value_reader(path: Path, projection: ProjectionOf) -> Callable[[Any], Scalar | list[Scalar]]:
    if not last_many(path) or path[0] == Key("metadata"):
        scalar = projection.scalar(path)

        def one(manifest: Any) -> Scalar:
            value = scalar(manifest)
            return _short(value) if type(value) is str and len(value) > LONGEST_VALUE else value

        return one
    items = projection.items(path)
    if not any(isinstance(each, Each) for each in path):
        return lambda manifest: next(
            (_short(value) for value, _ in items(manifest) if _is_scalar(value)), None
        )

    def several(manifest: Any) -> list[Scalar]:
        return [_short(value) for value, _ in items(manifest) if _is_scalar(value)][:MOST_VALUES]

    return several


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _short(value: Scalar) -> Scalar:
    return (
        f"{value[: LONGEST_VALUE - 1]}…" if isinstance(value, str) and len(value) > LONGEST_VALUE else value
    )
