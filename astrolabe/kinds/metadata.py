"""What a node shows of a manifest, as typed structs: the API's description is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


def about(description: str, *examples: Any) -> msgspec.Meta:
    """The description of one key."""
    return msgspec.Meta(description=description or None, examples=list(examples) or None)


#: What several kinds show.
Image = Annotated[str, about("Of the first container.")]
TargetPods = Annotated[list[str], about("The Pods that it selects or lists.")]
Quantity = Annotated[str, about("A quantity.", "10Gi")]


class Metadata(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """Base of what the nodes of a kind show, besides creationTimestamp, which all have.

    What is as it is by default is left out: None, "" and []; a number or a flag that may be 0 or False and
    still is to be shown is None by default. Kinds may show the same key, which then means the same.
    """


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key of the metadata, as a table shows it.

    type: of JSON; "string" if it may be of several types. format: `date-time`, or "".
    """

    name: str
    type: str
    description: str
    format: str = ""


def columns_of(shows: type[Metadata]) -> tuple[Column, ...]:
    """The keys that a kind shows, in order."""
    ((_,), components) = msgspec.json.schema_components([shows])
    properties = components[shows.__name__]["properties"]
    return tuple(
        Column(name, _type_of(schema, components), schema.get("description", ""), _format_of(schema))
        for name, schema in properties.items()
    )


def _type_of(schema: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    choices = {_type_of(each, components) for each in schema.get("anyOf", [schema]) if each is not schema}
    choices -= {"null"}
    if not choices:
        return str(schema["type"])
    return choices.pop() if len(choices) == 1 else "string"


def _format_of(schema: Mapping[str, Any]) -> str:
    return next((each["format"] for each in schema.get("anyOf", [schema]) if "format" in each), "")


class NoMetadata(Metadata):
    """Of kinds that show nothing."""
