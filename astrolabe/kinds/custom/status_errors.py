"""Finds what a status of unknown shape says of errors: texts, lists, and flags that mean trouble."""

from __future__ import annotations

import re

import msgspec

from astrolabe.kinds.custom import words
from astrolabe.kinds.custom.conditions import text
from astrolabe.kinds.custom.status_scan import Raws, first_sign, is_past, message_in, parts, scalar
from astrolabe.kinds.custom.words import remembered

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])

#: Fields that hold the text of an error, or an object with one: `error`, `reconciliationError`.
_ERROR = re.compile(r"^error(?:Message|Reason)?$|^failureMessage$|[a-z]Error(?:Message)?$")
#: Texts with which such a field says that there is none.
_NO_ERROR = ("none", "false", "ok")


@remembered
def _is_error(name: str) -> bool:
    return bool(_ERROR.search(name)) and not is_past(name)


def error_in(status: Raws) -> tuple[str, str]:
    """The text of an error, and its path."""
    for key, raw in status.items():
        if not _is_error(key):
            continue
        if first_sign(raw) == b"{":
            inner = _OBJECT.decode(raw)
            for name in ("message", "description"):
                if said := text(scalar(inner, name)):
                    return said, f"status.{key}.{name}"
        elif (said := text(scalar(status, key))) and said.lower() not in _NO_ERROR:
            return said, f"status.{key}"
    return "", ""


def listed_error(status: Raws, key: str) -> tuple[str, str]:
    """The first error of a list, and where it is: `problems`."""
    raw = status.get(key)
    for each in _LIST.decode(raw)[:1] if raw is not None and first_sign(raw) == b"[" else ():
        return _said(each), f"status.{key}"
    return "", ""


def part_error(status: Raws) -> tuple[str, str]:
    """The first error that a part lists, and where: `byPod[].errors[].message`."""
    for key, raw in status.items():
        if key == "conditions" or first_sign(raw) != b"[" or is_past(key) or b'"errors"' not in bytes(raw):
            continue
        for part, where in parts(key, raw):
            errors = part.get("errors")
            for each in _LIST.decode(errors)[:1] if errors is not None and first_sign(errors) == b"[" else ():
                return _said(each), f"{where}.errors"
    return "", ""


def _said(raw: msgspec.Raw) -> str:
    return message_in(_OBJECT.decode(raw)) if first_sign(raw) == b"{" else text(scalar({"": raw}, ""))


def bad_flag(status: Raws) -> str:
    """A true flag that means trouble, or `valid` that is false; "" if there is none."""
    if scalar(status, "valid") is False:
        return "status.valid"
    for key, raw in status.items():
        if bytes(raw) == b"true" and words.is_bad(f"{key[:1].upper()}{key[1:]}"):
            return f"status.{key}"
    return ""
