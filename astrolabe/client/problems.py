"""A question for problems, which is answered once or followed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from typing import Any

from astrolabe.client.answers import ProblemList
from astrolabe.client.backoff import Backoff
from astrolabe.client.follower import Access, StreamFollower
from astrolabe.client.problem_set import HeldProblem, ProblemChange, ProblemSet, in_order
from astrolabe.client.progress import Position
from astrolabe.client.reported import ReportedProblem
from astrolabe.client.rest import RestClient, decoded


class ProblemQuestion:
    """Made by `Client.problems`. Await it for the problems now, or iterate to follow them."""

    def __init__(
        self,
        access: Access,
        rest: RestClient,
        query: Mapping[str, Sequence[str] | str],
        *,
        sort: str,
        limit: int,
        detail: bool,
    ) -> None:
        self._access = access
        self._rest = rest
        self._query = query
        self._sort = sort
        self._limit = limit
        self._detail = detail

    def __await__(self) -> Generator[Any, None, ProblemList]:
        return self._ask().__await__()

    async def __aiter__(self) -> AsyncIterator[ProblemList]:
        """The problems when they are known, and after each change of them or of the server's state."""
        follower = ProblemFollower(self._access, self._query, detail=self._detail)
        try:
            while True:
                told = await follower.next()
                is_news = told.event in ("snapshot", "delta", "state")
                if is_news and follower.problems.complete:
                    yield self._list(follower)
        finally:
            await follower.close()

    def _list(self, follower: ProblemFollower) -> ProblemList:
        held = follower.in_order(self._sort, self._limit)
        position = follower.problems.position
        assert position is not None
        state = follower.state.state if follower.state is not None else ""
        return ProblemList(problems=tuple([each.problem for each in held]), position=position, state=state)

    async def _ask(self) -> ProblemList:
        params: dict[str, Sequence[str] | str | int] = {
            **self._query,
            "sort": self._sort,
            "limit": self._limit,
            "detail": "true" if self._detail else "false",
        }
        answer = await self._rest.get("/api/v1/problems", params)
        found = decoded(answer, tuple[ReportedProblem, ...], self._rest.shown)
        return ProblemList(problems=found, position=Position(answer.epoch, answer.seq), state=answer.state)


class ProblemFollower(StreamFollower[ProblemChange]):
    """Follows the problems of a filter."""

    def __init__(
        self,
        access: Access,
        query: Mapping[str, Sequence[str] | str],
        *,
        detail: bool = False,
        backoff: Backoff | None = None,
    ) -> None:
        self.problems = ProblemSet()
        subject: dict[str, Any] = {"what": "problems", "filter": dict(query)}
        if detail:
            subject["detail"] = True
        super().__init__(access, self.problems, subject, backoff=backoff)

    def in_order(self, sort: str, limit: int) -> list[HeldProblem]:
        """The problems in this order, at most this many."""
        return in_order(self.problems.held.values(), sort)[:limit]
