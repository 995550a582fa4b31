"""Reads from YAML what all parts of a rule have: kinds, paths and messages."""

from __future__ import annotations

import re

from msgspec.structs import replace

from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.custom import paths
from astrolabe.kinds.custom.paths import Path, PathError
from astrolabe.kinds.custom.projection import readable
from astrolabe.kinds.custom.rule import MessageTemplate
from astrolabe.kinds.custom.yaml_reader import Reader

#: The rule of every kind that has none of its own.
ANY = GroupKind("*", "*")
ROOTS = ("metadata", "spec", "status")
_GROUP_KIND = re.compile(r"[A-Z][A-Za-z0-9]*(?:\.(?:\*|[a-z0-9][a-z0-9.-]*))?\Z")


def kind_name(kind: GroupKind) -> str:
    return f"{kind.kind}.{kind.group}" if kind.group else kind.kind


def read_group_kind(reader: Reader) -> GroupKind:
    text = reader.text()
    if text == "*":
        return ANY
    if not _GROUP_KIND.match(text):
        raise reader.error(
            f"{text!r} is no kind; write it as Kind.group, such as Certificate.cert-manager.io,"
            " or of Kubernetes' own as Kind, such as Secret"
        )
    kind, _, group = text.partition(".")
    return GroupKind(group, kind)


def read_group_kinds(reader: Reader) -> tuple[GroupKind, ...]:
    return tuple(map(read_group_kind, [reader] if reader.is_text else reader.items()))


def read_path(reader: Reader, *, roots: tuple[str, ...] = ROOTS) -> Path:
    return _parsed(reader, reader.text(), roots)


def _parsed(reader: Reader, text: str, roots: tuple[str, ...]) -> Path:
    try:
        path = paths.parse(text)
    except PathError as error:
        raise reader.error(f"{reader.what}: {error}") from error
    first = path[0]
    # A few kinds keep their fields at the top; a misspelt root is likelier.
    if roots and first not in [paths.Key(root) for root in (*roots, "data", "scope", "results", "summary")]:
        raise reader.error(f"{reader.what}: the path {text!r} must begin with {', '.join(roots)}")
    if not readable(path):
        raise reader.error(
            f"{reader.what}: {text!r} is not read; of the metadata there are name, namespace, uid,"
            " generation, labels[key] and annotations[key]"
        )
    return path


def read_paths(reader: Reader | None) -> tuple[Path, ...]:
    if reader is None:
        return ()
    return (read_path(reader),) if reader.is_text else tuple(map(read_path, reader.items()))


def is_path(text: str) -> bool:
    """Whether a text that may be something else is meant as a path, be it one that is refused."""
    return " " not in text and text.lstrip("$.").partition(".")[0] in ROOTS


def read_template(reader: Reader | None) -> MessageTemplate | None:
    """A path, or a text with {paths} in it, or several; the first that is not empty counts."""
    if reader is None:
        return None
    given = list(reader.items()) if reader.is_list else [reader]
    found: MessageTemplate | None = None
    for each in reversed(given):
        found = replace(_one_template(each), instead=found)
    return found


def _one_template(reader: Reader) -> MessageTemplate:
    if not reader.is_text:
        fields = reader.fields(("each", "say"))
        if len(fields) < 2:
            raise reader.error("a message of elements needs `each: path` and `say: text with {paths}`")
        return replace(read_filled(fields["say"], roots=()), each=read_path(fields["each"]))
    if is_path(reader.text()):
        return MessageTemplate(("", ""), (read_path(reader),))
    return read_filled(reader)


def read_filled(reader: Reader, *, roots: tuple[str, ...] = ROOTS) -> MessageTemplate:
    """A text with {paths} in it."""
    parts = re.split(r"\{([^{}]*)\}", reader.text())
    if any(sign in part for part in parts[::2] for sign in "{}"):
        raise reader.error(f"{reader.what}: a brace is open in {reader.text()!r}; paths stand in {{ and }}")
    inner = tuple([_parsed(reader, part, roots) for part in parts[1::2]])
    return MessageTemplate(tuple(parts[::2]), inner)


def is_template(reader: Reader) -> bool:
    return reader.is_text and "{" in reader.text().lstrip("{")
