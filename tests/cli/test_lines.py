from __future__ import annotations

import json

import click

from astrolabe.cli.lines import as_json, as_text
from astrolabe.client import EdgeChange, NodeChange

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
    assert plain(as_text(NodeChange("+", evil))).endswith("Running: one two  31m")
    assert "\x1b[2J" not in as_text(NodeChange("+", evil))


def test_json_lines() -> None:
    assert json.loads(as_json(NodeChange("~", POD))) == {"change": "changed", "node": POD}
    assert json.loads(as_json(EdgeChange("-", OWNS, REPLICA_SET, POD))) == {"change": "removed", "edge": OWNS}
    assert "\n" not in as_json(NodeChange("+", {**POD, "message": "one\ntwo"}))
