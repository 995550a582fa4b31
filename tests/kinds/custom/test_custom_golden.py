"""A golden file for every group of rules: manifests in, what becomes of them out."""

import json
from pathlib import Path

import pytest

from tests.kinds.custom import oracle
from tests.kinds.custom.entries import entry
from tests.kinds.custom.golden_cases import FOLDER, gives

RULES = {rule["kind"]: rule for rule in oracle.documents() if rule["kind"] != "*"}


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_golden(file: Path) -> None:
    for kind, listed in json.loads(file.read_text()).items():
        for name, case in listed.items():
            assert gives(entry(RULES[kind]), case["manifest"]) == case["gives"], f"{kind}: {name}"


def test_every_rule_has_a_golden_file() -> None:
    found = {kind for file in FOLDER.glob("*.json") for kind in json.loads(file.read_text())}
    assert found == set(RULES)
