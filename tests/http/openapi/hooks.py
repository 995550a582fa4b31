"""What Schemathesis cannot know by itself; it imports this by its name."""

from __future__ import annotations

import re
from typing import Any

import schemathesis

from tests.support.description import closed

_NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_KEY = rf"([a-z0-9]([a-z0-9.-]{{0,20}}[a-z0-9])?/)?{_NAME}"
_REQUIREMENT = "|".join(
    [
        rf"!?{_KEY}",
        rf"{_KEY} ?(=|==|!=) ?({_NAME})?",
        rf"{_KEY} (in|notin) \(({_NAME})?(,({_NAME})?)*\)",
        rf"{_KEY}[<>][0-9]{{1,9}}",
    ]
)
#: What the document calls `label-selector`.
SELECTOR = rf"^(({_REQUIREMENT})(,({_REQUIREMENT}))*)?$"


@schemathesis.hook
def before_load_schema(_: Any, document: dict[str, Any]) -> None:
    """What the document says in words only: what a selector is, and that an empty value does not restrict; and
    that no answer has more than is described."""
    components = document["components"]
    schemas = {each["name"]: each["schema"] for each in components["parameters"].values()}
    schemas["selector"]["pattern"] = SELECTOR
    for name, component in (("kind", "Kind"), ("status", "Status")):
        schemas[name]["items"] = {"enum": [*components["schemas"][component]["enum"], ""]}
    schemas["variables"]["pattern"] = r"^(\{\})?$"  # JSON in a string
    # A client of GraphQL may send keys that this server does not know.
    components["schemas"] = {
        **closed(components["schemas"]),
        "GraphQLRequest": components["schemas"]["GraphQLRequest"],
    }


@schemathesis.hook
def before_call(_: Any, case: Any, __: Any) -> None:
    """What would be refused for good reasons is not sent, as other tests do: a place in history that is yet to
    come (503), a cluster that is not served, a search whose quotes do not close."""
    seq = str(case.query.get("min_seq", ""))
    if seq.isdecimal() and len(seq) <= 18:
        case.query["min_seq"] = 0
    clusters = case.query.get("cluster")
    if isinstance(clusters, str):
        case.query["cluster"] = "simulated"
    elif isinstance(clusters, list) and all(isinstance(each, str) for each in clusters):
        case.query["cluster"] = ["simulated"] * len(clusters)
    for name in ("kind", "status"):  # what is written as nothing at all is no wrong value
        values = case.query.get(name)
        if isinstance(values, list) and any(isinstance(each, list | dict) and not each for each in values):
            case.query[name] = ["no-such-value"]
    if isinstance(case.query.get("q"), str):  # quotes and brackets have to be closed
        case.query["q"] = re.sub(r"""["'()]""", "", case.query["q"])
