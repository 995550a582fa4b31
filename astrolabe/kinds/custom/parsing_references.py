"""Reads from YAML the references of a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast, get_args

from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.kinds.custom.parsing_parts import (
    is_template,
    read_filled,
    read_group_kinds,
    read_path,
    read_paths,
)
from astrolabe.kinds.custom.parsing_status import read_tests
from astrolabe.kinds.custom.paths import Key, Path
from astrolabe.kinds.custom.rule import MessageTemplate, Packing, ReferenceRule, SelectionRule
from astrolabe.kinds.custom.yaml_reader import Reader

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


def read_reference(reader: Reader) -> ReferenceRule:
    fields = _fields(reader)
    edge = fields["edge"].word(tuple(EDGE_TYPES))
    to = fields["to"]
    any_kind = to.is_text and to.text() == "any"
    select = _selection(fields)
    named = [key for key in ("name", "at") if key in fields]
    _check_ends(reader, named, fields, selects=select is not None)
    at = read_path(fields["at"]) if "at" in fields else ()
    packed = fields["packed"].word(get_args(Packing)[1:]) if "packed" in fields else ""
    needs_kind = any_kind and packed not in ("flux-inventory", "kind/namespace/name", "sibling")
    if needs_kind and "kind" not in fields and not at:
        raise to.error("`to: any` needs `kind: path`, which says where the kind stands")
    if "secondIf" in fields and len(list(to.items()) if to.is_list else ()) != 2:
        raise fields["secondIf"].error("`secondIf` needs two kinds in `to`")
    optional, optional_if = _optional(fields.get("optional"))
    beside = _beside(fields)
    template = read_filled(fields["name"]) if "name" in fields and is_template(fields["name"]) else None
    if "called" in fields:
        template = MessageTemplate((fields["called"].text(),), ())
    return ReferenceRule(
        edge=edge,
        to=() if any_kind else read_group_kinds(to),
        any_kind=any_kind,
        kind=_part(fields, at, "kind"),
        group=_part(fields, at, "group"),
        api_version=_part(fields, at, "apiVersion"),
        uid=read_path(fields["uid"]) if "uid" in fields else (),
        names=_names(fields, at) if named else (),
        template=template,
        namespace=_part(fields, at, "namespace"),
        home=fields["home"].text() if "home" in fields else "",
        at_home=fields["at-home"].flag() if "at-home" in fields else False,
        beside=beside,
        else_in=fields["else-in"].texts() if "else-in" in fields else (),
        host=read_path(fields["host"]) if "host" in fields else (),
        at=at,
        packed=cast(Packing, packed),
        select=select,
        optional=optional,
        optional_if=optional_if,
        ignore=fields["ignore"].texts() if "ignore" in fields else (),
        second_if=read_path(fields["secondIf"]) if "secondIf" in fields else (),
        reverse=fields["reverse"].flag() if "reverse" in fields else False,
        permit=fields["permit"].flag() if "permit" in fields else False,
        cluster=read_paths(fields["cluster"]) if "cluster" in fields else (),
        when=read_tests(fields.get("when")),
        line=reader.line,
    )


def _fields(reader: Reader) -> Mapping[str, Reader]:
    reader.what = "a reference"
    fields = reader.fields(REFERENCE_KEYS)
    for key in ("edge", "to"):
        if key not in fields:
            raise reader.error(f"a reference needs `{key}`")
    return fields


def _check_ends(reader: Reader, named: Sequence[str], fields: Mapping[str, Reader], *, selects: bool) -> None:
    """Raise for a reference that says nothing of its target, or that both names and selects it."""
    if not selects and not named:
        raise reader.error("a reference needs `at: path`, `name: path`, or `selector` or `labels`")
    if selects and named:
        raise fields[named[0]].error("a reference has either a name or a selector")


def check_beside(reader: Reader, references: tuple[ReferenceRule, ...]) -> None:
    """Raise for a reference beside edges that the kind does not have."""
    selecting = {each.edge for each in references if each.select is not None}
    for item, each in zip(reader.items(), references, strict=True):
        if each.beside and each.beside not in selecting:
            raise item.error(
                f"`beside: {each.beside}` needs a reference with `edge: {each.beside}` that selects by labels"
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
    return False, read_path(given)


def _names(fields: Mapping[str, Reader], at: Path) -> tuple[Path, ...]:
    """The path of the name. If it is made from several fields, the path of the first one."""
    given = fields.get("name")
    if given is None:
        return ((*at, Key("name")),)
    return read_filled(given).paths[:1] if is_template(given) else read_paths(given)


def _part(fields: Mapping[str, Reader], at: Path, key: str) -> Path:
    """The path of a part of a reference: the one in the rule, or else inside the object that `at` names."""
    if key in fields:
        return read_path(fields[key])
    return (*at, Key(key)) if at else ()


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
        selector=read_path(fields["selector"]) if "selector" in fields else (),
        labels=read_path(fields["labels"]) if "labels" in fields else (),
        namespace_selector=read_path(fields["namespaceSelector"]) if "namespaceSelector" in fields else (),
        namespace_names=read_path(fields["namespaceNames"]) if "namespaceNames" in fields else (),
        everywhere=fields["everywhere"].flag() if "everywhere" in fields else False,
    )
