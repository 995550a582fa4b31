from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click
import msgspec

from astrolabe.cli.formatting import as_json, as_text, coverage_line_of, state_line
from astrolabe.client import EdgeChange, MemberCoverage, NodeChange, ServerState, UserCoverage

POD = {
    "uid": "u1",
    "kind": "Pod",
    "namespace": "shop",
    "name": "web-1",
    "status": "Ready",
    "reason": "Running",
    "message": "Pod is running",
}
REPLICA_SET = {"uid": "u2", "kind": "ReplicaSet", "namespace": "shop", "name": "web", "status": "Ready"}
VOLUME = {"uid": "u3", "kind": "PersistentVolume", "name": "pv-1", "status": "Pending"}
OWNS = {"type": "owns", "from": "u2", "to": "u1", "field": ["metadata.ownerReferences[0].uid"]}


def plain(text: str) -> str:
    return click.unstyle(text)


def test_a_node_for_a_person() -> None:
    assert plain(as_text(NodeChange("+", POD))) == (
        "+ Pod                   shop/web-1                                   Ready   Running: Pod is running"
    )
    assert plain(as_text(NodeChange("-", VOLUME))) == (
        "- PersistentVolume      pv-1                                         Pending"
    )


def test_an_edge_for_a_person_shows_its_field() -> None:
    assert plain(as_text(EdgeChange("+", OWNS, REPLICA_SET, POD))) == (
        "+ owns                  ReplicaSet shop/web -> Pod shop/web-1        metadata.ownerReferences[0].uid"
    )


def test_signs_and_statuses_are_coloured() -> None:
    assert as_text(NodeChange("~", {**POD, "status": "Error"})).startswith("\x1b[33m\x1b[1m~\x1b[0m")
    assert "\x1b[31mError  \x1b[0m" in as_text(NodeChange("~", {**POD, "status": "Error"}))


def test_a_message_cannot_control_the_terminal() -> None:
    evil = {**POD, "name": "a\x1b[2J", "message": "one\ntwo\x07\x9b31m"}
    assert plain(as_text(NodeChange("+", evil))).endswith(r"Running: one\ntwo\x07\x9b31m")
    assert "\x1b[2J" not in as_text(NodeChange("+", evil))


def test_json_lines() -> None:
    assert json.loads(as_json(NodeChange("~", POD))) == {"change": "changed", "node": POD}
    assert json.loads(as_json(EdgeChange("-", OWNS, REPLICA_SET, POD))) == {"change": "removed", "edge": OWNS}
    assert "\n" not in as_json(NodeChange("+", {**POD, "message": "one\ntwo"}))


def test_json_lines_cannot_control_the_terminal() -> None:
    evil = {**POD, "message": "\x9b31m \x1b[2J \u202eevil\u2028 \U000e0001 Zürich 東京"}
    line = as_json(NodeChange("+", evil))
    assert line.isprintable()
    assert json.loads(line) == {"change": "added", "node": evil}
    assert '"\\u009b31m \\u001b[2J \\u202eevil\\u2028 \\udb40\\udc01 Zürich 東京"' in line


def test_states_are_one_line_each() -> None:
    def line(**state: Any) -> str:
        return state_line(msgspec.convert({"type": "state", **state}, ServerState))

    assert line(state="live") == "live"
    progress = {"kinds": 12, "of": 38, "objects": 1335}
    assert line(state="syncing", progress=progress) == "syncing: 12 of 38 kinds, 1,335 objects so far"
    slow = "12 of 38 kinds are listed; Pod cannot be listed: 504"
    assert line(state="syncing", progress=progress, why=slow) == (
        "syncing: 12 of 38 kinds, 1,335 objects so far; Pod cannot be listed: 504"
    )
    why = "1 kind cannot be read: Secret (forbidden)"
    assert line(state="partial", why=why) == f"partial: {why}"
    kinds = [{"kind": "Secret", "reason": "forbidden", "why": "403"}, {"kind": "Job", "reason": "not-served"}]
    assert line(state="partial", partial=kinds) == "partial: Secret: 403; Job: not-served"
    now = datetime.now().astimezone().replace(hour=14, minute=3, second=10)
    stale = {"state": "stale", "why": "the API server\x1b is away"}
    assert line(**stale, since=now.isoformat()) == r"stale since 14:03:10: the API server\x1b is away"
    old = datetime(2024, 2, 29, 14, 3, 10).astimezone()
    assert line(state="stale", since=old.isoformat()) == "stale since 2024-02-29 14:03:10"
    assert line(state="stale", since="of old") == "stale since of old"
    assert line(state="frozen", why="a later server says so") == "frozen: a later server says so"


def test_what_a_user_sees_of_several_clusters_is_one_line() -> None:
    west = MemberCoverage("west", why="this cluster does not know your token")
    coverage = UserCoverage(("Node",), ("Pod",), ("shop",), clusters=(MemberCoverage("east"), west))
    assert coverage_line_of(coverage) == (
        "you see Pod in some clusters, or only in these namespaces: shop; not visible to you: Node; "
        "nothing of cluster west: this cluster does not know your token"
    )
