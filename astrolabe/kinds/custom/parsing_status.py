"""Reads from YAML how a rule finds the status, and its tests."""

from __future__ import annotations

import re
from typing import Any, cast, get_args

from astrolabe.kinds.custom import paths
from astrolabe.kinds.custom.parsing_parts import ROOTS, is_path, read_group_kinds, read_path, read_template
from astrolabe.kinds.custom.rule import Bound, Otherwise, StatusRule, Test
from astrolabe.kinds.custom.yaml_reader import Reader

STATUS_KEYS = (
    "static",
    "paused",
    "error",
    "pending",
    "unknown",
    "ready",
    "otherwise",
    "no-status",
    "observed",
    "by-references",
    "selected-by",
    "must-select",
)
TEST_KEYS = (
    "condition",
    "in",
    "label",
    "field",
    "is",
    "not",
    "reason",
    "not-reason",
    "severity",
    "above",
    "below",
    "exists",
    "all",
    "unless",
    "optional",
    "as",
    "message",
)
_CONDITIONS = paths.parse("status.conditions")
_TYPE = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*./_-]*")
#: Keys that mean nothing for a test of this.
_DO_NOT_GO: dict[str, tuple[str, ...]] = {
    "condition": ("above", "below"),
    "field": ("reason", "not-reason", "severity", "in", "label"),
    "all": ("is", "not", "reason", "not-reason", "in", "label", "above", "below", "exists"),
}
#: What is meant instead of such a key.
_HINTS = {
    ("field", "reason"): "; `as` gives the status a reason",
    ("field", "in"): "; write its words with `is`: [A, B]",
}


def read_status(reader: Reader) -> StatusRule:
    fields = reader.fields(STATUS_KEYS)
    by_references = fields["by-references"].flag() if "by-references" in fields else False
    ready = read_tests(fields.get("ready"))
    otherwise = (
        fields["otherwise"].word(get_args(Otherwise))
        if "otherwise" in fields
        else "unknown"
        if ready or by_references
        else "generic"
    )
    return StatusRule(
        paused=read_tests(fields["paused"]) if "paused" in fields else None,
        error=read_tests(fields.get("error")),
        pending=read_tests(fields.get("pending")),
        unknown=read_tests(fields.get("unknown")),
        ready=ready,
        otherwise=cast(Otherwise, otherwise),
        absent=cast(Any, fields["no-status"].word(("pending", "ready", "unknown")))
        if "no-status" in fields
        else "pending",
        observed=read_path(fields["observed"])
        if "observed" in fields
        else paths.parse("status.observedGeneration"),
        by_references=by_references,
        static=read_tests(fields.get("static")),
        selected_by=read_group_kinds(fields["selected-by"]) if "selected-by" in fields else (),
        must_select=fields["must-select"].flag() if "must-select" in fields else False,
    )


def read_tests(reader: Reader | None) -> tuple[Test, ...]:
    if reader is None or reader.is_absent:
        return ()
    return tuple(_test(each) for each in reader.items())


def _test(reader: Reader) -> Test:
    if reader.is_text:
        word = reader.text()
        return Test(conditions=_types(reader), within=_CONDITIONS, optional=word.endswith("?"))
    reader.what = "a test"
    fields = reader.fields(TEST_KEYS)
    subjects = [key for key in ("condition", "field", "all") if key in fields]
    if len(subjects) != 1:
        raise reader.error(
            "a test needs one of `condition`, `field` and `all`"
            + (f", not {' and '.join(subjects)} at once" if subjects else "")
        )
    subject = subjects[0]
    for key in _DO_NOT_GO[subject]:
        if key in fields:
            hint = _HINTS.get((subject, key), "")
            raise fields[key].error(f"{key!r} does not go with {subject!r}{hint}")
    return Test(
        conditions=_types(fields["condition"]) if subject == "condition" else (),
        within=(read_path(fields["in"]) if "in" in fields else _CONDITIONS) if subject == "condition" else (),
        label=read_path(fields["label"], roots=()) if "label" in fields else (),
        field=read_path(fields["field"]) if subject == "field" else (),
        is_value=fields["is"].texts() if "is" in fields else (),
        is_not=fields["not"].texts() if "not" in fields else (),
        reason=fields["reason"].texts() if "reason" in fields else (),
        not_reason=fields["not-reason"].texts() if "not-reason" in fields else (),
        severity=fields["severity"].texts() if "severity" in fields else (),
        above=_bound(fields.get("above")),
        below=_bound(fields.get("below")),
        exists=fields["exists"].flag() if "exists" in fields else None,
        all=read_tests(fields["all"]) if subject == "all" else (),
        unless=read_tests(fields.get("unless")),
        optional=fields["optional"].flag() if "optional" in fields else False,
        word=_word(fields.get("as")),
        message=read_template(fields.get("message")),
    )


def _types(reader: Reader) -> tuple[str, ...]:
    """Types of conditions."""
    types = tuple([text.rstrip("?") for text in reader.texts()])
    for type in types:
        if type.partition(".")[0] in ROOTS:
            raise reader.error(
                f"{type!r} is no type of a condition; a test of a field is written as"
                " {field: path, is: value}"
            )
        if not _TYPE.fullmatch(type):
            raise reader.error(f"{type!r} is no type of a condition, such as Ready")
    return types


def _word(reader: Reader | None) -> str:
    if reader is None:
        return ""
    text = reader.text()
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", text):
        raise reader.error(f"the reason {text!r} must be one word, such as NotScheduled")
    return text


def _bound(reader: Reader | None) -> Bound | None:
    if reader is None:
        return None
    if is_path(reader.text()):
        return Bound(path=read_path(reader))
    return Bound(number=reader.number())
