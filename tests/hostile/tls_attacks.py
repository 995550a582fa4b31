"""Attacks on the TLS handshake, before any request."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.hostile.attacks import (
    AllAtOnce,
    Attack,
    ConnectionFlood,
    HalfRequests,
    LargeHeads,
    LargeMessages,
    Scene,
    SlowReaders,
    UnreadGraphs,
    UnreadStreams,
)
from tests.support.raw import dial
from tests.support.raw_tls import TlsPeer


class HalfHandshakes:
    """Handshakes that stop after some bytes, after the first message, or are none."""

    name, seconds = "half handshakes", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        context = scene.tls
        assert context is not None

        async def begin(number: int) -> None:
            with suppress(OSError):
                async with dial(scene.port) as plain:
                    peer = TlsPeer(plain.socket, context)
                    if number % 4 == 0:
                        await peer.say_hello(scene.random.randrange(1, 200))
                    elif number % 4 == 1:
                        await plain.send(b"\x16\x03\x01\x40\x00" + scene.random.randbytes(500))
                    elif number % 4 == 2:
                        await peer.say_hello()
                    await asyncio.sleep(seconds)

        async with asyncio.TaskGroup() as group:
            for number in range(scene.size(1000, 200)):
                group.create_task(begin(number), name="attacker")


class HandshakeFlood:
    """Handshakes that are cut as soon as the server has done its part of the work."""

    name, seconds = "handshake flood", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        context = scene.tls
        assert context is not None

        async def begin(number: int) -> None:
            with suppress(OSError):
                async with dial(scene.port) as plain:
                    peer = TlsPeer(plain.socket, context)
                    if number % 2:
                        await peer.shake_hands()
                    else:
                        await peer.say_hello()
                        await plain.read(1)
                    plain.reset()

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for _ in range(scene.size(400, 10)):
                    async with asyncio.TaskGroup() as group:
                        for number in range(50):
                            group.create_task(begin(number), name="attacker")


TLS_ATTACKS: tuple[Attack, ...] = (
    HalfHandshakes(),
    HandshakeFlood(),
    UnreadGraphs(),
    UnreadStreams(),
    SlowReaders(),
    HalfRequests(),
    ConnectionFlood(),
    LargeHeads(),
    LargeMessages(),
)


EVERYTHING_OVER_TLS = AllAtOnce("all of these at once, over TLS", TLS_ATTACKS)
