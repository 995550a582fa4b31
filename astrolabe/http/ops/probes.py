"""The paths that tell how the process is, other than its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.engine.readiness import Readiness
from astrolabe.engine.serving_state import StateTracker
from astrolabe.graph import wire
from astrolabe.http.errors import JSON
from astrolabe.http.openapi import operation, process
from astrolabe.http.openapi.operation import POSITION, Operation
from astrolabe.http.ops.health import Replication, health, readyz
from astrolabe.http.rest.endpoints import position
from astrolabe.http.stream.hub import Hub

_FRESH = (*POSITION, "Cache-Control")

_HEALTH = Operation(
    summary="health: the state (how far answers can be trusted), the position in history, and for "
    "every kind its state, objects, and seconds since the last news",
    group="process",
    answers={200: operation.json("While the process serves.", process.Health, _FRESH)},
)
_LIFE = Operation(
    summary="a probe: 200 while the process answers",
    group="process",
    answers={200: operation.json("It answers.", process.Life, _FRESH)},
)
_READINESS = Operation(
    summary="a probe: 200 once every required kind is synced; until then 503 with those it waits for",
    group="process",
    answers={
        200: operation.json("The graph is complete, or a restored one is served.", process.Readiness, _FRESH),
        503: operation.json("It is not yet.", process.Readiness, _FRESH),
    },
)


class Probes:
    """Serves `/health`, `/livez` and `/readyz`. The parameters are as of `create_server`."""

    def __init__(
        self,
        hub: Hub,
        readiness: Readiness,
        *,
        state: StateTracker,
        count: Callable[[str], int],
        role: Callable[[], str],
        lost: Callable[[], Mapping[str, str]],
        replication: Callable[[], Replication | None],
    ) -> None:
        self._hub = hub
        self._readiness = readiness
        self._state = state
        self._count = count
        self._role = role
        self._lost = lost
        self._replication = replication

    def add_to(self, app: Sanic[Any, Any]) -> None:
        for name, handler, described in (
            ("health", self._show_health, _HEALTH),
            ("livez", self._show_life, _LIFE),
            ("readyz", self._show_readiness, _READINESS),
        ):
            app.add_route(
                handler,
                f"/{name}",
                methods=("GET", "HEAD"),
                name=name,
                ctx_open=name != "health",  # a kubelet has no token
                ctx_operation=described,
            )

    async def _show_health(self, _: Request) -> HTTPResponse:
        document = health(
            self._hub.graph,
            self._readiness,
            count=self._count,
            role=self._role(),
            lost=self._lost(),
            now=asyncio.get_running_loop().time(),
            state=self._state.refresh(),
            replication=self._replication(),
        )
        return self._answer(document)

    async def _show_life(self, _: Request) -> HTTPResponse:
        return self._answer({"status": "alive"})

    async def _show_readiness(self, _: Request) -> HTTPResponse:
        status, document = readyz(self._readiness, self._replication())
        return self._answer(document, status)

    def _answer(self, document: dict[str, Any], status: int = 200) -> HTTPResponse:
        headers = {**position(self._hub), "Cache-Control": "no-store"}
        return HTTPResponse(wire.encode(document), status=status, headers=headers, content_type=JSON)
