"""What nodes show of manifests: one shape, made of what each kind of the catalogue shows."""

from __future__ import annotations

from types import NoneType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from astrolabe.http.openapi.terms import Absent, Shape
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.metadata import Metadata, Time

#: The name of its component.
METADATA = "Metadata"

_ABOUT = "What is shown of a manifest; the keys depend on the kind, and empty ones are left out."


def metadata_shape(catalogue: Catalogue) -> type[msgspec.Struct]:
    """All keys that nodes of these kinds may show."""
    types: dict[tuple[str, str], Any] = {}
    for kind in catalogue:
        for name, key, shown in keys_of(kind.shows):
            known = types.setdefault((name, key), shown)
            if known != shown:
                types[name, key] = Any
    fields: list[Any] = [("creation_timestamp", Time)]
    fields += [
        (name, shown | Absent, msgspec.field(default=msgspec.UNSET, name=key))
        for (name, key), shown in types.items()
    ]
    return msgspec.defstruct(METADATA, fields, bases=(Shape,), namespace={"__doc__": _ABOUT})


def keys_of(shows: type[Metadata]) -> list[tuple[str, str, Any]]:
    """Of each key that a kind shows the name of its field, the key, and the type of what is not left out."""
    return [(each.name, each.encode_name, _without_none(each.type)) for each in msgspec.structs.fields(shows)]


def _without_none(type: Any) -> Any:
    if get_origin(type) is Annotated or NoneType not in get_args(type):
        return type
    (first, *others) = [each for each in get_args(type) if each is not NoneType]
    return Union[(first, *others)]
