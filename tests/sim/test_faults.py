from __future__ import annotations

import asyncio
import random

import aiohttp
import msgspec
import pytest

from astrolabe.sim import faults
from astrolabe.sim.faults import InjectedFault
from astrolabe.sim.server import Simulator
from tests.sim.client import Client, summary

PODS = "/api/v1/pods"


def fill(simulator: Simulator, count: int = 3) -> None:
    for number in range(count):
        metadata = {"name": f"p-{number}", "namespace": "shop", "annotations": {"note": "für die Größe €"}}
        simulator.store.create("Pod", {"metadata": metadata, "spec": {}})


NAMES = [("ADDED", "p-0"), ("ADDED", "p-1"), ("ADDED", "p-2")]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 422, 429, 500, 503, 504])
async def test_statuses(simulator: Simulator, client: Client, code: int) -> None:
    simulator.faults.add(faults.HttpStatus(code=code, times=2))
    for _ in range(2):
        status, answer = await client.refusal(PODS)
        assert (status, answer["code"], answer["kind"]) == (code, code, "Status")
    assert (await client.get(PODS))["items"] == []
    assert simulator.faults.active == []


async def test_too_many_requests_has_retry_after(simulator: Simulator, client: Client) -> None:
    simulator.faults.add(faults.HttpStatus(code=429, retry_after=7))
    async with client.session.get(PODS) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "7")
        assert (await response.json())["reason"] == "TooManyRequests"


async def test_a_fault_hits_its_target_only(simulator: Simulator, client: Client) -> None:
    fault = faults.HttpStatus(kind="Pod", verb="watch", code=500, times=None)
    simulator.faults.add(fault)
    await client.get(PODS)
    await client.get("/api/v1/secrets")
    async with client.watch("/api/v1/secrets", timeoutSeconds="1"):
        for _ in range(3):
            assert (await client.refusal(PODS, watch="1"))[0] == 500
    simulator.faults.remove(fault)
    async with client.watch(PODS):
        assert simulator.faults.active == []


async def test_html_page(simulator: Simulator, client: Client) -> None:
    simulator.faults.add(faults.HtmlPage())
    async with client.session.get(PODS) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert (await response.text()).startswith("<html>")


async def test_disconnect(simulator: Simulator, client: Client) -> None:
    simulator.faults.add(faults.Disconnect(times=2))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.get(PODS)
    assert simulator.request_log.total == 2  # aiohttp itself asks once more


@pytest.mark.parametrize("after", [0, 2])
async def test_a_clean_cut(simulator: Simulator, client: Client, after: int) -> None:
    fill(simulator)
    simulator.faults.add(faults.Cut(after=after))
    async with client.watch(PODS) as watching:
        assert summary(await watching.rest()) == NAMES[:after]
    await simulator.request_log.until(lambda request_log: request_log.open_watches["Pod"] == 0)
    assert simulator.store.collection("Pod").listeners == set()


async def test_a_cut_in_the_middle_of_a_line(simulator: Simulator, client: Client) -> None:
    fill(simulator)
    simulator.faults.add(faults.Cut(after=2, middle=True))
    async with client.watch(PODS) as watching:
        assert summary(await watching.events(2)) == NAMES[:2]
        with pytest.raises((aiohttp.ClientPayloadError, asyncio.IncompleteReadError)):
            await watching.line()


async def test_a_list_cut_in_the_middle(simulator: Simulator, client: Client) -> None:
    fill(simulator)
    simulator.faults.add(faults.Cut(verb="list", middle=True))
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.get(PODS)


async def test_a_stall_keeps_the_connection_open_silently(simulator: Simulator, client: Client) -> None:
    fill(simulator)
    simulator.faults.add(faults.HalfOpen(after=1))
    async with client.watch(PODS) as watching:
        assert summary([await watching.event()]) == NAMES[:1]
        simulator.store.delete("Pod", {"metadata": {"name": "p-0", "namespace": "shop"}})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await watching.line()
        assert not watching.response.content.at_eof()


async def test_empty_answers(simulator: Simulator, client: Client) -> None:
    fill(simulator)
    simulator.faults.add(faults.EmptyAnswer(times=2))
    for _ in range(2):
        async with client.watch(PODS) as watching:
            assert await watching.rest() == []
    async with client.watch(PODS) as watching:
        assert summary(await watching.events(3)) == NAMES


async def test_expired_in_the_stream(simulator: Simulator, client: Client) -> None:
    fill(simulator)
    simulator.faults.add(faults.ExpiredInStream(after=1))
    async with client.watch(PODS) as watching:
        events = await watching.rest()
    assert [event["type"] for event in events] == ["ADDED", "ERROR"]
    assert (events[1]["object"]["code"], events[1]["object"]["reason"]) == (410, "Expired")


async def test_needless_bookmarks(simulator: Simulator, client: Client) -> None:
    fill(simulator, 1)
    simulator.faults.add(faults.Bookmarks(count=2))
    async with client.watch(PODS) as watching:
        events = await watching.events(3)
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK", "BOOKMARK"]
    assert events[1] == events[2]
    assert events[1]["object"]["metadata"] == {"resourceVersion": "1"}


async def test_a_huge_line(simulator: Simulator, client: Client) -> None:
    fill(simulator, 2)
    simulator.faults.add(faults.HugeLine(size=3_000_000))
    async with client.session.get(PODS, params={"watch": "1", "timeoutSeconds": "1"}) as response:
        lines = (await response.read()).splitlines()
    assert [len(line) > 3_000_000 for line in lines] == [True, False]
    assert msgspec.json.decode(lines[0])["object"]["metadata"]["name"] == "p-0"


async def test_dripping_bytes(simulator: Simulator, client: Client) -> None:
    fill(simulator)
    simulator.faults.add(faults.Drip(size=3, delay=0.0))
    async with client.watch(PODS) as watching:
        events = await watching.events(3)
    assert summary(events) == NAMES
    assert events[0]["object"]["metadata"]["annotations"]["note"] == "für die Größe €"


async def test_several_faults_apply_in_order(simulator: Simulator, client: Client) -> None:
    fill(simulator)
    simulator.faults.add(faults.Bookmarks(count=1))
    simulator.faults.add(faults.Cut(after=2))
    async with client.watch(PODS) as watching:
        assert [event["type"] for event in await watching.rest()] == ["ADDED", "ADDED"]
    simulator.faults.add(faults.HalfOpen(times=None))
    simulator.faults.clear()
    async with client.watch(PODS) as watching:
        assert summary(await watching.events(3)) == NAMES


def drawn(seed: int) -> list[InjectedFault]:
    rng = random.Random(seed)
    return [faults.draw_fault(rng) for _ in range(200)]


def test_every_fault_is_drawn_and_seeds_are_deterministic() -> None:
    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    everything = {each for each in InjectedFault.__subclasses__() if each.__module__ == faults.__name__}
    assert {type(fault) for fault in drawn(3)} == everything - {faults.HalfOpen, faults.DeepObject}
    assert all(fault.times for fault in drawn(3))


async def test_after_any_fault_the_next_answer_is_whole(simulator: Simulator, client: Client) -> None:
    fill(simulator)
    rng = random.Random(11)
    for _ in range(40):
        simulator.faults.clear()
        simulator.faults.add(faults.draw_fault(rng))
        try:
            async with client.session.get(PODS, params={"watch": "1", "timeoutSeconds": "1"}) as response:
                async with asyncio.timeout(0.05):
                    await response.read()
        except (aiohttp.ClientError, TimeoutError):
            pass
        simulator.faults.clear()
        assert len((await client.get(PODS))["items"]) == 3
