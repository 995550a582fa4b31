"""What is served keeps the original's API; and so does the server that plays the original in other tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
import pytest

from astrolabe.cli.compare.requests import PATHS as COMPARED
from tests.contract.shapes import ANSWERS, EDGE_TYPES, PATHS, Graph, Health, Node, Resource
from tests.support.original import original
from tests.support.recording import Recording
from tests.support.simulated import generated, simulated

GRAPH, RESOURCES, HEALTH = "/api/v1/graph", "/api/v1/resources", "/health"
LISTS = ("/api/v1/releases", "/api/v1/charts", "/api/v1/namespaces")
#: No name of Kubernetes has a capital letter.
NOBODY = "Nobody"


@dataclass(frozen=True)
class Answer:
    """body: as it came. type: the whole Content-Type."""

    status: int
    type: str
    body: bytes


class Answers:
    """All that a server was asked. source: what it is."""

    def __init__(self, source: str, answers: dict[tuple[str, str], Answer]) -> None:
        self.source = source
        self.all = answers

    def get(self, path: str, method: str = "GET", **parameters: str) -> Answer:
        return self.all[method, f"{path}?{urlencode(parameters)}" if parameters else path]

    def graph(self, **parameters: str) -> Graph:
        return msgspec.json.decode(self.get(GRAPH, **parameters).body, type=Graph)

    def resources(self, **parameters: str) -> list[Resource]:
        return msgspec.json.decode(self.get(RESOURCES, **parameters).body, type=list[Resource])

    def names(self, path: str, **parameters: str) -> list[str]:
        return msgspec.json.decode(self.get(path, **parameters).body, type=list[str])

    @property
    def namespaces(self) -> list[str]:
        """Those that something is in."""
        return sorted({node.namespace for node in self.graph().nodes} - {""})

    @property
    def releases(self) -> list[str]:
        return sorted({release_of(node) for node in self.graph().nodes} - {""})

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Releases with the namespaces that something of them is in."""
        found = {(release_of(node), node.namespace) for node in self.graph().nodes}
        return sorted(pair for pair in found if all(pair))


def release_of(node: Node) -> str:
    return node.release or ""


@asynccontextmanager
async def serving(source: str) -> AsyncIterator[str]:
    """A server, by its address."""
    if source == "recorded":
        async with simulated(Recording().final_store()) as address:
            yield f"http://{address}"
    elif source == "simulated":
        async with simulated(generated(0.005)) as address:
            yield f"http://{address}"
    else:
        async with simulated(Recording().final_store()) as address, aiohttp.ClientSession() as http:
            async with http.get(f"http://{address}{GRAPH}") as answer:
                graph = await answer.json()
            async with original(graph) as (_, url):
                yield url


async def gather(source: str) -> Answers:
    """Ask it every path with every parameter."""
    found: dict[tuple[str, str], Answer] = {}
    answers = Answers(source, found)
    async with serving(source) as url, aiohttp.ClientSession() as http:

        async def ask(target: str, method: str = "GET") -> None:
            async with http.request(method, url + target) as answer:
                body = await answer.read()
                found[method, target] = Answer(answer.status, answer.headers["Content-Type"], body)

        for path, parameters in PATHS.items():
            for target in (path, f"{path}/", f"{path}?_=1795594321123"):
                await ask(target)
            await ask(path, "HEAD")
            for name in parameters:
                await ask(f"{path}?{name}=")
                await ask(f"{path}?{name}={NOBODY}")
        values = {"namespace": answers.namespaces, "release": answers.releases}
        for path, parameters in PATHS.items():
            for name in parameters:
                for value in values[name]:
                    await ask(f"{path}?{urlencode({name: value})}")
        for path in (GRAPH, RESOURCES):
            for release, namespace in answers.pairs:
                await ask(f"{path}?{urlencode({'release': release, 'namespace': namespace})}")
    return answers


@pytest.fixture(scope="module", params=["recorded", "simulated", "original"])
def answers(request: pytest.FixtureRequest) -> Answers:
    return asyncio.run(gather(request.param))


def test_the_compared_document_is_this_api() -> None:
    assert {path.path: path.parameters for path in COMPARED} == PATHS


def test_every_answer_has_its_keys_and_types(answers: Answers) -> None:
    asked = 0
    for (method, target), answer in answers.all.items():
        path, _, query = target.partition("?")
        if method == "GET" and path in ANSWERS:
            assert answer.status == 200, target
            assert answer.type.split(";")[0] == "application/json"
            msgspec.json.decode(answer.body, type=ANSWERS[path])
            asked += bool(query)
    assert asked > 30


def test_the_cluster_has_every_kind(answers: Answers) -> None:
    """Or nothing of the rest would be tried."""
    nodes, edges = answers.graph().nodes, answers.graph().edges
    assert {node.namespace == "" for node in nodes} == {True, False}
    assert {bool(node.release) for node in nodes} == {True, False}
    assert {bool(node.message) for node in nodes} == {True, False}
    assert len(answers.namespaces) > 1
    assert len(answers.releases) >= 1
    known = {edge.type for edge in edges} & set(EDGE_TYPES)
    assert len(known) >= 9, set(EDGE_TYPES) - known


def test_health_counts_the_nodes(answers: Answers) -> None:
    health = msgspec.json.decode(answers.get(HEALTH).body, type=Health)
    assert health == Health("healthy", len(answers.graph().nodes))


