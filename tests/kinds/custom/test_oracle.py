"""Every rule that ships refers to exactly what its YAML says, also for objects that lack something or are odd."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from astrolabe.graph.model.links import Ref, RefByUid, Select
from astrolabe.kinds.custom.entry import CustomKind
from tests.kinds.custom import oracle
from tests.kinds.custom.entries import entry
from tests.kinds.custom.oracle import Json, Told
from tests.kinds.support import show

RULES = [each for each in oracle.documents() if each["kind"] != "*"]
#: Variants of each object.
VARIANTS = 40


def told(kind: CustomKind, manifest: Json) -> set[Told]:
    found: set[Told] = set()
    facts = kind.facts(kind.decoder.decode(msgspec.json.encode(manifest)))
    # Of what is beside something else, that alone says the namespace.
    for link in (*facts.links, *[each.ref for each in facts.beside]):
        match link:
            case RefByUid():
                found.add((link.type, oracle.BY_UID, "", link.uid, link.reverse))
            case Ref() if link.uid:
                found.add((link.type, oracle.BY_UID, "", link.uid, link.reverse))
            case Ref():
                found.add((link.type, link.kind, link.namespace, link.name, link.reverse))
            case Select() if link.type == "would-select":
                pass  # no edge: a DestinationRule only looks for the Pods of its subsets
            case Select():
                place = link.namespace if link.among is None else f"*{show(link.among)}"
                found.add((link.type, link.kind, place, show(link.selector), False))
    return found


def mutated(value: Any, chance: random.Random) -> Any:
    """The value with something missing, doubled, or of another type here and there."""
    match value:
        case dict():
            return {name: mutated(inner, chance) for name, inner in value.items() if chance.random() > 0.06}
        case list():
            return [mutated(inner, chance) for inner in value * (2 if chance.random() < 0.2 else 1)]
    if isinstance(value, str) and chance.random() < 0.1:
        return chance.choice([None, 7, True, [], {}, "other"])
    return value


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["kind"])
def test_references(rule: Json) -> None:
    kind, whole = entry(rule), oracle.sample(rule)
    assert told(kind, whole) == oracle.references(rule, whole)
    chance = random.Random(rule["kind"])
    for _ in range(VARIANTS):
        variant = {**mutated(whole, chance), "metadata": whole["metadata"]}
        try:
            expected = oracle.references(rule, variant)
        except (ValueError, KeyError):  # the oracle reads no packed text that is none
            continue
        assert told(kind, variant) == expected, variant
