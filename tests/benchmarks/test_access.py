"""Users with rights of their own: what each costs, and how soon a change of their rights is seen on all streams."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import psutil
import pytest

from tests.benchmarks.processes import Helper, helper
from tests.benchmarks.program import serving
from tests.benchmarks.report import SLACK, report, size
from tests.benchmarks.tenants import user_of
from tests.support.redis_server import free_port
from tests.support.tenants import OWN

#: Seconds until the last open stream has changed.
BUDGET = 2.0
#: Of the server, for each user with an open stream: KB of memory, and of one core, per mille.
MEMORY, LOAD = 150.0, 1.0
TEAMS = 20
#: Seconds for which the load is measured.
WHILE = 30.0


class Site:
    """A served cluster whose users all have open streams."""

    def __init__(self, tenants: Helper, clients: Helper, users: int) -> None:
        self._tenants, self._clients, self._users = tenants, clients, users

    def change(self, to: str) -> tuple[float, int]:
        """Seconds until the last stream has heard of a change of the role, and the questions until then."""
        self._clients.ask("mark")
        began = time.monotonic()
        before = self._tenants.ask("change", to=to)
        self._clients.ask("told", clients=self._users)
        return time.monotonic() - began, self._tenants.ask("questions") - before


@pytest.mark.bench
async def test_rights_of_many_users() -> None:
    users, port = size(500, 40), free_port()
    names = [user_of(number) for number in range(users)]
    with helper("tenants", str(users), str(TEAMS)) as tenants, helper("listeners") as clients:
        url = tenants.ask("url")
        flags = ("--auth=kubernetes", "--max-connections=2000")
        async with serving(url, port, flags=flags, user={"token": OWN}) as pid:
            process = psutil.Process(pid)
            empty = process.memory_info().rss
            paths: list[Any] = ["/api/v1/ws"] * users
            clients.ask("open", port=port, paths=paths, filters=[], snapshots=users, tokens=names)
            kilobytes = (process.memory_info().rss - empty) / users / 1e3
            site, seconds = Site(tenants, clients, users), dict[str, float]()
            for to, what in (
                ("more", "pods are granted"),
                ("base", "pods are withdrawn"),
                ("all", "all kinds are granted"),
                ("nothing", "all kinds are withdrawn"),
            ):
                took, questions = site.change(to)
                seconds[to] = took
                report(
                    19,
                    f"{users} users of {TEAMS} teams: {what}, until the last stream has heard of it",
                    f"{took:.2f} s, {questions:,} questions",
                    f"≤ {BUDGET} s",
                    met=took <= BUDGET,
                )
            began = sum(process.cpu_times()[:2])
            await asyncio.sleep(size(60, 1))  # the time that is measured
            load = (sum(process.cpu_times()[:2]) - began) / size(60, 1) / users * 1e3
    report(
        19,
        f"a user of {users} with an open stream",
        f"{kilobytes:.0f} KB, {load:.2f} ‰ of a core",
        f"≤ {MEMORY:.0f} KB, {LOAD} ‰",
        met=kilobytes <= MEMORY and load <= LOAD,
    )
    assert kilobytes <= MEMORY * SLACK
    assert max(seconds["more"], seconds["base"], seconds["nothing"]) <= BUDGET * SLACK
