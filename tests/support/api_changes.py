"""What a change of the OpenAPI document means for clients that were written for the old one.

Additions pass: paths, parameters that need not be given, keys, types of messages, values. What a client may
rely on is what is described; see `breaking_changes`.
"""

from __future__ import annotations

from typing import Any

from tests.support.schema_changes import Direction, Json, SchemaChanges, resolved


def breaking_changes(old: Json, new: Json) -> list[str]:
    """A line for each change that a client of the old document would notice."""
    changes = _ApiChanges(old, new)
    changes.compare()
    return sorted(changes.found)


class _ApiChanges:
    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        self._schemas = SchemaChanges(old, new)
        self.found = self._schemas.found

    def compare(self) -> None:
        for path, item in self._old["paths"].items():
            for method, operation in item.items():
                where = f"{method.upper()} {path}"
                kept = self._new["paths"].get(path, {}).get(method)
                if kept is None:
                    self._say(where, "the path is removed")
                else:
                    self._compare_operation(operation, kept, where)

    def _say(self, where: str, what: str) -> None:
        self.found[f"{where}: {what}"] = None

    def _compare_operation(self, old: Json, new: Json, where: str) -> None:
        if old["operationId"] != new["operationId"]:
            self._say(where, f"operationId is {new['operationId']}, was {old['operationId']}")
        if new.get("security") and not old.get("security"):
            self._say(where, "a token is needed now")
        self._compare_parameters(self._parameters(self._old, old), self._parameters(self._new, new), where)
        for status, answer in old["responses"].items():
            self._compare_answer(status, answer, new["responses"].get(status), where)
        self._compare_messages(old.get("x-messages", {}), new.get("x-messages", {}), where)

    @staticmethod
    def _parameters(document: Json, operation: Json) -> dict[tuple[str, str], Json]:
        listed = [resolved(document, each) for each in operation.get("parameters", ())]
        return {(each["in"], each["name"]): each for each in listed}

    def _compare_parameters(
        self, old: dict[tuple[str, str], Json], new: dict[tuple[str, str], Json], where: str
    ) -> None:
        for place, name in old:
            at = f"{where}: {place} parameter `{name}`"
            if (place, name) not in new:
                self._say(at, "is removed")
                continue
            before, after = old[place, name], new[place, name]
            self._schemas.compare(before["schema"], after["schema"], at, "requests")
        for place, name in new:
            is_new = not old.get((place, name), {}).get("required")
            if new[place, name].get("required") and is_new:
                self._say(f"{where}: {place} parameter `{name}`", "is required now")

    def _compare_answer(self, status: str, old: Json, new: Json | None, where: str) -> None:
        where = f"{where}: answer {status}"
        if new is None:
            if int(status) < 400:  # a refusal less is fine
                self._say(where, "is removed")
            return
        before, after = resolved(self._old, old), resolved(self._new, new)
        for name, header in before.get("headers", {}).items():
            kept = after.get("headers", {}).get(name)
            if kept is None:
                self._say(f"{where}, header {name}", "is removed")
            else:
                promised, given = resolved(self._old, header), resolved(self._new, kept)
                at = f"{where}, header {name}"
                self._schemas.compare(promised["schema"], given["schema"], at, "answers")
        for media, body in before.get("content", {}).items():
            if status == "101":
                continue  # whose messages are compared by who sends them
            kept = after.get("content", {}).get(media)
            if kept is None:
                self._say(where, f"there is no {media} any more")
            else:
                self._schemas.compare(body["schema"], kept["schema"], where, "answers")

    def _compare_messages(self, old: dict[str, Any], new: dict[str, Any], where: str) -> None:
        for who, schema in old.items():
            if who not in new:
                self._say(where, f"the {who} says nothing any more")
                continue
            direction: Direction = "answers" if who == "server" else "requests"
            self._schemas.compare(schema, new[who], f"{where}: messages of the {who}", direction)
