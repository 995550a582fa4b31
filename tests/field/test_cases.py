"""Small clusters that people were misled about, each with what an operator would say of it.

A case has `report` (where the kind of fault is known from), `says` (what goes wrong), `flags` of the server,
`objects` (the whole cluster) and `expect`. The server runs as a whole and is asked over HTTP. Some have `events`
(`[plural, object, seconds]`), which come later one after the other, and in `expect` what is `never` told on the
way: that is asked of the model, which tells of every step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from astrolabe.graph.model.model import Model
from astrolabe.sim.store import ObjectStore
from tests.kinds.support import read
from tests.support.kinds import KINDS
from tests.support.simulated import simulated

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))

Json = dict[str, Any]


class Answers:
    """What a server says of one case."""

    def __init__(self, graph: Json, releases: list[Json], grafana: Json) -> None:
        self.nodes: list[Json] = graph["nodes"]
        self.edges: list[Json] = graph["edges"]
        self.releases = releases
        self.grafana = grafana

    def node(self, wanted: Json) -> Json | None:
        for node in self.nodes:
            if all(node[key] == (wanted.get(key) or "") for key in ("kind", "name", "namespace")):
                return node
        return None

    def edge_names(self) -> set[tuple[str, str, str]]:
        names = {node["uid"]: node["name"] for node in self.nodes}
        return {(edge["type"], names[edge["from"]], names[edge["to"]]) for edge in self.edges}


def cases() -> list[Any]:
    return [pytest.param(json.loads(path.read_text()), id=path.stem) for path in CASES]


@pytest.mark.parametrize("case", cases())
async def test_the_server_says_what_an_operator_would(case: Json) -> None:
    never = case["expect"].pop("never", [])
    answers = await answers_to(case)
    faults = [fault for key, wanted in case["expect"].items() for fault in CHECKS[key](wanted, answers)]
    faults += told_on_the_way(case, never)
    assert not faults, case["says"]


async def answers_to(case: Json) -> Answers:
    store = ObjectStore()
    for each in in_order(case["objects"]):
        store.create(each["kind"], each)
    for _, each, _ in case.get("events", ()):
        store.update(each["kind"], each)
    flags = [flag.removeprefix("--").partition("=") for flag in case["flags"]]
    settings = {"label_selector": "app.kubernetes.io/managed-by=Helm"}
    settings |= {name.replace("-", "_"): value for name, _, value in flags}
    async with simulated(store, **settings) as host, aiohttp.ClientSession(f"http://{host}") as session:
        graph = await get(session, "/api/v1/graph")
        releases = await get(session, "/api/v1/releases?detail=true")
        return Answers(graph, releases, await get(session, "/api/v1/grafana/nodegraph"))


def in_order(objects: list[Json]) -> list[Json]:
    return sorted(objects, key=lambda each: int(each["metadata"]["resourceVersion"]))


@pytest.mark.parametrize("case", cases())
def test_no_status_depends_on_the_order_of_arrival(case: Json) -> None:
    found = []
    for backwards in (False, True):
        model = known_kinds()
        for each in sorted(
            in_order(case["objects"]), key=lambda each: str(each["metadata"]["uid"]), reverse=backwards
        ):
            model.upsert(read(each["kind"], each))
            model.commit()
        found.append({node.uid: node.text for node in model.nodes()})
    assert found[0] == found[1]


def known_kinds() -> Model:
    """An empty model that knows all there is of every kind."""
    model = Model([kind.rules for kind in KINDS])
    for kind in KINDS:
        model.set_synced(kind.key, "", True)
    return model


def told_on_the_way(case: Json, never: list[Json]) -> Iterator[str]:
    """What must never be told and is, at first or after an event."""
    model = known_kinds()
    for each in in_order(case["objects"]):
        model.upsert(read(each["kind"], each))
    for _, event, _ in [("", None, 0), *case.get("events", ())]:
        if event is not None:
            model.upsert(read(event["kind"], event))
        for node in model.commit().nodes_set:
            yield from (
                f"{node.kind} {node.name} is told as {node.status}: {node.text}"
                for refused in never
                if all(getattr(node, key) == (refused[key] or "") for key in refused)
            )


async def get(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


def check_nodes(wanted: list[Json], answers: Answers) -> Iterator[str]:
    for each in wanted:
        node = answers.node(each)
        if node is None:
            yield f"{each['kind']} {each['name']} is not in the graph"
            continue
        yield from check_words(each, node)


def check_words(wanted: Json, node: Json) -> Iterator[str]:
    told = f"{node['kind']} {node['name']}: {node['status']} {node['reason']}: {node['message']}"
    for key in ("status", "reason", "release", "releaseNamespace"):
        if key in wanted and node.get(key, "") != wanted[key]:
            yield f"{key} {node.get(key, '')!r}, not {wanted[key]!r}: {told}"
    for key in ("status", "reason"):
        for refused in (wanted.get(f"not_{key}"), wanted.get(f"{key}_not")):
            if refused is not None and node[key] in ([refused] if isinstance(refused, str) else refused):
                yield f"{key} is {node[key]!r}: {told}"
    for word in words_of(wanted.get("message_has")):
        if word.lower() not in node["message"].lower():
            yield f"the message lacks {word!r}: {told}"
    for word in words_of(wanted.get("message_lacks")):
        if word.lower() in node["message"].lower():
            yield f"the message has {word!r}: {told}"


def words_of(words: str | list[str] | None) -> list[str]:
    return [words] if isinstance(words, str) else words or []


def check_absent(wanted: list[Json], answers: Answers) -> Iterator[str]:
    for each in wanted:
        if answers.node(each) is not None:
            yield f"{each['kind']} {each['name']} is in the graph"


def check_releases(wanted: list[list[str]], answers: Answers) -> Iterator[str]:
    found = sorted([each["namespace"], each["name"]] for each in answers.releases)
    if found != sorted(wanted):
        yield f"the releases are {found}"


def check_revision(wanted: list[list[Any]], answers: Answers) -> Iterator[str]:
    found = [
        [each["namespace"], each["name"], each.get("revision"), each.get("status")]
        for each in answers.releases
    ]
    yield from (f"{each} is not among {found}" for each in wanted if each not in found)


def check_chart(wanted: list[list[str]], answers: Answers) -> Iterator[str]:
    found = [[each["namespace"], each["name"], each.get("chart")] for each in answers.releases]
    yield from (f"{each} is not among {found}" for each in wanted if each not in found)


def check_no_edge(wanted: list[list[str]], answers: Answers) -> Iterator[str]:
    yield from (f"there is {edge}" for edge in wanted if tuple(edge) in answers.edge_names())


def check_edge(wanted: list[list[str]], answers: Answers) -> Iterator[str]:
    yield from (f"there is no {edge}" for edge in wanted if tuple(edge) not in answers.edge_names())


def check_unresolved_absent(wanted: list[str], answers: Answers) -> Iterator[str]:
    unresolved = [each["name"] for node in answers.nodes for each in node.get("unresolved", ())]
    yield from (f"{name} is unresolved" for name in wanted if name in unresolved)


def check_metadata(wanted: list[Json], answers: Answers) -> Iterator[str]:
    for each in wanted:
        node = answers.node(each)
        if node is None or each["has"] not in json.dumps(node):
            yield f"{each['has']!r} is nowhere in {node}"


def check_grafana_ids(_: bool, answers: Answers) -> Iterator[str]:
    yield from (
        f"the id {each['id']!r} has a blank" for each in answers.grafana["edges"] if " " in each["id"]
    )


CHECKS: dict[str, Callable[[Any, Answers], Iterator[str]]] = {
    "nodes": check_nodes,
    "absent": check_absent,
    "releases": check_releases,
    "revision": check_revision,
    "chart": check_chart,
    "edge": check_edge,
    "no_edge": check_no_edge,
    "unresolved_absent": check_unresolved_absent,
    "metadata": check_metadata,
    "grafana_edge_ids_without_blank": check_grafana_ids,
}
