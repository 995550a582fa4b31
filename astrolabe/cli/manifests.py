"""Reads manifests from files as kubectl does: YAML of several documents, JSON, or a JSON object per line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import yaml


class Document(NamedTuple):
    """One object of a file. error: why it cannot be read; "" if it can. line: where it begins."""

    line: int
    object: dict[str, Any]
    error: str = ""


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: times stay texts, and only true and false are booleans."""


_Loader.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)

_SEPARATOR = re.compile(r"^---(?:\s.*)?$")


def documents(content: str) -> Iterator[Document]:
    """The objects of a file, in order. A list is the objects in it."""
    lines = content.split("\n")
    if _is_json_lines(lines):
        for at, line in enumerate(lines, 1):
            if line.strip():
                yield from _expand(at, *_from_json(line))
        return
    for at, text in _split(lines):
        yield from _expand(at, *_from_yaml(text))


#: Lines at the beginning of a file that say whether each is an object.
_LOOKED_AT = 100


def _is_json_lines(lines: list[str]) -> bool:
    """Whether it has one object per line (some may be broken), and not one object over several lines."""
    filled = [line for line in lines[:_LOOKED_AT] if line.strip()]
    if not filled or not filled[0].startswith("{"):
        return False
    return any(isinstance(_from_json(line)[0], dict) for line in filled if line.startswith("{"))


def _from_json(text: str) -> tuple[Any, str]:
    try:
        return msgspec.json.decode(text), ""
    except (msgspec.DecodeError, RecursionError) as error:
        return None, f"this is no JSON: {error}"


def _split(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The documents of a YAML file, each with the line of its beginning."""
    begin, part = 1, list[str]()
    for at, line in enumerate(lines, 1):
        if _SEPARATOR.match(line):
            yield begin, "\n".join(part)
            begin, part = at + 1, []
        else:
            part.append(line)
    yield begin, "\n".join(part)


def _from_yaml(text: str) -> tuple[Any, str]:
    try:
        return yaml.load(text, Loader=_Loader), ""
    except yaml.MarkedYAMLError as error:
        where = f" (line {error.problem_mark.line + 1} of the document)" if error.problem_mark else ""
        return None, f"not YAML: {error.problem}{where}"
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return None, f"not YAML: {' '.join(str(error).split())}"


def _expand(line: int, found: Any, error: str) -> Iterator[Document]:
    if error:
        yield Document(line, {}, error)
    elif found is None:
        return
    elif not isinstance(found, dict):
        yield Document(line, {}, "this is no object: a manifest is a mapping with apiVersion and kind")
    elif isinstance(found.get("items"), list) and str(found.get("kind", "List")).endswith("List"):
        for item in found["items"]:
            yield from _expand(line, item, "")
    else:
        yield Document(line, found)
