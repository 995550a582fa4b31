"""The HTTP server: one Sanic application in the running event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any
from uuid import uuid4

from sanic import Sanic
from sanic.config import Config
from sanic.http import Http
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.server import AsyncioServer

from astrolabe.engine.readiness import Readiness
from astrolabe.graph import wire
from astrolabe.http import health
from astrolabe.http.errors import JSON, JsonErrors, ServerError
from astrolabe.http.hub import Hub
from astrolabe.http.limits import Limits
from astrolabe.http.rest import Rest, position
from astrolabe.http.streams import Streams
from astrolabe.http.transport import StreamProtocol
from astrolabe.http.viewer import Viewer, find_static
from astrolabe.kinds.kind import Kind
from astrolabe.settings import Settings

logger = logging.getLogger("astrolabe.http")

#: Connections that may wait to be accepted.
BACKLOG = 1024


class Server:
    """Made by `create_server`."""

    def __init__(
        self, app: Sanic[Any, Any], address: tuple[str, int], *, rest: Rest, streams: Streams, grace: float
    ) -> None:
        self._app = app
        self._address = address
        self._rest = rest
        self._streams = streams
        self._grace = grace
        self._server: AsyncioServer | None = None

    async def start(self) -> int:
        """Listen; returns the port. Raises ServerError when the address cannot be listened at."""
        listener = _listen(*self._address)
        # Sanic warns about production mode whenever there is a terminal.
        logging.getLogger("sanic.error").setLevel(logging.ERROR)
        try:
            self._server = await self._app.create_server(
                sock=listener,
                protocol=StreamProtocol,
                backlog=BACKLOG,
                asyncio_server_kwargs={"start_serving": False},
            )
        except BaseException:
            listener.close()
            raise
        return 0
