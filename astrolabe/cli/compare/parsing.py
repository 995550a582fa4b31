"""Parses answers as late as possible: for most parts it is enough that both texts are equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec


class _ObjectName(msgspec.Struct, frozen=True):
    kind: str = ""
    namespace: str | None = ""
    name: str = ""
    uid: str = ""

    @property
    def shown(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class _Ends(msgspec.Struct, frozen=True):
    type: str
    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")


def decoded(body: bytes | msgspec.Raw) -> Any:
    """The document, with its values or entries still as text; UNSET if it is not JSON."""
    shapes: tuple[Any, ...] = (dict[str, msgspec.Raw], list[msgspec.Raw], Any)
    for shape in shapes:
        try:
            return msgspec.json.decode(body, type=shape)
        except msgspec.ValidationError:
            continue
        except (msgspec.DecodeError, RecursionError):
            return msgspec.UNSET
    return msgspec.UNSET


def whole(document: Any) -> Any:
    """The document, fully decoded."""
    if isinstance(document, dict):
        return {key: read(value) for key, value in document.items()}
    if isinstance(document, list):
        return [read(entry) for entry in document]
    return document


def read(text: msgspec.Raw) -> Any:
    """The value; None if it is invalid inside: wrong encoding, or nested too deeply."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _identity(text: msgspec.Raw) -> _ObjectName:
    """The identity of an object; empty if it has none."""
    try:
        return msgspec.json.decode(text, type=_ObjectName)
    except (msgspec.MsgspecError, RecursionError):
        return _ObjectName()


def by_identity(texts: Iterable[msgspec.Raw]) -> dict[tuple[str, str], msgspec.Raw]:
    """(kind, name) → text. Names, not uids, since `/resources` has none."""
    return {(identity.kind, identity.shown): text for text in texts for identity in (_identity(text),)}


def uids_of(texts: Iterable[msgspec.Raw]) -> dict[str, str]:
    return {identity.uid: identity.shown for text in texts for identity in (_identity(text),)}


def by_ends(texts: Iterable[msgspec.Raw], names: Mapping[str, str]) -> dict[tuple[str, str], msgspec.Raw]:
    found = {}
    for text in texts:
        try:
            ends = msgspec.json.decode(text, type=_Ends)
        except (msgspec.MsgspecError, RecursionError):
            ends = _Ends("", "", "")
        source, target = (names.get(uid, uid) for uid in (ends.source, ends.target))
        found[ends.type, f"{source} → {target}"] = text
    return found
