"""Asks a server for its health all the time, in a process of its own, as a kubelet does: each time anew.

`python -m tests.hostile.bystander PORT [CERTIFICATE [TOKEN]]` answers commands: see `Bystander`, and
`tests.benchmarks.processes`. Over TLS it comes from an address of its own, as a kubelet does.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from statistics import quantiles
from typing import Any

import uvloop

from tests.benchmarks.processes import answer

#: Seconds between two questions, and after which one is given up.
PAUSE, PATIENCE = 0.025, 10.0
#: Questions of which one time in a hundred tells something.
ENOUGH = 100
#: The address from which it comes over TLS.
OWN_ADDRESS = "127.0.0.2"
REQUEST = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{}\r\n"


class Bystander:
    def __init__(self, port: int, tls: ssl.SSLContext | None = None, token: str = "") -> None:
        self._port = port
        self._request = REQUEST.format(f"Authorization: Bearer {token}\r\n" if token else "").encode()
        self._options: dict[str, Any] = {} if tls is None else {"ssl": tls, "local_addr": (OWN_ADDRESS, 0)}
        self._taken: list[float] = []
        self._failed = self._asked = 0
        self._enough = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        self._taken, self._failed, self._asked = [], 0, 0
        self._enough.clear()
        self._asking = asyncio.create_task(self._ask_on(), name="asking")

    async def end(self) -> dict[str, Any]:
        """Milliseconds that answers took, and how many questions had none; an attack may be over at once."""
        assert self._asking is not None
        await self._enough.wait()
        self._asking.cancel()
        under_way = list(self._under_way)
        for question in under_way:
            question.cancel()
        await asyncio.gather(self._asking, *under_way, return_exceptions=True)
        cuts = quantiles(self._taken, n=100)
        return {
            "p50": cuts[49] * 1e3,
            "p99": cuts[98] * 1e3,
            "asked": len(self._taken),
            "failed": self._failed,
        }

    async def _ask_on(self) -> None:
        """Whether or not the last one is answered: otherwise the time in which nothing is would count once."""
        while True:
            self._asked += 1
            if self._asked == ENOUGH:
                self._enough.set()
            question = asyncio.create_task(self._ask_once(), name="question")
            self._under_way.add(question)
            question.add_done_callback(self._under_way.discard)
            await asyncio.sleep(PAUSE)

    async def _ask_once(self) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                answered = await self._ask()
        except OSError as error:  # TimeoutError is one
            self._fail(repr(error))
        else:
            if not answered.startswith(b"HTTP/1.1 200 "):
                self._fail(f"{answered[:200]!r}")
        finally:  # also one that is under way at the end
            self._taken.append(time.monotonic() - began)

    def _fail(self, why: str) -> None:
        self._failed += 1
        print(f"a question for its health has no answer: {why}", file=sys.stderr)

    async def _ask(self) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, **self._options)
        try:
            writer.write(self._request)
            return await reader.read()
        finally:
            writer.close()


async def main(port: int, certificate: str = "", token: str = "") -> None:
    tls = ssl.create_default_context(cafile=certificate) if certificate else None
    bystander = Bystander(port, tls, token)
    await answer({"begin": bystander.begin, "end": bystander.end})


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), *sys.argv[2:]))
