"""What a rule costs beside an entry that is written by hand: an autoscaler, once by each, into the graph."""

from __future__ import annotations

import json
import time
from pathlib import Path
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
ROUNDS = 7
#: How much more a rule may cost.
MOST = 1.7


def by_rule() -> Kind[Any]:
    version = ServedVersion("v1", (), True)
    definition = Definition(group="example.com", kind="Autoscaler", plural="autoscalers", versions=(version,))
    return entry_of(definition, RuleBook(parse_rules("autoscaler.yaml", RULE)))


def events() -> list[bytes]:
    manifest = json.loads(GOLDEN.read_text())["manifest"]
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
def test_a_rule_beside_an_entry_written_by_hand() -> None:
    lines, kinds = events(), (HORIZONTAL_POD_AUTOSCALER, by_rule())
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):  # by turns, so that noise concerns both
        for at, kind in enumerate(kinds):
            best[at] = min(best[at], seconds(kind, lines))
    by_hand, ruled = (each / OBJECTS * 1e6 for each in best)
    print(f"\nby hand {by_hand:.1f} µs, by a rule {ruled:.1f} µs an object: {ruled / by_hand:.2f} times")
    assert ruled < MOST * by_hand
