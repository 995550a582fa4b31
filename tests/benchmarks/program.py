"""The whole process as installed: `astrolabe` from the command line, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from astrolabe.sim.kubeconfig import kubeconfig_file

PROGRAM = str(Path(sys.executable).parent / "astrolabe")


@contextlib.asynccontextmanager
async def serving(
    url: str, port: int, *, flags: Sequence[str] = (), until: bytes = b"synced in"
) -> AsyncIterator[int]:
    """The process id of `astrolabe` on this port, for the API server at this URL, once it has logged `until`."""
    with kubeconfig_file(url) as path:
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "--in-cluster=false", "--kubeconfig", path),
            *("--host", "127.0.0.1", "--port", str(port), "--label-selector=", *flags),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(60):
                while until not in (line := await process.stderr.readline()):
                    assert line, "astrolabe ended before it was synced"
            yield process.pid
        finally:
            process.terminate()
            await process.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
