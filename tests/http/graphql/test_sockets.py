"""Subscriptions and queries over a WebSocket, and as server-sent events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.status import PENDING, Status
from astrolabe.settings import Limits
from tests.support.graphql import hear, hear_data, open_socket, say, socket, subscribe
from tests.support.serving import PATIENCE, Site, eventually, serve
from tests.support.worlds import EPOCH, World, crowd, facts, shop

GRAPH = """
subscription ($filter: Filter, $since: String) {
  graph(filter: $filter, since: $since) {
    type position last reason nodes { uid status } edges { type from to } removedNodes removedEdges { type from to }
  }
}
"""


async def ended(opened: ClientConnection) -> tuple[int, str]:
    """The code and reason with which the server closes."""
    async with asyncio.timeout(PATIENCE):
        await opened.wait_closed()
    return opened.close_code or 0, opened.close_reason or ""


async def test_a_query(site: Site) -> None:
    async with socket(site) as opened:
        await subscribe(opened, '{node(uid: "service-web") {name}}')
        assert await hear_data(opened) == {"node": {"name": "web"}}
        assert await hear(opened) == {"id": "1", "type": "complete"}


async def test_a_query_that_cannot_be_executed(site: Site) -> None:
    async with socket(site) as opened:
        await subscribe(opened, "{nonsense}")
        answer = await hear(opened)
        assert (answer["type"], answer["id"]) == ("error", "1")
        assert answer["payload"][0]["message"].startswith("Cannot query field 'nonsense' on")
        await subscribe(opened, '{node(uid: "service-web") {name}}')
        assert await hear_data(opened) == {"node": {"name": "web"}}


async def test_the_graph_and_its_changes(site: Site) -> None:
    async with socket(site) as opened:
        await subscribe(opened, GRAPH, filter={"kind": "Deployment"})
        first = (await hear_data(opened))["graph"]
        assert first == {
            "type": "snapshot",
            "position": f"{EPOCH}:{site.hub.graph.seq}",
            "last": True,
            "reason": None,
            "nodes": [{"uid": "deployment-web", "status": "Pending"}],
            "edges": [],
            "removedNodes": [],
            "removedEdges": [],
        }
        site.world.set(facts("Deployment", "api", status=Status(PENDING, "Progressing")))
        second = (await hear_data(opened))["graph"]
        assert (second["type"], second["nodes"]) == (
            "delta",
            [{"uid": "deployment-api", "status": "Pending"}],
        )
        site.world.remove("deployment-api")
        third = (await hear_data(opened))["graph"]
        assert (third["nodes"], third["removedNodes"]) == ([], ["deployment-api"])
        assert third["position"] == f"{EPOCH}:{site.hub.graph.seq}"


async def test_a_subscription_resumes_where_another_ended(site: Site) -> None:
    async with socket(site) as opened:
        await subscribe(opened, GRAPH)
        position = (await hear_data(opened))["graph"]["position"]
    site.world.set(facts("Deployment", "api"))
    site.world.remove("pod-lone")
    async with socket(site) as opened:
        await subscribe(opened, GRAPH, since=position)
        missed = (await hear_data(opened))["graph"]
    assert (missed["type"], missed["removedNodes"]) == ("delta", ["pod-lone"])
    assert missed["nodes"] == [{"uid": "deployment-api", "status": "Ready"}]


async def test_a_position_of_another_history(site: Site) -> None:
    async with socket(site) as opened:
        await subscribe(opened, GRAPH, since="other:7")
        reset = (await hear_data(opened))["graph"]
        assert (reset["type"], reset["reason"], reset["position"]) == ("reset", "epoch-changed", None)
        assert (await hear_data(opened))["graph"]["type"] == "snapshot"


async def test_changes_alone(site: Site) -> None:
    query = "subscription ($since: String) { changes(since: $since) { type nodes { uid owner { name } } position } }"
    async with socket(site) as opened:
        await subscribe(opened, query)
        now = (await hear_data(opened))["changes"]
        assert (now["type"], now["nodes"]) == ("bookmark", [])
        site.world.set(facts("Deployment", "api"))
        changed = (await hear_data(opened))["changes"]
        assert (changed["type"], changed["nodes"]) == ("delta", [{"uid": "deployment-api", "owner": None}])
    async with socket(site) as opened:
        await subscribe(opened, query, since="other:7")
        assert (await hear_data(opened))["changes"]["type"] == "reset"
        after = (await hear_data(opened))["changes"]
        assert (after["type"], after["nodes"]) == ("bookmark", [])  # no snapshot was asked for
        assert after["position"] == f"{EPOCH}:{site.hub.graph.seq}"


async def test_problems(site: Site) -> None:
    site.hub.problems.follow(lambda: True)
    query = "subscription { problems { type last problems { id reason cause { name resource { kind } } } removed } }"
    async with socket(site) as opened:
        await subscribe(opened, query)
        first = (await hear_data(opened))["problems"]
    assert first["type"] == "snapshot"
    assert [each["id"] for each in first["problems"]] == [
        each["id"] for each in await site.json("/api/v1/problems")
    ]
    site.hub.problems.rest()


async def test_several_operations_and_their_end(site: Site) -> None:
    async with socket(site) as opened:
        for id in ("a", "b"):
            await subscribe(opened, "subscription { changes { nodes { uid } } }", id)
            assert await hear_data(opened, id) == {"changes": {"nodes": []}}
        await say(opened, type="complete", id="a")
        await say(opened, type="ping")
        assert await hear(opened) == {"type": "pong"}
        site.world.set(facts("Deployment", "api"))
        assert await hear_data(opened, "b") == {"changes": {"nodes": [{"uid": "deployment-api"}]}}
        await subscribe(opened, "subscription { changes { type } }", "a")
        assert await hear_data(opened, "a") == {"changes": {"type": "bookmark"}}
    await eventually(lambda: site.hub.subscriptions == 0)


async def test_too_many_operations() -> None:
    async with serve(shop(), Limits(max_subscriptions=1)) as site, socket(site) as opened:
        await subscribe(opened, "subscription { changes { type } }", "a")
        await hear_data(opened, "a")
        await subscribe(opened, "subscription { changes { type } }", "b")
        answer = await hear(opened)
        assert (answer["type"], answer["id"]) == ("error", "b")
        assert answer["payload"][0]["extensions"] == {
            "code": "too-many-subscriptions",
            "limit": 1,
            "flag": "--max-subscriptions",
        }


async def test_reasons_that_end_a_connection(site: Site) -> None:
    async with open_socket(site) as opened:
        await subscribe(opened, "{state{state}}")
        assert await ended(opened) == (4401, "Unauthorized")
    async with socket(site) as opened:
        await say(opened, type="nonsense")
        code, reason = await ended(opened)
        assert (code, reason[:16]) == (4400, "invalid message:")
    async with socket(site) as opened:
        await subscribe(opened, "subscription { changes { type } }")
        await subscribe(opened, "subscription { changes { type } }")
        assert await ended(opened) == (4409, "Subscriber for 1 already exists")
    async with connect(f"ws://127.0.0.1:{site.port}/graphql") as opened:
        assert await ended(opened) == (
            4406,
            "this WebSocket speaks graphql-transport-ws: offer it as subprotocol",
        )


async def test_a_client_that_sends_no_connection_init_is_closed() -> None:
    async with serve(shop(), Limits(request_timeout=0.05)) as site, open_socket(site) as opened:
        assert await ended(opened) == (4408, "Connection initialisation timeout")


async def test_an_unknown_user_gets_a_close_code_that_browsers_see(tmp_path: Any) -> None:
    (tmp_path / "tokens").write_text("secret")
    async with serve(shop(), auth="token", auth_token_file=str(tmp_path / "tokens")) as site:
        with pytest.raises(InvalidStatus):
            async with open_socket(site):
                pass
        url, own = f"ws://127.0.0.1:{site.port}/graphql", f"http://127.0.0.1:{site.port}"
        async with connect(url, subprotocols=["graphql-transport-ws"], origin=own) as opened:  # type: ignore[list-item, arg-type]
            assert await ended(opened) == (
                4401,
                "a token is needed: send it as Authorization header or subprotocol, not in connection_init",
            )


async def test_too_many_connections() -> None:
    async with serve(shop(), Limits(max_connections=1)) as site, socket(site):
        url, own = f"ws://127.0.0.1:{site.port}/graphql", f"http://127.0.0.1:{site.port}"
        async with connect(url, subprotocols=["graphql-transport-ws"], origin=own) as opened:  # type: ignore[list-item, arg-type]
            assert await ended(opened) == (4429, "1 streams are open, which is all there may be")


async def test_a_slow_reader_gets_one_merged_update() -> None:
    """While its transport is full, nothing is queued; then the last state of each node comes once."""
    world = crowd(3000)
    async with serve(world) as site:
        async with open_socket(site) as opened:
            opened.transport.pause_reading()
            await say(opened, type="connection_init")
            fields = "type position last nodes { uid status metadata labels message reason } removedNodes"
            for number in range(8):
                await subscribe(opened, f"subscription {{ graph {{ {fields} }} }}", str(number))
            await eventually(lambda: site.hub.subscriptions == 8)
            (channel,) = site.server._connections._open
            await eventually(lambda: not channel.writable)
            for _ in range(20):
                world.send(_removal(world))
            opened.transport.resume_reading()
            held: dict[str, set[str]] = {str(number): set() for number in range(8)}
            messages = 0
            async with asyncio.timeout(PATIENCE):
                while any(len(uids) != 2980 for uids in held.values()):
                    message = json.loads(await opened.recv())
                    if message["type"] != "next":
                        continue
                    messages += 1
                    update = message["payload"]["data"]["graph"]
                    uids = held[message["id"]]
                    uids.update(node["uid"] for node in update["nodes"])
                    uids.difference_update(update["removedNodes"])
        assert set(world.hub.graph.nodes) == held["0"]


def _removal(world: World) -> Changes:
    """The removal of the first node."""
    graph = world.hub.graph
    uid = next(iter(graph.nodes))
    edges = [edge.key for edge in (*graph.outgoing(uid), *graph.incoming(uid))]
    return Changes(nodes_removed=[uid], edges_removed=edges)


async def test_server_sent_events(site: Site) -> None:
    body = {"query": "subscription { changes { type nodes { uid } } }"}
    headers = {"Accept": "text/event-stream"}
    async with site.http.post(f"http://127.0.0.1:{site.port}/graphql", json=body, headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        assert await event(answer) == ("next", {"changes": {"type": "bookmark", "nodes": []}})
        site.world.set(facts("Deployment", "api"))
        assert await event(answer) == (
            "next",
            {"changes": {"type": "delta", "nodes": [{"uid": "deployment-api"}]}},
        )


async def test_a_query_as_server_sent_events_ends(site: Site) -> None:
    url, headers = f"http://127.0.0.1:{site.port}/graphql", {"Accept": "text/event-stream"}
    async with site.http.post(url, json={"query": "{state{state}}"}, headers=headers) as answer:
        text = (await answer.read()).decode()
    first, last, rest = text.split("\n\n")
    assert first.startswith('event: next\ndata: {"data":{"state":{"state":"live"}}')
    assert (last, rest) == ("event: complete\ndata: ", "")
    async with site.http.post(url, json={"query": "{nonsense}"}, headers=headers) as answer:
        assert (await answer.read()).decode().startswith('event: next\ndata: {"errors":[{"message":')


async def event(answer: Any) -> tuple[str, Any]:
    """The next event and its data."""
    name = ""
    async with asyncio.timeout(PATIENCE):
        while line := (await answer.content.readline()).decode().rstrip("\n"):
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                data = json.loads(value)["data"]
        return name, data
