"""Attacks of users who may see little, on a server with `--auth=kubernetes`, and of others who are no users."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import cycle
from urllib.parse import quote

from websockets.frames import Opcode

from tests.hostile.attacks import AllAtOnce, Attack, Scene
from tests.support.raw import UPGRADE, Peer, frame

#: The token of who may see everything.
ADMIN = "admin"
#: Users with a token, who may each see some kinds in one namespace.
USERS = 1000
#: Ways to ask for what may not be seen.
PROBES = (
    "/api/v1/find?q=secret",
    "/api/v1/resources?kind=Secret",
    "/api/v1/graph?q=" + quote("used-by:* kind:secret"),
    "/api/v1/complete?q=ns:",
    "/api/v1/problems",
    "/api/v1/unresolved",
    "/api/v1/grafana/frames?kind=Secret",
    "/api/v1/graph?selector=" + quote(",".join(f"!k{number}" for number in range(60))),
    "/api/v1/releases?detail=true",
    "/metrics",
)


def user(number: int) -> str:
    """The name of a user, which is the token."""
    return f"user-{number % USERS}"


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}\r\n"


class UnknownTokens:
    """Each request has another token, which nobody knows. Some are as long as a header may be."""

    name, seconds = "unknown tokens", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        async def ask(peer: Peer, number: int) -> None:
            token = f"{scene.random.random()}-{number}" + "x" * (6_000 if number % 8 == 0 else 0)
            await peer.ask("/api/v1/graph", f"Connection: close\r\n{bearer(token)}")
            await peer.read_all()

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await scene.by_many(scene.size(200, 50), ask)


class ManyUsers:
    """Each connection is of another user, and asks for what that one may not see."""

    name, seconds = "many users who probe", 3.0

    async def run(self, scene: Scene, seconds: float) -> None:
        probes = cycle(PROBES)

        async def ask(peer: Peer, number: int) -> None:
            await peer.ask(next(probes), f"Connection: close\r\n{bearer(user(number))}")
            await peer.read_all()

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await scene.by_many(scene.size(USERS, 100), ask)


class UnreadByUsers:
    """Each of many users asks for all that they see, and reads nothing."""

    name, seconds = "users who do not read", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        async def ask(peer: Peer, number: int) -> None:
            path, headers = [("/api/v1/graph", ""), ("/api/v1/events", ""), ("/api/v1/ws", UPGRADE)][
                number % 3
            ]
            await peer.ask(path, headers + bearer(user(number)))
            await asyncio.sleep(seconds)

        await scene.by_many(scene.size(400, 100), ask)


class WideSubscriptions:
    """Each connection of a user subscribes to the largest filters, all of which are different."""

    name, seconds = "subscriptions of users", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        async def ask(peer: Peer, number: int) -> None:
            await peer.ask("/api/v1/ws?subscribe=false", UPGRADE + bearer(user(number)))
            await peer.read_past(b'"heartbeat"')
            for each in range(16):
                selector = ",".join(f"k{at}!=v{number}-{each}" for at in range(30))
                what = ("graph", "problems")[each % 2]
                message = {
                    "type": "subscribe",
                    "id": str(each),
                    "what": what,
                    "filter": {"selector": selector},
                }
                await peer.send(frame(Opcode.TEXT, json.dumps(message).encode()))
            await asyncio.sleep(seconds)

        await scene.by_many(scene.size(200, 40), ask)


USER_ATTACKS: tuple[Attack, ...] = (UnknownTokens(), ManyUsers(), UnreadByUsers(), WideSubscriptions())

EVERYTHING_BY_USERS = AllAtOnce("all of these at once, by users", USER_ATTACKS)
