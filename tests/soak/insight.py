"""Astrolabe, as installed, with a thread that counts what lives in it whenever it is asked.

`python -m tests.soak.insight PATH [flags]`: who connects to the Unix socket PATH is answered, in JSON, how many
objects of which type there are, and nothing else is different from `astrolabe [flags]`.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import threading
from collections import Counter
from pathlib import Path

import msgspec

from astrolabe.cli import main

#: Where the types come from of which there may be more only while there are more connections or requests.
WATCHED = (
    "_asyncio",
    "asyncio",
    "uvloop",
    "sanic",
    "aiohttp",
    "websockets",
    "astrolabe.http",
    "astrolabe.kube",
)


def count() -> Counter[str]:
    """The objects of these types, those from before the process was ready aside.

    Garbage that waits for a full collection is counted, too: these are rare, and until then it is as good as leaked.
    """
    types = Counter(type(each) for each in gc.get_objects())
    return Counter(
        {
            f"{type.__module__}.{type.__qualname__}": number
            for type, number in types.items()
            if str(type.__module__).startswith(WATCHED)  # a class may name it by a descriptor
        }
    )


def answer(path: str) -> None:
    """Answer whoever asks, for as long as the process runs."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(msgspec.json.encode(count()))


async def ask(path: Path) -> Counter[str]:
    """What a process counts that answers there."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        return Counter(msgspec.json.decode(await reader.read(), type=dict[str, int]))
    finally:
        writer.close()


if __name__ == "__main__":
    path, *flags = sys.argv[1:]
    threading.Thread(target=answer, args=(path,), name="insight", daemon=True).start()
    main(flags)
