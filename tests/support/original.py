"""A server that answers as the original did: its paths and shapes, from nodes and edges of ours.

Older in shape: what is newer than its API is left out, arrays come in an order of their own, a path that it does
not know is a 404 in plain text, and parameters that it does not know are ignored.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from time import time
from typing import Any

from aiohttp import web

from astrolabe.age import age

Json = dict[str, Any]

_NODE = ("uid", "name", "namespace", "kind", "status", "message", "chart", "release")
#: Keys of metadata that are newer.
_NEWER = {"creationTimestamp", "podIP", "ready", "containers", "ports", "hosts"}
_METADATA = ("image", "nodeName", "restartCount", "replicas", "volumeName", "claimRef", "targetPods")
_METADATA += ("mountedPVCs", "usedConfigMaps", "usedSecrets", "serviceAccountName")


class Original:
    """What it holds; may be changed at any time. look: called before each answer, with its path.

    asked: what was asked for. shown: the tokens that came along.
    """

    def __init__(self, graph: Json) -> None:
        self.nodes: list[Json] = list(graph["nodes"])
        self.edges: list[Json] = list(graph["edges"])
        self.look: Callable[[str], None] = lambda path: None
        self.asked: list[str] = []
        self.shown: list[str] = []
        self._random = random.Random(1)

    def kept(self, release: str, namespace: str) -> list[Json]:
        nodes = [node for node in self.nodes if not namespace or node["namespace"] in (namespace, "")]
        if release:
            nodes = [node for node in nodes if node.get("release") == release]
            uids = {node["uid"] for node in nodes}
            used = {edge["to"] for edge in self.edges if edge["from"] in uids and edge["type"] != "runs-on"}
            nodes += [node for node in self.nodes if node["uid"] in used - uids and not node.get("release")]
        return self._shuffled(nodes)

    def graph(self, nodes: Sequence[Json]) -> Json:
        uids = {node["uid"] for node in nodes}
        edges = [edge for edge in self.edges if {edge["from"], edge["to"]} <= uids]
        return {"nodes": [_node(node) for node in nodes], "edges": self._shuffled(map(_edge, edges))}

    def names(self, key: str, namespace: str = "") -> list[str]:
        nodes = [node for node in self.nodes if namespace in ("", node["namespace"])]
        return self._shuffled({node[key] for node in nodes if node.get(key)})

    def _shuffled(self, entries: Iterable[Any]) -> list[Any]:
        listed = list(entries)
        self._random.shuffle(listed)
        return listed

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        self.shown += request.headers.getall("Authorization", [])
        self.look(request.path)
        release, namespace = (request.query.get(name, "") for name in ("release", "namespace"))
        match request.path:
            case "/health":
                return web.json_response({"status": "healthy", "nodes": len(self.nodes)})
            case "/api/v1/graph":
                return web.json_response(self.graph(self.kept(release, namespace)))
            case "/api/v1/resources":
                return web.json_response([_resource(node) for node in self.kept(release, namespace)])
            case "/api/v1/releases":
                return web.json_response(self.names("release", namespace))
            case "/api/v1/charts":
                return web.json_response(self.names("chart", namespace))
            case "/api/v1/namespaces":
                return web.json_response(self.names("namespace"))
        return web.Response(status=404, text="404 page not found\n")


def _node(node: Json) -> Json:
    shown = {key: node[key] for key in _NODE if key in node}
    metadata = {key: value for key, value in node["metadata"].items() if key not in _NEWER and value}
    return {**shown, "metadata": metadata} if metadata else shown


def _edge(edge: Json) -> Json:
    return {key: edge[key] for key in ("type", "from", "to")}


def _resource(node: Json) -> Json:
    metadata, created = node["metadata"], node["metadata"]["creationTimestamp"]
    shown = {key: node[key] for key in ("name", "namespace", "kind", "apiVersion", "status", "message")}
    shown |= {"chart": node.get("chart", ""), "release": node.get("release", "")}
    shown |= {"age": age(created, time()), "creationTimestamp": created}
    shown |= {key: metadata[key] for key in _METADATA if metadata.get(key)}
    return shown


@asynccontextmanager
async def original(graph: Json) -> AsyncIterator[tuple[Original, str]]:
    """Serve what is in the graph, as our `/api/v1/graph` has it: the server, and where it is."""
    held = Original(graph)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", held.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield held, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
