"""Every path of the rules that ship is one that the kind's own CRD declares."""

from __future__ import annotations

import pytest

from astrolabe.cli.schemas import has
from astrolabe.kinds.custom.paths import Key, Path, show
from astrolabe.kinds.custom.rule import KindRule
from astrolabe.kinds.custom.rulebook import RuleBook
from tests.kinds.custom.schemas import schema_of, schemas

#: Kinds whose CRD cannot be had, with the reason.
WITHOUT: dict[str, str] = {
    "ControllerConfig.pkg.crossplane.io": "Crossplane 2 has it no more, and older releases do.",
}

#: (kind, path) → why the schema does not have it.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("CronWorkflow.argoproj.io", "spec.schedule"): "Of Argo Workflows before 4; since then it is a list.",
    ("KafkaConnector.kafka.strimzi.io", "spec.pause"): "Of v1beta2, which Strimzi served before v1.",
}

RULES = [rule for rule in RuleBook.shipped() if rule.id.group not in ("*", "") and rule.id.kind != "*"]


def name(rule: KindRule) -> str:
    return f"{rule.id.kind}.{rule.id.group}"


def is_declared(kinds: list[str], path: Path) -> bool:
    """Whether one of the kinds has it in one of its versions: kinds that are alike share a rule."""
    known = schemas()
    return any(has(schema_of(tree), path) for kind in kinds for tree in known.get(kind, {}).values())


def siblings(rule: KindRule) -> list[str]:
    """The kinds of the same rule of the file."""
    return [
        name(other) for other in RULES if other.source == rule.source and other.references is rule.references
    ] or [name(rule)]


def test_every_rule_is_checked_against_a_schema() -> None:
    assert {name(rule) for rule in RULES} - schemas().keys() == set(WITHOUT)


@pytest.mark.parametrize("rule", [rule for rule in RULES if name(rule) in schemas()], ids=name)
def test_paths(rule: KindRule) -> None:
    kinds = siblings(rule)
    lacking = {
        show(path): use
        for use, path in rule.paths()
        if path[0] != Key("metadata")
        and use != "status observed"
        and (name(rule), show(path)) not in EXCEPTIONS
        and not is_declared(kinds, path)
    }
    assert lacking == {}, f"{rule.source}:{rule.line}: {name(rule)} has none of these"


def test_a_wrong_path_is_found() -> None:
    kinds = ["Certificate.cert-manager.io"]
    assert is_declared(kinds, (Key("spec"), Key("secretName")))
    assert not is_declared(kinds, (Key("spec"), Key("secretname")))
