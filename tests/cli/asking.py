"""A served shop with trouble of every kind, and commands that ask about it in this process."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta

import pytest

from astrolabe.cli.commands import main
from astrolabe.client.rest import RestClient
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.store import ObjectStore
from tests.incidents.made import MadeCluster
from tests.support.process import kill
from tests.support.serving import PATIENCE
from tests.support.simulated import simulated


def store_of(build: Callable[[MadeCluster], None]) -> ObjectStore:
    """An API server's objects; whatever has a time is of three days ago, and a uid has no slash."""
    cluster = MadeCluster()
    build(cluster)
    then = datetime.now(UTC) - timedelta(days=3, hours=1)
    text = json.dumps(cluster.manifests()).replace("2026-01-01T00:", f"{then:%Y-%m-%dT%H:}")
    store = ObjectStore()
    for manifest in json.loads(re.sub(r'("uid": "\w+)/', r"\1-", text)):
        store.create(manifest["kind"], manifest)
    return store


@asynccontextmanager
async def served(store: ObjectStore, *, forbid: str = "") -> AsyncIterator[str]:
    """The address of a server of these objects. forbid: a kind that it may not read."""
    authorizer = Authorizer()
    if forbid:
        authorizer.restrict(forbid)  # such a server is never ready
    async with simulated(store, authorizer=authorizer, wait=not forbid) as address:
        client, state = RestClient(address), "syncing"
        async with asyncio.timeout(PATIENCE):
            while state == "syncing":  # kinds that are optional come later
                await asyncio.sleep(0.01)
                state = (await client.get("/health")).state
        yield address


async def terminal(*args: str, **environment: str) -> bytes:
    """What a command prints on a terminal."""
    here, there = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "astrolabe.cli", *args), stdout=there, env={**os.environ, **environment}
    )
    os.close(there)
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait()
        return os.read(here, 65536)
    finally:
        await kill(process)
        os.close(here)


async def ask(*args: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    return await asyncio.to_thread(_ask, args)


def _ask(args: tuple[str, ...]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        main(args)
    assert isinstance(end.value.code, int)
    return end.value.code, out.getvalue(), err.getvalue()
