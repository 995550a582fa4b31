"""Reads rules from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from astrolabe.kinds.custom import paths
from astrolabe.kinds.custom.parsing_parts import kind_name, read_group_kind, read_path
from astrolabe.kinds.custom.parsing_references import check_beside, read_reference
from astrolabe.kinds.custom.parsing_status import read_status
from astrolabe.kinds.custom.paths import Path
from astrolabe.kinds.custom.rule import KindRule, Permissions, Subsets
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


def parse_rules(source: str, content: str | bytes) -> list[KindRule]:
    """The rules of one file. Raises RuleError."""
    found: list[KindRule] = []
    for document in documents(source, content):
        for rule in _rules(document):
            if any(rule.id == other.id for other in found):
                name = kind_name(rule.id)
                raise document.error(f"{name} has a rule already in this file; put them together")
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
        "status": read_status(status) if status is not None and not status.is_absent else None,
        "references": tuple(read_reference(each) for each in references.items()) if references else (),
        "metadata": tuple((key, read_path(value)) for key, value in fields["metadata"].fields().items())
        if "metadata" in fields
        else (),
        "aliases": _aliases(fields),
        "wide_aliases": "hosts" in fields or "subsets" in fields,
        "permits": _permissions(fields["permits"]) if "permits" in fields else None,
        "subsets": _subsets(fields["subsets"]) if "subsets" in fields else None,
    }
    if references is not None:
        check_beside(references, shared["references"])
    return [KindRule(id=read_group_kind(kind), line=kind.line, **shared) for kind in kinds]


def _aliases(fields: Mapping[str, Reader]) -> Path:
    if "aliases" in fields and "hosts" in fields:
        raise fields["hosts"].error("a rule has either `aliases` or `hosts`")
    given = fields.get("aliases") or fields.get("hosts")
    return read_path(given) if given is not None else ()


def _permissions(reader: Reader) -> Permissions:
    fields = reader.fields(("from", "to"))
    if len(fields) < 2:
        raise reader.error("`permits` needs `from` and `to`, the lists of who may refer and to what")
    return Permissions(read_path(fields["from"]), read_path(fields["to"]))


def _subsets(reader: Reader) -> Subsets:
    fields = reader.fields(("host", "name", "labels"))
    if not {"host", "name"} <= fields.keys():
        raise reader.error("`subsets` needs `host` and `name`, the paths of the host and of its subsets")
    labels = read_path(fields["labels"]) if "labels" in fields else ()
    if "labels" in fields and not paths.last_many(labels):
        raise fields["labels"].error(
            "`labels` of `subsets` must be a path of many, such as spec.subsets[].labels"
        )
    return Subsets(read_path(fields["host"]), read_path(fields["name"]), labels)
