"""How a page in a browser sees the server."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from tests.support.serving import Site, read


async def seen(site: Site, path: str = "/api/v1/ws", *, origin: str = "") -> tuple[str, int]:
    """What a browser sees of a refused handshake: the code of the error, and that of the close.

    origin: of its page; "" is one of the host that it asks, whose name is not known.
    """
    url = f"ws://astrolabe.example:{site.port}{path}"
    page = Origin(origin or f"http://astrolabe.example:{site.port}")
    async with connect(url, host="127.0.0.1", origin=page) as stream:
        error = await read(stream)
        assert error.keys() == {"type", "code", "message"}
        with pytest.raises(ConnectionClosed) as ended:
            await stream.recv()
        assert ended.value.rcvd is not None
        return error["code"], ended.value.rcvd.code
