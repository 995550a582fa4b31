"""The connections of one client: when one is lost, the others are not trusted any more either."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Connection, ConnectionPool
from redis.asyncio.connection import AbstractConnection


class Pool(ConnectionPool):
    """Drops those that are idle when one was lost.

    They lead where that one led. Kept, they are dead sockets until as many are needed again; or they still
    reach a server that another has replaced, and one command goes there and the next one here.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        #: The stream of each connection when it was seen last. One that was lost has another, or none.
        self._streams: dict[AbstractConnection, object] = {}

    async def get_connection(self, *names: Any, **options: Any) -> AbstractConnection:
        connection: AbstractConnection = await super().get_connection()  # type: ignore[no-untyped-call]
        await self._look_at(connection)
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        await super().release(connection)
        await self._look_at(connection)

    async def leave_all_but(self, host: str, port: int) -> None:
        """Drop the connections to any other server, also those in use: who waits there is told so."""
        for each in (*self._available_connections, *self._in_use_connections):
            if isinstance(each, Connection) and each.is_connected and (each.host, each.port) != (host, port):
                await each.disconnect(nowait=True)

    async def _look_at(self, connection: AbstractConnection) -> None:
        now = connection._writer
        if self._streams.setdefault(connection, now) is not now:
            self._streams[connection] = now
            for idle in self._available_connections:
                if idle is not connection:
                    await idle.disconnect(nowait=True)
                    self._streams.pop(idle, None)
