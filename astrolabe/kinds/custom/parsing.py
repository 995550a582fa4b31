"""Reads rules from YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast, get_args

from msgspec.structs import replace

from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.custom import paths
from astrolabe.kinds.custom.paths import Path, PathError
from astrolabe.kinds.custom.projection import readable
from astrolabe.kinds.custom.rule import (
    Bound,
    KindRule,
    MessageTemplate,
    Otherwise,
    Packing,
    Permissions,
    ReferenceRule,
    SelectionRule,
    StatusRule,
    Subsets,
    Test,
)
from astrolabe.kinds.custom.yaml_reader import Reader, RuleError, documents
from astrolabe.kinds.kind import LAYERS

RULE_KEYS = (
    "kind",
    "versions",
    "scope",
    "layer",
    "status",
    "references",
    "metadata",
    "aliases",
    "hosts",
    "subsets",
    "permits",
)
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
REFERENCE_KEYS = (
    "edge",
    "to",
    "at",
    "name",
    "called",
    "namespace",
    "home",
    "at-home",
    "beside",
    "else-in",
    "host",
    "kind",
    "group",
    "apiVersion",
    "uid",
    "packed",
    "selector",
    "labels",
    "namespaceSelector",
    "namespaceNames",
    "everywhere",
    "optional",
    "secondIf",
    "ignore",
    "reverse",
    "permit",
    "cluster",
    "when",
)
#: The rule of every kind that has none of its own.
ANY = GroupKind("*", "*")
_ROOTS = ("metadata", "spec", "status")
_GROUP_KIND = re.compile(r"[A-Z][A-Za-z0-9]*(?:\.(?:\*|[a-z0-9][a-z0-9.-]*))?\Z")


def parse_rules(source: str, content: str | bytes) -> list[KindRule]:
    """The rules of one file. Raises RuleError."""
    found: list[KindRule] = []
    for document in documents(source, content):
        for rule in _rules(document):
            if any(rule.id == other.id for other in found):
                raise document.error(f"{_name(rule.id)} has a rule already in this file; put them together")
            found.append(rule)
    if not found:
        raise RuleError(source, 1, "the file has no rule; a rule begins with `kind: Name.group`")
    return found


def _rules(document: Reader) -> list[KindRule]:
    fields = document.fields(RULE_KEYS)
    if "kind" not in fields:
        raise document.error("a rule needs `kind: Name.group`, such as `kind: Certificate.cert-manager.io`")
    kinds = [fields["kind"]] if fields["kind"].is_text else list(fields["kind"].items())
    status = fields.get("status")
    references = fields.get("references")
    shared: dict[str, Any] = {
        "source": document.source,
        "versions": fields["versions"].texts() if "versions" in fields else (),
        "cluster_scoped": "scope" in fields and fields["scope"].word(("namespaced", "cluster")) == "cluster",
        "layer": fields["layer"].word(LAYERS) if "layer" in fields else None,
        "status": _status(status) if status is not None and not status.is_absent else None,
        "references": tuple(_reference(each) for each in references.items()) if references else (),
        "metadata": tuple((key, _path(value)) for key, value in fields["metadata"].fields().items())
        if "metadata" in fields
        else (),
        "aliases": _aliases(fields),
        "wide_aliases": "hosts" in fields or "subsets" in fields,
        "permits": _permissions(fields["permits"]) if "permits" in fields else None,
        "subsets": _subsets(fields["subsets"]) if "subsets" in fields else None,
    }
    if references is not None:
        _check_beside(references, shared["references"])
    return [KindRule(id=_group_kind(kind), line=kind.line, **shared) for kind in kinds]


def _check_beside(reader: Reader, references: tuple[ReferenceRule, ...]) -> None:
    """Raise for a reference beside edges that the kind does not have."""
    selecting = {each.edge for each in references if each.select is not None}
    for item, each in zip(reader.items(), references, strict=True):
        if each.beside and each.beside not in selecting:
            raise item.error(
                f"`beside: {each.beside}` needs a reference with `edge: {each.beside}` that selects by labels"
            )


def _aliases(fields: Mapping[str, Reader]) -> Path:
    if "aliases" in fields and "hosts" in fields:
        raise fields["hosts"].error("a rule has either `aliases` or `hosts`")
    given = fields.get("aliases") or fields.get("hosts")
    return _path(given) if given is not None else ()


def _permissions(reader: Reader) -> Permissions:
    fields = reader.fields(("from", "to"))
    if len(fields) < 2:
        raise reader.error("`permits` needs `from` and `to`, the lists of who may refer and to what")
    return Permissions(_path(fields["from"]), _path(fields["to"]))


def _subsets(reader: Reader) -> Subsets:
    fields = reader.fields(("host", "name", "labels"))
    if not {"host", "name"} <= fields.keys():
        raise reader.error("`subsets` needs `host` and `name`, the paths of the host and of its subsets")
    labels = _path(fields["labels"]) if "labels" in fields else ()
    if "labels" in fields and not paths.last_many(labels):
        raise fields["labels"].error(
            "`labels` of `subsets` must be a path of many, such as spec.subsets[].labels"
        )
    return Subsets(_path(fields["host"]), _path(fields["name"]), labels)


def _name(kind: GroupKind) -> str:
    return f"{kind.kind}.{kind.group}" if kind.group else kind.kind


def _group_kind(reader: Reader) -> GroupKind:
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


def _path(reader: Reader, *, roots: tuple[str, ...] = _ROOTS) -> Path:
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


def _paths(reader: Reader | None) -> tuple[Path, ...]:
    if reader is None:
        return ()
    return (_path(reader),) if reader.is_text else tuple(map(_path, reader.items()))


# Status


def _status(reader: Reader) -> StatusRule:
    fields = reader.fields(STATUS_KEYS)
    by_references = fields["by-references"].flag() if "by-references" in fields else False
    ready = _tests(fields.get("ready"))
    otherwise = (
        fields["otherwise"].word(get_args(Otherwise))
        if "otherwise" in fields
        else "unknown"
        if ready or by_references
        else "generic"
    )
    return StatusRule(
        paused=_tests(fields["paused"]) if "paused" in fields else None,
        error=_tests(fields.get("error")),
        pending=_tests(fields.get("pending")),
        unknown=_tests(fields.get("unknown")),
        ready=ready,
        otherwise=cast(Otherwise, otherwise),
        absent=cast(Any, fields["no-status"].word(("pending", "ready", "unknown")))
        if "no-status" in fields
        else "pending",
        observed=_path(fields["observed"])
        if "observed" in fields
        else paths.parse("status.observedGeneration"),
        by_references=by_references,
        static=_tests(fields.get("static")),
        selected_by=_group_kinds(fields["selected-by"]) if "selected-by" in fields else (),
        must_select=fields["must-select"].flag() if "must-select" in fields else False,
    )


def _group_kinds(reader: Reader) -> tuple[GroupKind, ...]:
    return tuple(map(_group_kind, [reader] if reader.is_text else reader.items()))


def _tests(reader: Reader | None) -> tuple[Test, ...]:
    if reader is None or reader.is_absent:
        return ()
    return tuple(_test(each) for each in reader.items())


#: Keys that mean nothing for a test of this.
_DO_NOT_GO: dict[str, tuple[str, ...]] = {
    "condition": ("above", "below"),
    "field": ("reason", "not-reason", "severity", "in", "label"),
    "all": ("is", "not", "reason", "not-reason", "in", "label", "above", "below", "exists"),
}


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
            hint = "; `as` gives the status a reason" if key == "reason" else ""
            raise fields[key].error(f"{key!r} does not go with {subject!r}{hint}")
    return Test(
        conditions=_types(fields["condition"]) if subject == "condition" else (),
        within=(_path(fields["in"]) if "in" in fields else _CONDITIONS) if subject == "condition" else (),
        label=_path(fields["label"], roots=()) if "label" in fields else (),
        field=_path(fields["field"]) if subject == "field" else (),
        is_value=fields["is"].texts() if "is" in fields else (),
        is_not=fields["not"].texts() if "not" in fields else (),
        reason=fields["reason"].texts() if "reason" in fields else (),
        not_reason=fields["not-reason"].texts() if "not-reason" in fields else (),
        severity=fields["severity"].texts() if "severity" in fields else (),
        above=_bound(fields.get("above")),
        below=_bound(fields.get("below")),
        exists=fields["exists"].flag() if "exists" in fields else None,
        all=_tests(fields["all"]) if subject == "all" else (),
        unless=_tests(fields.get("unless")),
        optional=fields["optional"].flag() if "optional" in fields else False,
        word=_word(fields.get("as")),
        message=_template(fields.get("message")),
    )


_CONDITIONS = paths.parse("status.conditions")
_TYPE = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*./_-]*")


def _types(reader: Reader) -> tuple[str, ...]:
    """Types of conditions."""
    types = tuple([text.rstrip("?") for text in reader.texts()])
    for type in types:
        if type.partition(".")[0] in _ROOTS:
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
    if _is_path(reader.text()):
        return Bound(path=_path(reader))
    return Bound(number=reader.number())


def _is_path(text: str) -> bool:
    """Whether a text that may be something else is meant as a path, be it one that is refused."""
    return " " not in text and text.lstrip("$.").partition(".")[0] in _ROOTS


def _template(reader: Reader | None) -> MessageTemplate | None:
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
        return replace(_filled(fields["say"], roots=()), each=_path(fields["each"]))
    if _is_path(reader.text()):
        return MessageTemplate(("", ""), (_path(reader),))
    return _filled(reader)


def _filled(reader: Reader, *, roots: tuple[str, ...] = _ROOTS) -> MessageTemplate:
    """A text with {paths} in it."""
    parts = re.split(r"\{([^{}]*)\}", reader.text())
    if any(sign in part for part in parts[::2] for sign in "{}"):
        raise reader.error(f"{reader.what}: a brace is open in {reader.text()!r}; paths stand in {{ and }}")
    inner = tuple([_parsed(reader, part, roots) for part in parts[1::2]])
    return MessageTemplate(tuple(parts[::2]), inner)


# References


def _reference(reader: Reader) -> ReferenceRule:
    reader.what = "a reference"
    fields = reader.fields(REFERENCE_KEYS)
    for key in ("edge", "to"):
        if key not in fields:
            raise reader.error(f"a reference needs `{key}`")
    edge = fields["edge"].word(tuple(EDGE_TYPES))
    to = fields["to"]
    any_kind = to.is_text and to.text() == "any"
    select = _selection(fields)
    named = [key for key in ("name", "at") if key in fields]
    if select is None and not named:
        raise reader.error("a reference needs `at: path`, `name: path`, or `selector` or `labels`")
    if select is not None and named:
        raise fields[named[0]].error("a reference has either a name or a selector")
    at = _path(fields["at"]) if "at" in fields else ()
    packed = fields["packed"].word(get_args(Packing)[1:]) if "packed" in fields else ""
    needs_kind = any_kind and packed not in ("flux-inventory", "kind/namespace/name", "sibling")
    if needs_kind and "kind" not in fields and not at:
        raise to.error("`to: any` needs `kind: path`, which says where the kind stands")
    if "secondIf" in fields and len(list(to.items()) if to.is_list else ()) != 2:
        raise fields["secondIf"].error("`secondIf` needs two kinds in `to`")
    optional, optional_if = _optional(fields.get("optional"))
    beside = _beside(fields)
    template = _filled(fields["name"]) if "name" in fields and _is_template(fields["name"]) else None
    if "called" in fields:
        template = MessageTemplate((fields["called"].text(),), ())
    return ReferenceRule(
        edge=edge,
        to=() if any_kind else _group_kinds(to),
        any_kind=any_kind,
        kind=_part(fields, at, "kind"),
        group=_part(fields, at, "group"),
        api_version=_part(fields, at, "apiVersion"),
        uid=_path(fields["uid"]) if "uid" in fields else (),
        names=_names(fields, at) if named else (),
        template=template,
        namespace=_part(fields, at, "namespace"),
        home=fields["home"].text() if "home" in fields else "",
        at_home=fields["at-home"].flag() if "at-home" in fields else False,
        beside=beside,
        else_in=fields["else-in"].texts() if "else-in" in fields else (),
        host=_path(fields["host"]) if "host" in fields else (),
        at=at,
        packed=cast(Packing, packed),
        select=select,
        optional=optional,
        optional_if=optional_if,
        ignore=fields["ignore"].texts() if "ignore" in fields else (),
        second_if=_path(fields["secondIf"]) if "secondIf" in fields else (),
        reverse=fields["reverse"].flag() if "reverse" in fields else False,
        permit=fields["permit"].flag() if "permit" in fields else False,
        cluster=_paths(fields["cluster"]) if "cluster" in fields else (),
        when=_tests(fields.get("when")),
        line=reader.line,
    )


def _beside(fields: Mapping[str, Reader]) -> str:
    """The type of the edges that lead to its namespace; "" if none do."""
    if "beside" not in fields:
        if "else-in" in fields:
            raise fields["else-in"].error("`else-in` needs `beside`, which says where to look first")
        return ""
    for key in (
        "namespace",
        "selector",
        "labels",
        "uid",
        "reverse",
        "permit",
        "cluster",
        "host",
        "home",
        "at-home",
    ):
        if key in fields:
            raise fields[key].error(
                f"a reference with `beside` has no `{key}`: its namespace is that of what is selected"
            )
    return fields["beside"].word(tuple(EDGE_TYPES))


def _optional(given: Reader | None) -> tuple[bool, Path]:
    """Whether a reference may be missing: always, or if a field is true."""
    if given is None:
        return False, ()
    if given.is_text and given.text() in ("true", "false"):
        return given.flag(), ()
    return False, _path(given)


def _is_template(reader: Reader) -> bool:
    return reader.is_text and "{" in reader.text().lstrip("{")


def _names(fields: Mapping[str, Reader], at: Path) -> tuple[Path, ...]:
    """The path of the name. If it is made from several fields, the path of the first one."""
    given = fields.get("name")
    if given is None:
        return ((*at, paths.Key("name")),)
    return _filled(given).paths[:1] if _is_template(given) else _paths(given)


def _part(fields: Mapping[str, Reader], at: Path, key: str) -> Path:
    """The path of a part of a reference: the one in the rule, or else inside the object that `at` names."""
    if key in fields:
        return _path(fields[key])
    return (*at, paths.Key(key)) if at else ()


def _selection(fields: Mapping[str, Reader]) -> SelectionRule | None:
    given = [key for key in ("selector", "labels") if key in fields]
    if not given:
        for key in ("namespaceSelector", "namespaceNames", "everywhere"):
            if key in fields:
                raise fields[key].error(f"{key!r} needs `selector` or `labels` beside it")
        return None
    if len(given) > 1:
        raise fields["labels"].error("a reference has either `selector` or `labels`")
    places = [key for key in ("namespaceSelector", "namespaceNames", "everywhere") if key in fields]
    if len(places) > 1:
        raise fields[places[1]].error(f"a reference has either `{places[0]}` or `{places[1]}`")
    return SelectionRule(
        selector=_path(fields["selector"]) if "selector" in fields else (),
        labels=_path(fields["labels"]) if "labels" in fields else (),
        namespace_selector=_path(fields["namespaceSelector"]) if "namespaceSelector" in fields else (),
        namespace_names=_path(fields["namespaceNames"]) if "namespaceNames" in fields else (),
        everywhere=fields["everywhere"].flag() if "everywhere" in fields else False,
    )
