"""28: what custom kinds cost beside an entry that is written by hand: an autoscaler, once by each, into the graph."""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import pytest

from astrolabe.graph.model.model import Model
from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.entry import entry_of
from astrolabe.kinds.custom.parsing import parse_rules
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.policy import HORIZONTAL_POD_AUTOSCALER
from tests.benchmarks.report import report

GOLDEN = Path(__file__).parents[1] / "kinds" / "golden" / "HorizontalPodAutoscaler.json"

RULE = """\
kind: Autoscaler.example.com
status:
  paused: []
  error:
    - {condition: AbleToScale, is: "False", reason: [FailedGetScale, FailedUpdateScale]}
    - {condition: ScalingActive, is: "False", reason: ["Failed*", "Invalid*", "Ambiguous*"]}
  ready: [ScalingActive]
references:
  - {edge: scales, to: any, at: spec.scaleTargetRef}
metadata:
  target: spec.scaleTargetRef.name
  minReplicas: spec.minReplicas
  maxReplicas: spec.maxReplicas
  currentReplicas: status.currentReplicas
  desiredReplicas: status.desiredReplicas
"""

OBJECTS = 1_000
ROUNDS = 21
#: How much more a rule may cost, and what all kinds without one have in common.
BUDGET, BUDGET_WITHOUT = 1.3, 2.75
#: On a noisy machine a budget may be missed by this factor before the test fails.
SLACK = 1.1
READY = [
    {"type": type, "status": "True", "reason": "AllGood", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    for type in ("Ready", "Synced", "Available")
]


def custom(book: RuleBook) -> Kind[Any]:
    version = ServedVersion("v1", (), True)
    definition = Definition(group="example.com", kind="Autoscaler", plural="autoscalers", versions=(version,))
    return entry_of(definition, book)


def events(**parts: Any) -> list[bytes]:
    """The lines of a watch. parts: what their objects have instead of what the autoscaler has."""
    manifest = json.loads(GOLDEN.read_text())["manifest"] | parts
    found = []
    for at in range(OBJECTS):
        meta = {**manifest["metadata"], "uid": f"u-{at}", "name": f"n-{at}"}
        found.append(msgspec.json.encode({"type": "MODIFIED", "object": {**manifest, "metadata": meta}}))
    return found


def seconds(kind: Kind[Any], lines: list[bytes]) -> float:
    """The CPU time from the lines of a watch to the nodes of the graph."""
    model = Model([kind.rules])
    model.set_synced(kind.key, "", True)
    begin = time.process_time()
    for at, line in enumerate(lines, 1):
        model.upsert(kind.facts(kind.event_decoder.decode(line).object))
        if not at % 50:
            model.commit()
    return time.process_time() - begin


@pytest.mark.bench
@pytest.mark.alone
@pytest.mark.parametrize(
    ("what", "kind", "lines", "budget"),
    [
        ("by a compiled rule", custom(RuleBook(parse_rules("autoscaler.yaml", RULE))), events(), BUDGET),
        ("without a rule", custom(RuleBook.shipped()), events(status={"conditions": READY}), BUDGET_WITHOUT),
    ],
    ids=["by a rule", "without a rule"],
)
def test_a_custom_kind_compared_with_an_entry_written_by_hand(
    what: str, kind: Kind[Any], lines: list[bytes], budget: float
) -> None:
    of_autoscalers = events()
    by_hand, ratios = float("inf"), []
    for _ in range(ROUNDS):  # by turns, so that noise concerns both
        hand = seconds(HORIZONTAL_POD_AUTOSCALER, of_autoscalers)
        by_hand = min(by_hand, hand)
        ratios.append(seconds(kind, lines) / hand)
    ratio = median(ratios)
    report(
        28,
        f"an object of a custom kind {what}, from its line to the graph, beside an autoscaler by hand",
        f"{ratio:.2f}×, by hand {by_hand / OBJECTS * 1e6:.0f} µs",
        f"≤ {budget}×",
        met=ratio <= budget,
    )
    assert ratio <= budget * SLACK
