"""All attacks, one after the other and at once, on one server with as much memory as the shipped limit gives it.

`make hostile` runs them in full. Beside the attackers the cluster is in motion, somebody asks for the server's health,
and a client follows the graph, which must hold at the end exactly what the cluster is.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random
from ssl import SSLContext

import aiohttp
import msgspec
import uvloop

from astrolabe.client.load.shared_decoder import SharedDecoder
from astrolabe.sim.kubeconfig import kubeconfig_file
from tests.benchmarks.processes import Helper, allow_many_files, helper
from tests.hostile.attacks import ATTACKS, EVERYTHING, Attack, Crowd, Nobody, Scene
from tests.hostile.memory import Memory, limited_group
from tests.hostile.server import holds
from tests.hostile.tls_attacks import EVERYTHING_OVER_TLS, TLS_ATTACKS
from tests.hostile.user_attacks import ADMIN, EVERYTHING_BY_USERS, USER_ATTACKS, USERS, bearer
from tests.soak.followers import Follower
from tests.soak.site import Site
from tests.support.certificates import Pair
from tests.support.redis_server import free_port
from tests.support.tenants import OWN

#: Megabytes: the limit of the shipped manifests.
MEMORY = 512
#: Changes of the cluster a second.
CHURN = 50.0
#: Of an attack, at most, as a multiple of its time.
LONGEST = 3.0
#: Seconds after an attack in which what it left has to be gone, or stays: what is free is given back after one
#: or two, and again after two more each time (see `astrolabe.memory`). Between two looks.
REST, LOOK_EVERY = 10.0, 0.25
#: What an exception that nobody expects begins with in the log.
TRACEBACK = b"Traceback (most recent call last)"
#: Seconds in which a server and a follower have to be there, or at the end.
PATIENCE = 60.0


class Budget(msgspec.Struct, frozen=True):
    """Milliseconds of /health, and of the longest hold of the loop; megabytes that may stay of an attack.

    late: milliseconds of a hold by the clock, also by something that waits instead of computing.
    turns: of the loop that an answer takes. In each of them it may be that others have the processors: so much
        later than it should be, without computing, may an answer come.
    """

    health: float
    hold: float
    late: float
    left: float
    turns: int = 0


#: Of a graph of 5,000 nodes or fewer; see `strict`. On quiet processors the loop is no later than it computes.
STRICT = Budget(health=100.0, hold=20.0, late=200.0, left=64.0, turns=3)
#: Two noisy cores on which the attackers run, too, allow for less in a quick test.
QUICK = Budget(health=250.0, hold=50.0, late=1000.0, left=128.0, turns=3)


def strict(nodes: int) -> Budget:
    """For a graph of so many: its loop may be held for 20 ms at 5,000 and for 50 ms at 100,000."""
    beyond = max(0, nodes - 5_000) / (100_000 - 5_000)
    return msgspec.structs.replace(STRICT, hold=STRICT.hold + beyond * (50.0 - STRICT.hold))


class Row(msgspec.Struct, frozen=True):
    """What an attack came to. p50, p99, late, held: milliseconds; see `Holds`. rss: megabytes before, most, after.

    failed: questions for the server's health that had no answer.
    """

    attack: str
    p50: float
    p99: float
    late: float
    held: float
    rss: tuple[float, float, float]
    asked: int
    failed: int

    def wrong(self, budget: Budget) -> list[str]:
        """What is not as it should be."""
        before, most, after = self.rss
        health = budget.health + budget.turns * max(0.0, self.late - self.held)
        judged = (
            (self.failed == 0, f"{self.failed} of {self.asked} questions for its health have no answer"),
            (self.p99 <= health, f"/health takes {self.p99:.0f} ms (p99), not {health:.0f}"),
            (self.held <= budget.hold, f"the loop is held for {self.held:.0f} ms, not {budget.hold:.0f}"),
            (self.late <= budget.late, f"the loop is {self.late:.0f} ms late, not {budget.late:.0f}"),
            (most <= MEMORY, f"{most:.0f} MB are used, not {MEMORY}"),
            (after <= before + budget.left, f"of {before:.0f} MB before, {after:.0f} are left"),
        )
        return [f"{self.attack}: {why}" for good, why in judged if not good]


class Log:
    """Reads the log of the server, or lets it be while there is much in it.

    tracebacks: how many there were: nobody outside can cause an exception that is not expected.
    """

    def __init__(self, lines: asyncio.StreamReader, pid: int) -> None:
        self.tracebacks = 0
        self._lines = lines
        self._pid = pid
        self._reads = asyncio.Event()
        self._reads.set()

    def stall(self) -> None:
        self._reads.clear()
        os.kill(self._pid, signal.SIGUSR1)

    def go_on(self) -> None:
        self._reads.set()

    async def until(self, text: bytes) -> None:
        while text not in (line := await self._lines.readline()):
            assert line, f"the server ended before it said {text!r}"

    async def run(self) -> None:
        """Until the server ends."""
        end = b""
        while read := await self._lines.read(1 << 16):
            text = end + read
            self.tracebacks += text.count(TRACEBACK)
            end = text[1 - len(TRACEBACK) :]
            await self._reads.wait()


class Siege:
    """The server with all that is around it."""

    def __init__(
        self,
        site: Site,
        *,
        cluster: Helper,
        bystander: Helper,
        memory: Memory,
        log: Log,
        socket: Path,
        tls: SSLContext | None = None,
        token: str | None = None,
    ) -> None:
        """token: of who follows, where users have rights."""
        self.site = site
        self._tls = tls
        self._token = token
        self._cluster, self._bystander = cluster, bystander
        self._memory, self._log, self._socket = memory, log, socket

    async def endure(self, attack: Attack, *, full: bool, seed: int) -> Row:
        """Raises AssertionError when the server does not survive it."""
        crowd: Crowd = "full" if full else "quick"
        header = bearer(self._token) if self._token else ""
        scene = Scene(self.site.port, Random(seed), crowd, self._log, self._nest, self._tls, header)
        assert await scene.is_open()
        seconds = attack.seconds * (3 if full else 1)
        before = self._memory.now()
        self._memory.begin()
        await holds(self._socket)
        await _asked(self._bystander, "begin")
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST * seconds):
                    await attack.run(scene, seconds)
        finally:
            health = await _asked(self._bystander, "end")
            await self._nest(0)
        try:
            held = await holds(self._socket)
            rss = (before, self._memory.peak(), await self._left(before + STRICT.left))
        except (OSError, msgspec.DecodeError, AssertionError) as error:
            raise AssertionError(f"{attack.name}: the server did not survive it") from error
        return Row(
            attack.name,
            health["p50"],
            health["p99"],
            held.late,
            held.busy,
            rss,
            health["asked"],
            health["failed"],
        )

    async def _left(self, most: float) -> float:
        """Megabytes that are used once they are no more than so many, or will not be."""
        used = self._memory.now()
        for _ in range(int(REST / LOOK_EVERY)):
            if used <= most:
                break
            await asyncio.sleep(LOOK_EVERY)
            used = self._memory.now()
        return used

    @property
    def tracebacks(self) -> int:
        """How many there are in the server's log so far."""
        return self._log.tracebacks

    async def _nest(self, depth: int) -> None:
        await _asked(self._cluster, "nest", depth=depth)

    async def follow(self) -> Follower:
        return Follower(
            self.site.url,
            {},
            "steady",
            random=Random(1),
            shared=SharedDecoder(),
            ssl=self._tls,
            token=self._token,
        )


