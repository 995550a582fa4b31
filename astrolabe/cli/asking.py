"""What the commands that ask a server one question share: its address, the answer, how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import click

from astrolabe.cli.formatting import coverage_line_of, state_line
from astrolabe.client import ClientError, ServerState, UserCoverage
from astrolabe.client.rest import Params, RestClient, ServerAnswer, decoded
from astrolabe.printable import printable

T = TypeVar("T")


def say(text: str) -> None:
    """A line for people, on stderr."""
    click.echo(printable(text), err=True)


class Inquiry:
    """Questions to one server, and what it says about itself."""

    def __init__(self, url: str, access: dict[str, Any]) -> None:
        self.client = RestClient(url, **access)
        #: What the user may see, once `doubts` has asked; None: everything, or there are no users.
        self.coverage: UserCoverage | None = None
        self._is_user = access.get("token") is not None

    async def ask(self, path: str, params: Params | None = None) -> ServerAnswer:
        """Raises ClientError."""
        return await self.client.get(path, params)

    def read(self, answer: ServerAnswer, type: type[T]) -> T:
        """The answer as a value. Raises ClientError."""
        return decoded(answer, type, self.client.shown)

    async def doubts(self, answer: ServerAnswer, coverage: Sequence[str] = ()) -> list[str]:
        """Why the answer may not be the whole truth, a line each; none if it is live and complete."""
        lines, hidden = [], set()
        told = await self._health() if answer.state not in ("live", "") or self._is_user else None
        if answer.state not in ("live", ""):
            same = told is not None and told.state == answer.state
            lines.append(state_line(told) if told is not None and same else answer.state)
        if told is not None and told.coverage is not None:
            self.coverage, hidden = told.coverage, {*told.coverage.hidden}
            lines.append(coverage_line_of(told.coverage))
        unseen = [kind for kind in coverage if kind not in hidden]
        if unseen:
            lines.append(coverage_line(unseen))
        return lines

    async def _health(self) -> ServerState | None:
        """The server's own words about its state, and what the user may see; None if it does not say."""
        try:
            return decoded(await self.ask("/health"), ServerState, self.client.shown)
        except ClientError:
            return None


def coverage_line(coverage: Sequence[str]) -> str:
    """That the server could not see these kinds."""
    return f"not visible to the server, so more may be concerned: {', '.join(coverage)}"


def coverage_of(answers: Sequence[Any]) -> list[str]:
    """What the server could not see for any of these answers."""
    return sorted({kind for each in answers for kind in each.coverage})


def is_relied_on(answer: ServerAnswer) -> bool:
    """Whether that nothing is there means that there is nothing: the server is not syncing or stale."""
    return answer.state in ("live", "partial", "")
