"""The message sequences that the viewer's client is held to, too (static/tests/unit/golden.test.ts)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from astrolabe.client import Change, Graph, NodeChange, Position, ProtocolError
from astrolabe.client.message import CountedGroup, decode
from astrolabe.client.problem_set import ProblemChange, ProblemSet
from astrolabe.client.progress import LocalCopy
from astrolabe.client.summary import GroupChange, SummarySet
from tests.support.documents import VECTORS

GOLDEN = sorted(VECTORS.glob("*.json"))
PROBLEMS = sorted((VECTORS / "problems").glob("*.json"))
SUMMARIES = sorted((VECTORS / "summary").glob("*.json"))


def take(replica: LocalCopy[Any], document: Any) -> list[Any]:
    message = decode(json.dumps(document))
    return list(replica.apply(message)) if message is not None else []


def line(change: Change | ProblemChange | GroupChange) -> str:
    match change:
        case GroupChange():
            return f"{change.sign} {change.group.id}"
        case ProblemChange():
            return f"{change.sign} {change.problem.id}"
        case NodeChange():
            return f"{change.sign} {change.node['uid']}"
    return f"{change.sign} {change.edge['type']} {change.edge['from']} {change.edge['to']}"


def follow(graph: LocalCopy[Any], step: Any) -> None:
    if "connect" in step:
        since = step["connect"]
        assert graph.resume() == (Position(**since) if since is not None else None)
    elif "changes" in step:
        assert [line(change) for change in take(graph, step["hear"])] == step["changes"]
    else:
        with pytest.raises(ProtocolError) as caught:
            take(graph, step["hear"])
        assert step["violation"] in str(caught.value)
        graph.restart()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_sequences(path: Path) -> None:
    golden = json.loads(path.read_text())
    graph, then = Graph(), golden["then"]
    for step in golden["steps"]:
        follow(graph, step)
    assert list(graph.nodes.values()) == then["nodes"]
    assert list(graph.edges.values()) == then["edges"]
    assert graph.position == (Position(**then["position"]) if then["position"] is not None else None)
    assert graph.complete is then["complete"]
    for edge in then["edges"]:
        assert edge in graph.out(edge["from"])
        assert edge in graph.into(edge["to"])


def test_golden_sequences_of_problems_exist() -> None:
    assert len(PROBLEMS) > 20


@pytest.mark.parametrize("path", PROBLEMS, ids=lambda path: path.stem)
def test_golden_sequences_of_problems(path: Path) -> None:
    golden = json.loads(path.read_text())
    problems, then = ProblemSet(), golden["then"]
    for step in golden["steps"]:
        follow(problems, step)
    assert [each.document for each in problems.held.values()] == then["problems"]
    assert [each.problem.id for each in problems.held.values()] == [each["id"] for each in then["problems"]]
    assert problems.position == (Position(**then["position"]) if then["position"] is not None else None)
    assert problems.complete is then["complete"]


def test_golden_sequences_of_summaries_exist() -> None:
    assert len(SUMMARIES) > 20


@pytest.mark.parametrize("path", SUMMARIES, ids=lambda path: path.stem)
def test_golden_sequences_of_summaries(path: Path) -> None:
    golden = json.loads(path.read_text())
    summary, then = SummarySet(), golden["then"]
    for step in golden["steps"]:
        follow(summary, step)
    expected = {each["id"]: msgspec.convert(each, CountedGroup) for each in then["groups"]}
    assert summary.groups == expected
    assert summary.position == (Position(**then["position"]) if then["position"] is not None else None)
    assert summary.complete is then["complete"]
