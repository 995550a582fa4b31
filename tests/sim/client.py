"""A small API client for the tests: lists, and watches read line by line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

Json = dict[str, Any]

LIST_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
WATCH_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class Watching:
    """An open watch."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def line(self) -> bytes:
        """The next line; empty at the end of the stream."""
        return await self.response.content.readuntil(b"\n")

    async def event(self) -> Json:
        event: Json = msgspec.json.decode(await self.line())
        return event

    async def events(self, count: int) -> list[Json]:
        return [await self.event() for _ in range(count)]

    async def rest(self) -> list[Json]:
        """All events until the stream ends."""
        return [msgspec.json.decode(line) for line in (await self.response.read()).splitlines()]


class Client:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def get(self, path: str, accept: str = "application/json", **query: str) -> Json:
        """A 200 answer, decoded."""
        async with self.session.get(path, params=_query(query), headers={"Accept": accept}) as response:
            body = await response.read()
            assert response.status == 200, body
            decoded: Json = msgspec.json.decode(body)
            return decoded

    async def refusal(self, path: str, **query: str) -> tuple[int, Json]:
        async with self.session.get(path, params=_query(query)) as response:
            return response.status, msgspec.json.decode(await response.read())

    @asynccontextmanager
    async def watch(
        self, path: str, accept: str = "application/json", **query: str
    ) -> AsyncIterator[Watching]:
        parameters = {"watch": "1", **_query(query)}
        async with self.session.get(path, params=parameters, headers={"Accept": accept}) as response:
            assert response.status == 200, await response.read()
            yield Watching(response)


def _query(query: dict[str, str]) -> dict[str, str]:
    """`continue` is a word of Python: it is written with a trailing underscore."""
    return {name.rstrip("_"): value for name, value in query.items()}


def summary(events: list[Json]) -> list[tuple[str, str]]:
    """(type, name) of events."""
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]
