"""The JSON Schemas of responses and messages, made of their types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import Any

import msgspec

from astrolabe.http.openapi import messages, shapes
from astrolabe.http.openapi.operation import UPGRADED, Operation
from astrolabe.http.openapi.terms import reference

#: A JSON Schema.
Schema = dict[str, Any]
#: JSON Schema by type.
Schemas = Mapping[Any, Schema]
#: JSON Schema of the messages of a stream, by sender, and of `any` of them.
Messages = Mapping[str, Schema]


def schemas_of(operations: Iterable[Operation], *others: Any) -> tuple[Schemas, dict[str, Schema]]:
    """The schemas of all types that are spoken of and of others, and the components that these refer to."""
    types: dict[Any, None] = dict.fromkeys((shapes.Error, messages.Filter, *others))
    for operation in operations:
        types.update(dict.fromkeys((*operation.messages.values(), *operation.request.values())))
        for answer in operation.answers.values():
            types.update(dict.fromkeys(answer.body.values()))
    schemas, components = msgspec.json.schema_components(types, ref_template=reference("{name}")["$ref"])
    for component in components.values():
        if "description" in component:
            component["description"] = cleandoc(component["description"])
    tidy: Sequence[Schema] = [_tidied(schema) for schema in schemas]
    return (
        dict(zip(types, tidy, strict=True)),
        {component_name(name): _tidied(component) for name, component in components.items()},
    )


#: Components whose class has another name in the code.
_COMPONENT_NAMES = {"StreamPosition": "Position"}


def component_name(class_name: str) -> str:
    """The name of a class's component. Without `Shape`, which only sets it apart from other classes."""
    return _COMPONENT_NAMES.get(class_name, class_name.removesuffix("Shape"))


def _tidied(part: Any) -> Any:
    """The same schemas in the form that code generators understand best.

    A list of values has a type, a reference has none, and a discriminator goes with `oneOf`.
    Classes have the names of their components.
    """
    if isinstance(part, list):
        return [_tidied(each) for each in part]
    if not isinstance(part, dict):
        return part
    tidy = {key: _tidied(value) for key, value in part.items()}
    if isinstance(tidy.get("$ref"), str):
        path, _, name = tidy["$ref"].rpartition("/")
        tidy["$ref"] = f"{path}/{component_name(name)}"
        tidy.pop("type", None)
    if isinstance(tidy.get("title"), str):
        tidy["title"] = component_name(tidy["title"])
    values = tidy.get("enum")
    if isinstance(values, list) and all(isinstance(each, str) for each in values):
        tidy.setdefault("type", "string")
    if "discriminator" in tidy:
        tidy["oneOf"] = tidy.pop("anyOf")
    return tidy


_SPEAKERS = {
    "server": "What the server says.",
    "client": "What the client says.",
    "any": "What is said in either direction.",
}


def messages_of(
    operations: Mapping[str, Operation], schemas: Schemas
) -> tuple[Mapping[str, Messages], dict[str, Schema]]:
    """The messages of each operation by its name, and the components that they refer to.

    A choice among several messages is a component of its own, so that code generators give it a name.
    """
    messages: dict[str, Messages] = {}
    choices: dict[str, Schema] = {}
    for name, operation in operations.items():
        said: dict[str, Schema] = {who: schemas[type] for who, type in operation.messages.items()}
        if said and UPGRADED in operation.answers:
            said["any"] = said["server"] if len(said) == 1 else _choice(said.values())
        for who, schema in said.items():
            if "oneOf" in schema:
                component = f"{name}-{who if who in operation.messages else ''}-message"
                component = component.title().replace("-", "")
                choices[component] = {**schema, "description": _SPEAKERS[who]}
                said[who] = reference(component)
        messages[name] = said
    return messages, choices


def _choice(choices: Iterable[Schema]) -> Schema:
    """A choice among all members of these choices."""
    mapping = {type: ref for each in choices for type, ref in each["discriminator"]["mapping"].items()}
    return {
        "oneOf": [{"$ref": ref} for ref in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
