"""`astrolabe rules explain`: what Astrolabe makes of manifests, or of a kind, without a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec

from astrolabe.cli.manifests import Document
from astrolabe.graph.model.faults import InvalidObjectError, where
from astrolabe.graph.model.links import Link, Ref, RefBeside, RefByUid, Select
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.entry import CustomKind, entry_of
from astrolabe.kinds.custom.paths import show
from astrolabe.kinds.custom.rule import KindRule
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.kind import Kind


class Explained(msgspec.Struct, rename="camel", kw_only=True):
    """What becomes of one manifest. rule: the file of its rule; None for a built-in kind, or one without.

    error: why it cannot be decoded; then the rest is None.
    """

    kind: str | None = None
    api_version: str | None = None
    name: str | None = None
    namespace: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    since: str | None = None
    decided_by: str | None = None
    rule: str | None = None
    metadata: dict[str, Any] = {}
    references: list[dict[str, Any]] = []
    error: str | None = None


class Explainer:
    """Explains manifests with the rules of a book."""

    def __init__(self, book: RuleBook) -> None:
        self._book = book
        self._builtin = builtin_catalogue()
        self._entry = cache(self._make)

    def explain(self, document: Document) -> Explained:
        """What becomes of one object of a file."""
        if document.error:
            return Explained(error=f"line {document.line}: {document.error}")
        given = document.object
        kind, api_version = given.get("kind"), given.get("apiVersion")
        meta = given.get("metadata")
        meta = meta if isinstance(meta, dict) else {}
        if not isinstance(kind, str) or not isinstance(api_version, str) or not kind or not api_version:
            return Explained(
                name=_text(meta.get("name")),
                error=f"line {document.line}: the object has no kind or no apiVersion; write both",
            )
        named = Explained(
            kind=kind,
            api_version=api_version,
            name=_text(meta.get("name")),
            namespace=_text(meta.get("namespace")),
        )
        entry = self._entry(
            GroupKind.of(api_version, kind), api_version.rpartition("/")[2], bool(named.namespace)
        )
        try:
            self._fill(named, entry, {**given, "metadata": {"uid": "", **meta}})
        except InvalidObjectError as error:
            named.error = f"it is left out: it {error}"
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            named.error = f"it cannot be decoded: {error}"
        except Exception as error:  # a rule that fails on one odd object
            named.error = f"its rule failed: {where(error)}"
        return named

    def _fill(self, named: Explained, entry: Kind[Any], manifest: dict[str, Any]) -> None:
        decoded = entry.decoder.decode(msgspec.json.encode(manifest))
        facts = entry.facts(decoded)
        named.status, named.reason = facts.status.severity, facts.status.reason
        named.message, named.since = facts.status.message, facts.status.since
        metadata = dict(facts.metadata)
        named.decided_by = metadata.pop("decidedBy", None)
        named.metadata = metadata
        named.rule = entry.rule or None if isinstance(entry, CustomKind) else None
        named.references = [reference(link) for link in facts.links]
        named.references += [reference_beside(each) for each in facts.beside]

    def _make(self, id: GroupKind, version: str, namespaced: bool) -> Kind[Any]:
        builtin = self._builtin.get(id)
        if builtin is not None and builtin.id == id:
            return builtin
        return entry_of(definition_of(id, self._book.find(id), version, namespaced), self._book)


def definition_of(id: GroupKind, rule: KindRule | None, version: str, namespaced: bool) -> Definition:
    """What is known about a kind without a cluster."""
    cluster_scoped = not namespaced if rule is None else rule.cluster_scoped
    versions = (version, *(rule.versions if rule is not None else ())) if version else ("v1",)
    return Definition(
        group=id.group,
        kind=id.kind,
        plural=f"{id.kind.lower()}s",
        versions=tuple([ServedVersion(name) for name in dict.fromkeys(versions)]),
        namespaced=not cluster_scoped,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def reference_beside(each: RefBeside) -> dict[str, Any]:
    """The same of one that follows what the object selects."""
    told = reference(each.ref)
    del told["namespace"]
    return {**told, "namespaces": f"those of what it {each.beside}"}


def reference(link: Link) -> dict[str, Any]:
    """A link as it is told."""
    told: dict[str, Any] = {"edge": link.type, "kind": link.kind}
    match link:
        case Ref():
            told |= {"namespace": link.namespace, "name": link.name}
            told |= {"uid": link.uid} if link.uid else {}
        case RefByUid():
            told |= {"namespace": link.namespace, "name": link.name, "uid": link.uid}
        case Select():
            told |= {"namespace": link.namespace, "selector": selector_text(link.selector)}
            if link.among is not None:
                told["namespaces"] = selector_text(link.among) or "all"
    if isinstance(link, Ref | RefByUid):
        told |= {"optional": True} if link.optional else {}
        told |= {"reverse": True} if link.reverse else {}
    return {**told, "field": link.field}


def selector_text(selector: Selector) -> str:
    """A selector as kubectl writes it."""
    parts = []
    for each in selector.requirements:
        values = ",".join(sorted(each.values))
        match each.operator:
            case "in" if len(each.values) == 1:
                parts.append(f"{each.key}={values}")
            case "exists":
                parts.append(each.key)
            case "!":
                parts.append(f"!{each.key}")
            case _:
                parts.append(f"{each.key} {each.operator} ({values})")
    return ",".join(parts)


def as_text(explained: Iterable[Explained]) -> Iterator[str]:
    """For people: a few lines for each."""
    for each in explained:
        title = "/".join(filter(None, (each.namespace, each.name)))
        yield f"{each.kind or '?'} {title}".rstrip()
        if each.error is not None:
            yield f"  error:      {each.error}"
            continue
        yield f"  status:     {each.status} ({each.reason})"
        for label, value in (("message", each.message), ("decided by", each.decided_by)):
            if value:
                yield f"  {label + ':':<11} {value}"
        yield f"  rule:       {each.rule or 'none'}"
        for key, value in each.metadata.items():
            if key != "creationTimestamp":
                yield f"  {key}: {value}"
        for told in _merged(each.references):
            if told["edge"] != OWNS:
                yield f"  {told['edge']} → {told['kind']} {_target(told)}  ({told['field']})"


def _merged(references: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Without those that only try what is not in a namespace: nobody has told whether the kind is in one."""
    before: dict[str, Any] = {}
    for told in references:
        if "name" in told and {**told, "namespace": before.get("namespace")} == before:
            before["name"] = f"{told['name']}, or {told['name']} in no namespace"
            continue
        if before:
            yield before
        before = dict(told)
    if before:
        yield before


