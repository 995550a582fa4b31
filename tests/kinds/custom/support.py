"""Literal custom resources in, facts out."""

from __future__ import annotations

from typing import Any

import msgspec

from astrolabe.graph.model.facts import Facts
from astrolabe.kinds.custom.definition import Definition, PrinterColumn, ServedVersion
from astrolabe.kinds.custom.entry import CustomKind, entry_of
from astrolabe.kinds.custom.rulebook import RuleBook

Json = dict[str, Any]


def kind(*columns: PrinterColumn, has_status: bool | None = None, book: RuleBook | None = None) -> CustomKind:
    """The entry of `Widget.example.com`."""
    version = ServedVersion("v1", columns, has_status)
    return entry_of(
        Definition(group="example.com", kind="Widget", plural="widgets", versions=(version,)),
        book or RuleBook(),
    )


def facts(entry: CustomKind, *, metadata: Json | None = None, **parts: Any) -> Facts:
    """The facts of a resource named `x` in namespace `shop`, of these parts (`spec`, `status`, ...)."""
    meta = {"name": "x", "namespace": "shop", "uid": "u-x", "generation": 2, **(metadata or {})}
    return entry.facts(entry.decoder.decode(msgspec.json.encode({"metadata": meta, **parts})))


def judged(entry: CustomKind, *, metadata: Json | None = None, **parts: Any) -> tuple[str, str, str]:
    """(level, reason, decidedBy)"""
    found = facts(entry, metadata=metadata, **parts)
    return found.status.severity, found.status.reason, found.metadata.get("decidedBy", "")
