"""The rules that ship: each compiles, and each takes an object with nothing in it."""

import pytest

from astrolabe.graph.state.status import SEVERITIES
from astrolabe.kinds.builtin import builtin_kinds
from astrolabe.kinds.catalogue import Catalogue, verify
from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.entry import entry_of
from astrolabe.kinds.custom.rule import KindRule
from astrolabe.kinds.custom.rulebook import RuleBook
from tests.kinds.custom.support import facts

BOOK = RuleBook.shipped()
RULES = [rule for rule in BOOK if rule.id.kind != "*"]


def definition(rule: KindRule) -> Definition:
    versions = tuple([ServedVersion(version) for version in rule.versions or ("v1",)])
    return Definition(
        group=rule.id.group if rule.id.group != "*" else "example.com",
        kind=rule.id.kind,
        plural=f"{rule.id.kind.lower()}s",
        versions=versions,
        namespaced=not rule.cluster_scoped,
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.id.kind}.{rule.id.group}")
def test_an_empty_object(rule: KindRule) -> None:
    entry = entry_of(definition(rule), BOOK)
    found = facts(entry, spec={}, status={})
    assert found.status.severity in SEVERITIES
    assert entry.rule == rule.source
    assert [link for link in found.links if link.name != "x"] == []


def test_selected_kinds_are_selectable() -> None:
    """But Secrets, whose labels are indexed only where a PushSecret may select them."""
    builtin = {kind.id: kind for kind in builtin_kinds()}
    selected = {to for rule in RULES for each in rule.references if each.select is not None for to in each.to}
    assert [to.kind for to in selected & builtin.keys() if builtin[to].selectable is None] == ["Secret"]


def test_shipped_rules_fit_into_one_catalogue() -> None:
    kinds = [*builtin_kinds(), *[entry_of(definition(rule), BOOK) for rule in RULES]]
    verify(kinds)
    assert len(Catalogue(kinds)) == len(kinds)
