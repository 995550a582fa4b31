"""What a server refuses: what ends a client, and what is waited for."""

from __future__ import annotations

from typing import Any

import pytest

from astrolabe.client import ClientError
from tests.client.support import playing, until
from tests.support.stage import HELLO, delta, node, send, snapshot


async def test_a_running_subscription_is_not_refused() -> None:
    twice = {"type": "error", "id": "default", "code": "duplicate-id", "message": "the id is in use"}
    act = send(HELLO, snapshot(node("a")), twice, delta(1, 2, node("b")))
    async with playing(act) as (client, _):
        await client.reached(2)
        assert client.graph.nodes.keys() == {"a", "b"}


async def test_a_temporary_refusal_of_a_subscription_is_retried() -> None:
    many = {"type": "error", "id": "default", "code": "too-many-filters", "message": "1000 filters in use"}
    acts = (send(HELLO, many), send(HELLO, snapshot(node("a"))))
    async with playing(*acts) as (client, _):
        updates = await until(client, "snapshot")
        assert [update.reason for update in updates if update.event == "disconnected"] == [many["message"]]


async def test_a_filter_that_the_server_refuses_ends_it() -> None:
    refusal = {"type": "error", "id": "default", "code": "bad-filter", "message": "unknown kind 'Pood'"}
    async with playing(send(HELLO, refusal)) as (client, _):
        with pytest.raises(ClientError, match="unknown kind 'Pood'") as caught:
            await client.ready()
    assert caught.value.code == "bad-filter"


@pytest.mark.parametrize("code", [4500, 4502, 4999])
async def test_a_close_code_from_4500_on_ends_it(code: int) -> None:
    async with playing(send(HELLO, code=code)) as (client, server):
        with pytest.raises(ClientError) as caught:
            await client.ready()
        assert str(caught.value) == f"ws://{server.url} refuses this client: close code {code}"
    assert caught.value.code == "refused"


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("<html>", "is not an Astrolabe server: a message is not JSON"),
        (
            {"type": "hello"},
            "is not an Astrolabe server: a message is malformed: Object missing required field",
        ),
        ({**HELLO, "protocol": "astrolabe.v9"}, "speaks astrolabe.v9, not astrolabe.v1"),
    ],
)
async def test_a_server_that_is_not_astrolabe_is_final(first: Any, why: str) -> None:
    async with playing(send(first)) as (client, server):
        with pytest.raises(ClientError, match=why) as caught:
            await client.ready()
        assert str(caught.value).startswith(f"ws://{server.url} ")
    assert caught.value.code == "no-astrolabe"


@pytest.mark.parametrize("code", [4500, 4502, 4999])
async def test_a_refusal_that_is_final_is_raised_as_the_server_says_it(code: int) -> None:
    refusal = {"type": "error", "code": "forbidden-origin", "message": "no page of http://evil may ask"}
    async with playing(send(refusal, code=code)) as (client, server):
        with pytest.raises(ClientError) as raised:
            await client.ready()
    assert str(raised.value) == f"ws://{server.url} refuses: no page of http://evil may ask"
    assert raised.value.code == "forbidden-origin"


async def test_a_temporary_refusal_is_retried() -> None:
    refusal = {"type": "error", "code": "too-many-connections", "message": "1,000 are open"}
    async with playing(send(refusal, code=4429), send(HELLO, snapshot(node("a")))) as (client, _):
        updates = await until(client, "snapshot")
    assert [(update.event, update.reason) for update in updates] == [
        ("disconnected", "1,000 are open"),
        ("connected", ""),
        ("snapshot", ""),
    ]