def test_the_graph_is_closed_and_without_duplicates(answers: Answers) -> None:
    for (method, target), answer in answers.all.items():
        if method == "GET" and target.startswith(GRAPH) and answer.status == 200:
            graph = msgspec.json.decode(answer.body, type=Graph)
            uids = [node.uid for node in graph.nodes]
            edges = [(edge.type, edge.source, edge.target) for edge in graph.edges]
            assert len(set(uids)) == len(uids)
            assert len(set(edges)) == len(edges)
            assert {end for _, *ends in edges for end in ends} <= set(uids)


def test_resources_are_the_nodes(answers: Answers) -> None:
    nodes = {
        (n.kind, n.namespace, n.name): (n.status, n.message, n.release or "", n.chart or "")
        for n in answers.graph().nodes
    }
    resources = {
        (r.kind, r.namespace, r.name): (r.status, r.message, r.release, r.chart) for r in answers.resources()
    }
    assert resources == nodes


def test_a_namespace_filter_keeps_its_objects_only(answers: Answers) -> None:
    for namespace in answers.namespaces:
        inside = {node.uid for node in answers.graph().nodes if node.namespace == namespace}
        given = answers.graph(namespace=namespace).nodes
        assert inside <= {node.uid for node in given}
        assert {node.namespace for node in given} <= {namespace, ""}
        resources = answers.resources(namespace=namespace)
        assert {resource.namespace for resource in resources} <= {namespace, ""}
        assert [each.namespace for each in resources].count(namespace) == len(inside)


def test_a_release_filter_keeps_its_objects_only(answers: Answers) -> None:
    for release in answers.releases:
        inside = {node.uid for node in answers.graph().nodes if node.release == release}
        given = answers.graph(release=release).nodes
        assert inside <= {node.uid for node in given}
        assert {release_of(node) for node in given} <= {release, ""}


def test_a_release_includes_volumes_of_its_claims(answers: Answers) -> None:
    graph = answers.graph()
    nodes = {node.uid: node for node in graph.nodes}
    bound = 0
    for edge in graph.edges:
        claim, volume = nodes[edge.source], nodes[edge.target]
        if edge.type == "binds" and claim.kind == "PersistentVolumeClaim" and claim.release:
            assert volume.uid in {node.uid for node in answers.graph(release=claim.release).nodes}
            shown = {(each.kind, each.name) for each in answers.resources(release=claim.release)}
            assert ("PersistentVolume", volume.name) in shown
            bound += 1
    assert bound


def test_a_release_in_a_namespace(answers: Answers) -> None:
    for release, namespace in answers.pairs:
        nodes = answers.graph().nodes
        inside = {node.uid for node in nodes if (node.release, node.namespace) == (release, namespace)}
        given = answers.graph(release=release, namespace=namespace).nodes
        assert inside <= {node.uid for node in given}
        assert {node.namespace for node in given} <= {namespace, ""}
        resources = answers.resources(release=release, namespace=namespace)
        assert {resource.namespace for resource in resources} <= {namespace, ""}
        assert [each.release for each in resources].count(release) >= len(inside)


def test_the_names(answers: Answers) -> None:
    nodes = answers.graph().nodes
    assert set(answers.names("/api/v1/releases")) == set(answers.releases)
    assert set(answers.names("/api/v1/charts")) == {node.chart for node in nodes if node.chart}
    assert set(answers.names("/api/v1/namespaces")) >= set(answers.namespaces)
    for namespace in answers.namespaces:
        inside = [node for node in nodes if node.namespace == namespace]
        releases = answers.names("/api/v1/releases", namespace=namespace)
        assert set(releases) >= {node.release for node in inside if node.release}
        charts = answers.names("/api/v1/charts", namespace=namespace)
        assert set(charts) >= {node.chart for node in inside if node.chart}


def test_names_are_unique_and_sorted(answers: Answers) -> None:
    for (method, target), answer in answers.all.items():
        if method == "GET" and target.partition("?")[0] in LISTS:
            names: list[str] = msgspec.json.decode(answer.body)
            assert len(set(names)) == len(names)
            if answers.source != "original":
                assert names == sorted(names), target


def test_an_empty_parameter_counts_as_absent(answers: Answers) -> None:
    for path, parameters in PATHS.items():
        for name in (*parameters, "_"):
            value = "1795594321123" if name == "_" else ""
            assert in_order(answers.get(path, **{name: value})) == in_order(answers.get(path)), (path, name)


def in_order(answer: Answer) -> Any:
    """The document, whatever the order of its arrays, without what passes."""
    document = msgspec.json.decode(answer.body)
    if isinstance(document, dict):
        lists = {key: sorted(map(str, value)) for key, value in document.items() if isinstance(value, list)}
        return {"status": document.get("status"), **lists}
    return sorted(str({**each, "age": ""}) if isinstance(each, dict) else each for each in document)


def test_an_unknown_value_matches_nothing(answers: Answers) -> None:
    for path, parameters in PATHS.items():
        for name in parameters:
            answer = answers.get(path, **{name: NOBODY})
            document: Any = msgspec.json.decode(answer.body)
            assert answer.status == 200
            if name == "release" or path in LISTS:
                listed = document["nodes"] if path == GRAPH else document
                assert listed == [], (path, name)
            elif path == GRAPH:  # what is in no namespace may be there
                assert {node["namespace"] for node in document["nodes"]} <= {""}
            else:
                assert {resource["namespace"] for resource in document} <= {""}


def test_head_is_get_without_a_body(answers: Answers) -> None:
    for path in PATHS:
        head, get = answers.get(path, "HEAD"), answers.get(path)
        assert (head.status, head.type, head.body) == (get.status, get.type, b"")


def test_a_trailing_slash_is_another_path(answers: Answers) -> None:
    for path in PATHS:
        assert answers.get(f"{path}/").status == 404
