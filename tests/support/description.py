"""The OpenAPI document of a server, and validation of JSON against it."""

from __future__ import annotations

from typing import Any

from jsonschema_rs import Draft202012Validator

Json = dict[str, Any]


def closed(part: Any) -> Any:
    """The same schemas, with no key of an object but those that are described: what is served has no others."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    shut = {key: closed(value) for key, value in part.items()}
    if part.get("type") == "object" and "properties" in part:
        shut.setdefault("additionalProperties", False)
    return shut


class Described:
    """An OpenAPI document, by which others are judged."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self._components = closed(document["components"])
        self._validators: dict[str, Draft202012Validator] = {}

    def faults(self, pointer: str, instance: Any) -> list[str]:
        """Where the instance is not as the schema at this JSON pointer says."""
        validator = self._validators.get(pointer)
        if validator is None:
            schema = {"components": self._components, "$ref": f"#{pointer}"}
            validator = self._validators[pointer] = Draft202012Validator(schema, validate_formats=True)
        return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(instance)]

    def faults_of(self, component: str, instance: Any) -> list[str]:
        """Where the instance is not as the component says."""
        return self.faults(f"/components/schemas/{component}", instance)

    def faults_said(self, path: str, who: str, message: Json) -> list[str]:
        """Where a message is none that `who` (server, client) sends on this path."""
        spoken = self._spoken(path, who)
        if "discriminator" in spoken:
            known = spoken["discriminator"]["mapping"]
            if message["type"] not in known:
                return [f"{who} never says {message['type']}"]
            return self.faults(known[message["type"]].removeprefix("#"), message)
        return self.faults(spoken["$ref"].removeprefix("#"), message)

    def types_said(self, path: str, who: str) -> set[str]:
        """The types of the messages that `who` sends on this path."""
        return set(self._spoken(path, who)["discriminator"]["mapping"])

    def _spoken(self, path: str, who: str) -> Json:
        spoken: Json = self.document["paths"][path]["get"]["x-messages"][who]
        component: Json = self.document["components"]["schemas"][spoken["$ref"].rpartition("/")[2]]
        return component if "discriminator" in component else spoken
