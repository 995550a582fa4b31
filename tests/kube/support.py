"""A sink that collects, a rude API server that plays a script, and how to point a Cluster at a server."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Self

from aiohttp import web

from astrolabe.engine.inbox import Deleted, InboxMessage, InvalidObject, ObjectChanges, Replace, WatchStatus
from astrolabe.graph.model.facts import Facts
from astrolabe.kinds.kind import Kind
from astrolabe.kube.client import Cluster
from astrolabe.kube.reflector import Reflector
from astrolabe.kube.timing import WatchTiming
from astrolabe.settings import Settings
from astrolabe.sim.kubeconfig import kubeconfig
from tests.support.kinds import KINDS_BY_NAME
from tests.support.timing import SHORT

Headers = Mapping[str, str]


class Collector:
    """A sink that applies what it is told, as the engine does."""

    def __init__(self) -> None:
        self.messages: list[InboxMessage] = []
        self.objects: dict[str, dict[str, Facts]] = {}
        self._changed = asyncio.Event()

    async def put(self, message: InboxMessage) -> None:
        self.messages.append(message)
        match message:
            case Replace():
                known = self.objects.setdefault(message.kind, {})
                for uid, facts in list(known.items()):
                    if message.namespace in ("", facts.namespace):
                        del known[uid]
                known.update({facts.uid: facts for facts in message.listed})
            case ObjectChanges():
                self._update(self.objects.setdefault(message.kind, {}), message)
        self._changed.set()

    @staticmethod
    def _update(known: dict[str, Facts], update: ObjectChanges) -> None:
        for change in update.changes:
            if isinstance(change, Deleted):
                known.pop(change.uid, None)
            elif not isinstance(change, InvalidObject):
                known[change.uid] = change

    def names(self, kind: str) -> list[str]:
        return sorted(facts.name for facts in self.objects.get(kind, {}).values())

    def reports(self) -> list[tuple[str, str]]:
        return [(told.state, told.why) for told in self.messages if isinstance(told, WatchStatus)]

    def replaces(self) -> list[list[str]]:
        return [
            sorted(facts.name for facts in told.listed) for told in self.messages if isinstance(told, Replace)
        ]

    async def until(self, condition: Callable[[], bool], timeout: float = 20.0) -> None:
        """Wait until what was told makes the condition true."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: Headers


Step = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RudeServer:
    """Plays one step a request, in order; after the last one every watch is silent.

    asked: all requests so far.
    """

    def __init__(self, *steps: Step) -> None:
        self.steps = deque(steps)
        self.asked: list[Asked] = []
        self.url = ""
        self._asked = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.method, request.path, dict(request.query), dict(request.headers)))
        self._asked.set()
        step = self.steps.popleft() if self.steps else stream(then="hang")
        return await step(request)

    async def until_asked(self, count: int, timeout: float = 20.0) -> list[Asked]:
        """Wait for that many requests."""
        async with asyncio.timeout(timeout):
            while len(self.asked) < count:
                self._asked.clear()
                await self._asked.wait()
        return self.asked


