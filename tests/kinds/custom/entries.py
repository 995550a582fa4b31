"""The entries of the rules that ship, as a cluster that serves these kinds would have them."""

from __future__ import annotations

from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.entry import CustomKind, entry_of
from astrolabe.kinds.custom.rulebook import RuleBook
from tests.kinds.custom.oracle import Json


def entry(rule: Json) -> CustomKind:
    """The entry of a rule, given as plain values."""
    kind, _, group = rule["kind"].partition(".")
    version = ServedVersion((rule.get("versions") or ["v1"])[0])
    definition = Definition(
        group="example.com" if group == "*" else group,
        kind=kind,
        plural=f"{kind.lower()}s",
        versions=(version,),
        namespaced=rule.get("scope") != "cluster",
    )
    return entry_of(definition, RuleBook.shipped())