@asynccontextmanager
async def besieged(objects: int, *flags: str, tls: bool = False, users: bool = False) -> AsyncIterator[Siege]:
    """A server that is synced with a cluster of about so many resources, which is in motion.

    tls: whether all speak it. users: whether it serves users, each of whom may see something else.
    """
    allow_many_files()
    port = free_port()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        socket = folder / "holds"
        pair = Pair(folder) if tls else None
        trust = pair.trusting() if pair else None
        if pair:
            flags += (f"--tls-cert-file={pair.certificate}", f"--tls-key-file={pair.key}")
        token = ADMIN if users else ""
        if users:
            flags += ("--auth=kubernetes",)
        group = stack.enter_context(limited_group(f"astrolabe-hostile-{os.getpid()}", MEMORY))
        known = (str(USERS),) if users else ()
        cluster = stack.enter_context(helper("cluster", str(objects), *known, package="tests.hostile"))
        trusted = str(pair.certificate) if pair else ""
        bystander = stack.enter_context(
            helper("bystander", str(port), trusted, token, package="tests.hostile")
        )
        url = cluster.ask("site")["url"]
        own = OWN if users else ""
        process, log = await stack.enter_async_context(_serving(url, own, port, flags, socket, group))
        connector = aiohttp.TCPConnector(force_close=True, ssl=trust or True)
        headers = {"Authorization": f"Bearer {token}"} if token else None
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, headers=headers))
        site = Site(
            cluster,
            http,
            port=port,
            pid=process,
            inside=socket,
            redis=None,
            told=lambda _: None,
            scheme="https" if tls else "http",
            token=own,
        )
        memory = Memory(process)
        yield Siege(
            site,
            cluster=cluster,
            bystander=bystander,
            memory=memory,
            log=log,
            socket=socket,
            tls=trust,
            token=token or None,
        )


