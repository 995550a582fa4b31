"""The message sequences that the viewer's client is held to, too (static/tests/unit/golden.test.ts)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from astrolabe.client import Change, Graph, NodeChange, Position, ProtocolError
from astrolabe.client.message import BookmarkMessage, DeltaMessage, ResetMessage, SnapshotMessage, decode
from tests.support.documents import VECTORS

GOLDEN = sorted(VECTORS.glob("*.json"))


def take(graph: Graph, document: Any) -> list[Change]:
    message = decode(json.dumps(document))
    return (
        graph.apply(message)
        if isinstance(message, SnapshotMessage | DeltaMessage | BookmarkMessage | ResetMessage)
        else []
    )


def line(change: Change) -> str:
    if isinstance(change, NodeChange):
        return f"{change.sign} {change.node['uid']}"
    return f"{change.sign} {change.edge['type']} {change.edge['from']} {change.edge['to']}"


def follow(graph: Graph, step: Any) -> None:
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
def test_what_comes_of_a_golden_sequence(path: Path) -> None:
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
