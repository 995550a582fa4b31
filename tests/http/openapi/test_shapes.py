"""The shapes, against what is kept elsewhere: the golden files of the kinds, and the guide's examples."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from astrolabe.http.openapi.shapes import keys_of
from tests.support.description import Described
from tests.support.documents import GUIDE
from tests.support.kinds import CATALOGUE

ROOT = Path(__file__).parents[3]
KINDS = {path.stem: json.loads(path.read_text()) for path in (ROOT / "tests/kinds/golden").glob("*.json")}

#: What the examples of a page are answers of, in their order.
EXAMPLES = {"api.md": ["Error", "Resource", "Graph", "Unresolved", "Release"], "trust.md": ["Health"]}


def shown(golden: dict[str, Any]) -> list[dict[str, Any]]:
    """The metadata of a golden file, its own and with what neighbours add."""
    own = golden["facts"]["metadata"]
    return [own, *({**own, **(case["gives"].get("metadata") or {})} for case in golden.get("derived", []))]


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_all_metadata_is_described(described: Described, kind: str) -> None:
    for metadata in shown(KINDS[kind]):
        assert described.faults_of("Metadata", metadata) == []


def test_a_metadata_key_has_one_meaning() -> None:
    types: dict[str, set[Any]] = {}
    for kind in CATALOGUE:
        for key, type in keys_of(kind.shows):
            types.setdefault(key, set()).add(type)
    assert {key: found for key, found in types.items() if len(found) > 1} == {}


async def test_described_metadata_exists(described: Described) -> None:
    shown = {key for kind in CATALOGUE for key, _ in keys_of(kind.shows)}
    assert set(described.document["components"]["schemas"]["Metadata"]["properties"]) == {
        "creationTimestamp",
        *shown,
    }


def examples(page: str) -> list[Any]:
    """Answers that a page of the guide shows; what is left out of them (`…`) is left out."""
    blocks = re.findall(r"```\n\$ curl [^\n]*\n(.*?)```", (GUIDE / page).read_text(), re.DOTALL)
    return [json.loads(re.sub(r",(\s*[\]}])", r"\1", re.sub(r"\s*…,?", "", block))) for block in blocks]


@pytest.mark.parametrize("page", EXAMPLES)
async def test_the_examples_of_the_guide(described: Described, page: str) -> None:
    found = examples(page)
    assert len(found) == len(EXAMPLES[page])
    for component, example in zip(EXAMPLES[page], found, strict=True):
        for each in example if isinstance(example, list) else [example]:
            assert described.faults_of(component, each) == []
