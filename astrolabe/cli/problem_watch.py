"""`astrolabe problems --watch`: follows the problems of a server, and prints them whenever they change."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from astrolabe.cli import problems, wording
from astrolabe.cli.asking import coverage_line, coverage_of, say
from astrolabe.cli.formatting import coverage_line_of, state_line
from astrolabe.client import ReportedProblem
from astrolabe.client.follower import Access, FollowEvent
from astrolabe.client.problem_set import ProblemChange
from astrolabe.client.problems import ProblemFollower
from astrolabe.printable import printable_json


class ProblemPrinter:
    """query: the filter. output: `table` or `json`."""

    def __init__(self, access: Access, query: dict[str, Any], *, sort: str, limit: int, output: str) -> None:
        self._follower = ProblemFollower(access, query)
        self._sort = sort
        self._limit = limit
        self._output = output
        self._is_begun = False
        #: The last reported reason for a lost connection; "" while connected.
        self._trouble = ""
        self._doubts: list[str] = []

    async def follow(self) -> int:
        """Print them, and again whenever they change. Ends only by ClientError."""
        try:
            while True:
                self._take(await self._follower.next())
        finally:
            await self._follower.close()

    def _take(self, told: FollowEvent[ProblemChange]) -> None:
        match told.event:
            case "disconnected" | "violated":
                self._report_loss(f"{told.reason}; reconnecting")
            case "connected" if self._trouble:
                self._trouble = ""
                say("reconnected" if self._is_begun else "connected")
            case "snapshot" | "delta" if told.changes or not self._is_begun:
                self._is_begun = True
                self._show()
        if self._is_begun:
            self._report_doubts()

    def _show(self) -> None:
        held = self._follower.in_order(self._sort, self._limit)
        if self._output == "json":
            documents = msgspec.json.encode([each.document for each in held])
            click.echo(printable_json(documents.decode()))
            return
        if sys.stdout.isatty():
            click.clear()
        found = [each.problem for each in held]
        click.echo(f"{time.strftime('%H:%M:%S')}  {problems.headline(found, sees_all=self._sees_all)}")
        self._show_table(found)

    @property
    def _sees_all(self) -> bool:
        state = self._follower.state
        return state is None or state.coverage is None

    def _show_table(self, found: Sequence[ReportedProblem]) -> None:
        wording.echo(problems.lines_of(found, now=time.time(), room=wording.width()))
        note = problems.summary(found, self._limit) if found else ""
        if note:
            say(note)

    def _report_loss(self, why: str) -> None:
        """Report repeated failures with the same reason once."""
        if why != self._trouble:
            say(why)
        self._trouble = why

    def _report_doubts(self) -> None:
        """Say why the list may not be the whole truth, once."""
        state = self._follower.state
        if state is None:  # not connected: the loss is reported
            return
        now = [state_line(state)] if state.state != "live" else []
        hidden = state.coverage.hidden if state.coverage is not None else ()
        now += [coverage_line_of(state.coverage)] if state.coverage is not None else []
        unseen = coverage_of([each.problem for each in self._follower.problems.held.values()])
        unseen = [kind for kind in unseen if kind not in hidden]
        now += [coverage_line(unseen)] if unseen else []
        for line in now:
            if line not in self._doubts:
                say(line)
        self._doubts = now