def stream(*lines: bytes, then: str = "end") -> Step:
    """Status 200 and these lines; then a regular end, or nothing more (`hang`), or a broken line (`cut`)."""

    async def play(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for line in lines:
            await response.write(line + b"\n")
        if then == "hang":
            await asyncio.Event().wait()
        if then == "cut":
            await response.write(b'{"type":"ADD')
            assert request.transport is not None
            request.transport.close()
            await asyncio.Event().wait()
        return response

    return play


def answer(status: int, body: bytes = b"", headers: Headers | None = None) -> Step:
    async def play(_: web.Request) -> web.StreamResponse:
        return web.Response(
            status=status, body=body, headers={"Content-Type": "application/json", **(headers or {})}
        )

    return play


def refusal(code: int, reason: str = "", message: str = "", headers: Headers | None = None) -> Step:
    """An error status with a metav1.Status, as a real server has it."""
    return answer(code, status(code, reason, message), headers)


def page(*names: str, version: str, token: str = "") -> Step:
    items = [manifest(name, "1") for name in names]
    return answer(
        200,
        json.dumps({"metadata": {"resourceVersion": version, "continue": token}, "items": items}).encode(),
    )


def manifest(name: str, version: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n", "uid": f"uid-{name}", "resourceVersion": version}}


def status(code: int, reason: str, message: str) -> bytes:
    told = {
        "kind": "Status",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return json.dumps(told).encode()


def event(type: str, name: str, version: str) -> bytes:
    return json.dumps({"type": type, "object": manifest(name, version)}).encode()


def bookmark(version: str, *, end: bool = False) -> bytes:
    meta: dict[str, Any] = {"resourceVersion": version}
    if end:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    return json.dumps({"type": "BOOKMARK", "object": {"metadata": meta}}).encode()


def error_event(code: int, reason: str, message: str = "") -> bytes:
    return b'{"type":"ERROR","object":' + status(code, reason, message) + b"}"


def write_kubeconfig(path: Path, url: str, **user: Any) -> Path:
    """A kubeconfig with one context, `test`, whose user has these fields."""
    path.write_text(kubeconfig(url, name="test", user=user))
    return path


def plugin(folder: Path, *, expires: str) -> dict[str, Any]:
    """The user entry of a credential plugin that counts its runs in its token."""
    program = folder / "plugin.py"
    credential = {"token": "COUNT", "expirationTimestamp": expires}
    told = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": credential}
    program.write_text(
        "import pathlib\n"
        f"runs = pathlib.Path({str(folder / 'runs')!r})\n"
        "count = int(runs.read_text()) + 1 if runs.exists() else 1\n"
        "runs.write_text(str(count))\n"
        f"print({json.dumps(told)!r}.replace('COUNT', f'token-{{count}}'))\n"
    )
    return {"apiVersion": told["apiVersion"], "command": sys.executable, "args": [str(program)]}


def settings_for(kubeconfig: Path, **changes: Any) -> Settings:
    return Settings(in_cluster=False, kubeconfig=str(kubeconfig), **changes)


@asynccontextmanager
async def connected(url: str, path: Path, **user: Any) -> AsyncIterator[Cluster]:
    """A Cluster that speaks to this URL by a kubeconfig in this folder."""
    cluster = await Cluster.connect(settings_for(write_kubeconfig(path / "kubeconfig", url, **user)))
    try:
        yield cluster
    finally:
        await cluster.close()


@asynccontextmanager
async def reflecting(
    kind: Kind[Any], cluster: Cluster, *, seed: int = 1, timing: WatchTiming = SHORT, **options: Any
) -> AsyncIterator[tuple[Reflector, Collector]]:
    """A running reflector and what it told."""
    sink = Collector()
    reflector = Reflector(
        kind, cluster, sink, random=Random(seed), clock=time.monotonic, timing=timing, **options
    )
    task = asyncio.create_task(reflector.run())
    try:
        yield reflector, sink
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def playing(
    folder: Path, *steps: Step, kind: Kind[Any] = KINDS_BY_NAME["Pod"], **options: Any
) -> AsyncIterator[tuple[RudeServer, Reflector, Collector]]:
    """A rude server that plays these steps to a reflector."""
    async with (
        RudeServer(*steps) as server,
        connected(server.url, folder) as cluster,
        reflecting(kind, cluster, **options) as (reflector, sink),
    ):
        yield server, reflector, sink


#: A watch-list of one object, complete at version 10; the watch goes on in silence, or ends.
LISTED = stream(event("ADDED", "a", "3"), bookmark("10", end=True), then="hang")
LISTED_THEN_ENDED = stream(event("ADDED", "a", "3"), bookmark("10", end=True))


def brief(asked: Asked) -> str:
    """What a request asked for, in a word and its version or token."""
    query = asked.query
    if "watch" not in query:
        return f"list {query.get('continue', '')}".strip()
    return "watch-list" if "sendInitialEvents" in query else f"watch {query['resourceVersion']}"
