"""The types and helpers that shapes are written in. A leaf of all modules that describe answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, UnsetType

from astrolabe.kinds.metadata import Count as Count
from astrolabe.kinds.metadata import Time as Time
from astrolabe.kinds.metadata import about as about

#: The type of a key that is left out when it is empty.
Absent = UnsetType


class Shape(Struct, rename="camel"):
    """A JSON object with these keys. A later server may have more, so the document does not close it."""


def reference(name: str) -> dict[str, str]:
    """JSON Schema of the component with this name."""
    return {"$ref": f"#/components/schemas/{name}"}


#: Closed sets. The document takes their members from the tables.
Status = Annotated[str, Meta(extra_json_schema=reference("Status"))]
Kind = Annotated[str, Meta(extra_json_schema=reference("Kind"))]
WatchedName = Annotated[str, Meta(extra_json_schema=reference("WatchedName"))]
EdgeType = Annotated[str, Meta(extra_json_schema=reference("EdgeType"))]

InCluster = Annotated[str, Meta(description="Its cluster, if several are served.", examples=["prod-eu"])]

#: The format of whole numbers of more than 32 bits. None is above 2^53, the limit of JavaScript.
INT64 = {"format": "int64"}

Seq = Annotated[
    int, Meta(ge=0, description="The sequence number of a position. It only grows.", extra_json_schema=INT64)
]
Epoch = Annotated[
    str, Meta(description="Names the unbroken history that `seq` belongs to.", examples=["3fa7fd63"])
]
Milliseconds = Annotated[
    int, Meta(ge=0, description="Milliseconds since 1970, UTC.", extra_json_schema=INT64)
]
