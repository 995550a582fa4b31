"""Runs the installed `astrolabe` in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from astrolabe.sim.kubeconfig import kubeconfig_file

PROGRAM = str(Path(sys.executable).parent / "astrolabe")


@contextlib.asynccontextmanager
async def serving(
    url: str,
    port: int,
    *,
    flags: Sequence[str] = (),
    until: bytes = b"synced in",
    program: Sequence[str] = (PROGRAM,),
    user: Mapping[str, Any] | None = None,
) -> AsyncIterator[int]:
    """The process id of `astrolabe` on this port, for the API server at this URL, once it has logged `until`.

    program: what is run in its place, with the same arguments. user: of the kubeconfig.
    """
    with kubeconfig_file(url, user=user) as path:
        process = await asyncio.create_subprocess_exec(
            *(*program, "--in-cluster=false", "--kubeconfig", path),
            *("--host", "127.0.0.1", "--port", str(port), "--label-selector=", *flags),
            stderr=asyncio.subprocess.PIPE,
            # Ctrl-C is for the one who runs it.
            start_new_session=True,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(60):
                while until not in (line := await process.stderr.readline()):
                    assert line, "astrolabe ended before it was synced"
            # A log that nobody reads would stop it once the pipe is full.
            reading = asyncio.create_task(_read_on(process.stderr), name="log")
            try:
                yield process.pid
            finally:
                process.terminate()
                await reading
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _read_on(log: asyncio.StreamReader) -> None:
    async for _ in log:
        pass
