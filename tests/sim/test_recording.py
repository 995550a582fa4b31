"""The recording, replayed into the simulator: what a client sees is what the real server sent."""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec
import pytest

from astrolabe.sim.server import Simulator
from tests.sim.client import Client
from tests.support.recording import Recording, replay

RECORDED = Recording().kinds


def by_key(items: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    return {(item["metadata"].get("namespace", ""), item["metadata"]["name"]): item for item in items}


def bookmark(lines: list[bytes]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(next(line for line in lines if b'{"type":"BOOKMARK"' in line))
    return found


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_full_replay_ends_in_the_final_lists(recording: Recording, seed: int | None) -> None:
    store = recording.store()
    replay(store, recording.changes if seed is None else recording.shuffled(seed))
    for kind in RECORDED:
        assert by_key(list(store.manifests(kind.name))) == by_key(recording.items(kind))


def test_a_shuffle_moves_events_between_kinds_only(recording: Recording) -> None:
    shuffled = recording.shuffled(7)
    assert shuffled != recording.changes
    for kind in RECORDED:
        mine = [change for change in recording.changes if change.kind == kind.name]
        assert [change for change in shuffled if change.kind == kind.name] == mine


async def test_watches_repeat_the_recorded_lines_byte_for_byte(recording: Recording) -> None:
    store = recording.store()
    replay(store, recording.changes)
    async with Simulator(store) as simulator, aiohttp.ClientSession(simulator.url) as session:
        client = Client(session)
        for kind in RECORDED:
            expected = [line for line in recording.lines(kind) if b'{"type":"BOOKMARK"' not in line]
            async with client.watch(kind.path, resourceVersion="1118") as watching:
                assert [await watching.line() for _ in expected] == expected


async def test_lists_equal_the_recorded_ones_except_for_the_version(recording: Recording) -> None:
    async with (
        Simulator(recording.final_store()) as simulator,
        aiohttp.ClientSession(simulator.url) as session,
    ):
        client = Client(session)
        for kind in RECORDED:
            answer = await client.get(kind.path)
            assert answer == {
                "kind": f"{kind.name}List",
                "apiVersion": kind.api_version,
                "metadata": {"resourceVersion": "1874"},
                "items": recording.items(kind),
            }


async def test_bookmarks_have_the_recorded_shape(recording: Recording) -> None:
    store = recording.final_store()
    async with (
        Simulator(store, bookmark_interval=0.01) as simulator,
        aiohttp.ClientSession(simulator.url) as session,
    ):
        client = Client(session)
        for kind in RECORDED:
            recorded = msgspec.json.decode(
                next(line for line in recording.lines(kind) if b'{"type":"BOOKMARK"' in line)
            )
            recorded["object"]["metadata"] = {"resourceVersion": "1874"}
            if kind.name == "CustomResourceDefinition":  # these are empty, but written
                del recorded["object"]["spec"], recorded["object"]["status"]
            async with client.watch(
                kind.path, resourceVersion="1874", allowWatchBookmarks="true"
            ) as watching:
                assert await watching.event() == recorded


async def test_a_lagging_kind_hides_nothing_from_its_watch(recording: Recording) -> None:
    """Kinds replayed one after the other: a list says how far its own kind has come, not the store."""
    store = recording.store()
    pods = [change for change in recording.changes if change.kind == "Pod"]
    replay(store, (change for change in recording.changes if change.kind == "ReplicaSet"))
    async with Simulator(store) as simulator, aiohttp.ClientSession(simulator.url) as session:
        client = Client(session)
        answer = await client.get("/api/v1/pods")
        version = answer["metadata"]["resourceVersion"]
        assert version == "1118"
        async with client.watch("/api/v1/pods", resourceVersion=version) as watching:
            replay(store, pods)
            assert [await watching.line() for _ in pods] == [change.line for change in pods]