def _target(told: dict[str, Any]) -> str:
    if "selector" in told:
        return f"[{told['selector']}] in {told['namespace'] or told.get('namespaces')}"
    if "namespaces" in told:
        return f"{told['name']} in {told['namespaces']}"
    return "/".join(filter(None, (told["namespace"], told["name"])))


def explain_kind(id: GroupKind, book: RuleBook) -> Iterator[str]:
    """What would be watched, decoded and linked of a kind."""
    rule = book.find(id)
    name = f"{id.kind}.{id.group}" if id.group else id.kind
    builtin = builtin_catalogue().get(id)
    if builtin is not None and builtin.id == id:
        yield f"{name}: a built-in kind, {builtin.api_version}"
        for edge, end in builtin.makes:
            yield f"  {edge} → {end}"
        return
    yield name
    if rule is None:
        yield "  rule:       none: its status is the generic one"
        return
    yield f"  rule:       {rule.source}:{rule.line}"
    yield f"  versions:   {', '.join(rule.versions) or 'the preferred one'}"
    yield f"  layer:      {rule.layer or 'configuration'}"
    yield "  decoded:    metadata, and of the rest only"
    for path in dict.fromkeys([show(path) for _, path in rule.paths()]):
        yield f"    {path}"
    yield "  linked:"
    for each in rule.references:
        ends = ", ".join([kind.key for kind in each.to]) or "any kind"
        select = each.select
        source = each.names[0] if each.names else (select.selector or select.labels) if select else ()
        beside = f", in the namespaces of what it {each.beside}" if each.beside else ""
        yield f"    {each.edge} → {ends}  ({show(source)}){beside}"