@asynccontextmanager
async def _serving(
    url: str, token: str, port: int, flags: Sequence[str], socket: Path, group: Path | None
) -> AsyncIterator[tuple[int, Log]]:
    """Its process id, and its log. token: its own, at the API server."""
    with kubeconfig_file(url, user={"token": token} if token else None) as path:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.hostile.server", str(socket), str(group or "")),
            *("--in-cluster=false", "--kubeconfig", path, "--host=127.0.0.1", "--label-selector="),
            *(f"--port={port}", *flags),
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        log = Log(process.stderr, process.pid)
        reading = None
        try:
            async with asyncio.timeout(PATIENCE):
                await log.until(b"synced in")
            reading = asyncio.create_task(log.run(), name="log")
            yield process.pid, log
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            if reading is not None:
                log.go_on()
                await reading
            await process.wait()


async def besiege(
    siege: Siege, attacks: Sequence[Attack], *, full: bool, seed: int
) -> tuple[list[Row], list[str]]:
    """What each attack came to, and what the client that followed holds wrongly."""
    follower = await siege.follow()
    following = asyncio.create_task(follower.run(), name="follower")
    rows = []
    await _asked(siege._cluster, "begin", rate=CHURN)
    for attack in attacks:
        rows.append(await siege.endure(attack, full=full, seed=seed))
    await _asked(siege._cluster, "end")
    seq = await siege.site.settle()
    follower.finish(seq)
    async with asyncio.timeout(PATIENCE):
        await following
    document = await siege.site.get(f"/api/v1/graph?min_seq={seq}")
    wrong = [why for why in [follower.differs(document)] if why]
    if siege.tracebacks:
        wrong.append(f"{siege.tracebacks} tracebacks are in the log")
    return rows, wrong


async def _asked(process: Helper, command: str, **options: object) -> dict[str, float]:
    answer: dict[str, float] = await asyncio.to_thread(process.ask, command, **options)
    return answer


def table(rows: Sequence[Row]) -> str:
    head = f"| {'attack':30} | /health p50, p99 ms | loop late, held ms | MB before, most, after |"
    lines = [head, "| --- | --- | --- | --- |"]
    for row in rows:
        memory = ", ".join(f"{each:.0f}" for each in row.rss)
        lines.append(
            f"| {row.attack:30} | {row.p50:7.1f}, {row.p99:9.1f} | {row.late:7.1f}, {row.held:8.1f} | {memory:>22} |"
        )
    return "\n".join(lines)


async def main(given: argparse.Namespace) -> int:
    known: tuple[Attack, ...] = (*ATTACKS, EVERYTHING)
    if given.tls:
        known = (*TLS_ATTACKS, EVERYTHING_OVER_TLS)
    elif given.users:
        known = (*USER_ATTACKS, EVERYTHING_BY_USERS)
    attacks = [each for each in (Nobody(), *known) if given.only in each.name]
    wrong: list[str] = []
    rows: list[Row] = []
    if given.apart:
        for attack in attacks:
            try:
                async with besieged(given.objects, *given.flags, tls=given.tls, users=given.users) as siege:
                    endured, differs = await besiege(siege, [attack], full=given.full, seed=given.seed)
                rows += endured
                wrong += differs
            except (AssertionError, OSError, TimeoutError) as error:
                wrong.append(f"{attack.name}: {error!r}"[:300])
    else:
        async with besieged(given.objects, *given.flags, tls=given.tls, users=given.users) as siege:
            rows, wrong = await besiege(siege, attacks, full=given.full, seed=given.seed)
    wrong += [why for row in rows for why in row.wrong(strict(given.objects) if given.full else QUICK)]
    print(table(rows))
    print("\n".join(["", *wrong]) if wrong else "Nobody else noticed.")
    return 1 if wrong else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--objects", type=int, default=20_000, help="resources of the cluster")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="attacks whose name has this in it")
    parser.add_argument("--quick", dest="full", action="store_false", help="as the tests do")
    parser.add_argument("--apart", action="store_true", help="each on a server of its own")
    parser.add_argument("--tls", action="store_true", help="those at the door of a server that speaks it")
    parser.add_argument("--users", action="store_true", help="those of users who may see little")
    parser.add_argument("flags", nargs="*", help="of Astrolabe, after --")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(uvloop.run(main(arguments())))
