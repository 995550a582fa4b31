"""The groups of a summary: a copy of them, and a question that is answered once or followed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from typing import Any

import msgspec

from astrolabe.client.errors import ProtocolError
from astrolabe.client.follower import Access, StreamFollower
from astrolabe.client.message import (
    BookmarkMessage,
    CountedGroup,
    ResetMessage,
    ServerMessage,
    SummaryDeltaMessage,
    SummaryMessage,
)
from astrolabe.client.progress import FollowedCopy, Sign
from astrolabe.client.rest import RestClient, decoded


class GroupChange(msgspec.Struct, frozen=True):
    """`+`: added. `~`: changed. `-`: removed; `group` is its last version.

    before: the previous version; None if added.
    """

    sign: Sign
    group: CountedGroup
    before: CountedGroup | None = None


class SummarySet(FollowedCopy):
    """The groups of one subscription. It survives reconnects. Read only.

    Its position is one of this list, which no other server knows.
    """

    def __init__(self) -> None:
        super().__init__()
        self._groups: dict[str, CountedGroup] = {}
        self._staged: dict[str, CountedGroup] = {}

    @property
    def groups(self) -> Mapping[str, CountedGroup]:
        """By id, in no order that means something."""
        return self._groups

    def apply(self, message: ServerMessage) -> list[GroupChange]:
        """As of `LocalCopy`."""
        match message:
            case SummaryDeltaMessage():
                return self._delta(message)
            case SummaryMessage():
                return self._snapshot(message)
            case BookmarkMessage() | ResetMessage():
                self._progress.move(message)
        return []

    def _delta(self, delta: SummaryDeltaMessage) -> list[GroupChange]:
        self._progress.check_step(delta)
        changes = []
        for group in delta.groups.set:
            before = self._groups.get(group.id)
            if before != group:
                self._groups[group.id] = group
                changes.append(_change(group, before))
        for id in delta.groups.remove:
            gone = self._groups.pop(id, None)
            if gone is not None:
                changes.append(GroupChange("-", gone, gone))
        self._progress.advance(delta)
        return changes

    def _snapshot(self, part: SummaryMessage) -> list[GroupChange]:
        self._progress.add_part(part)
        if part.part == 1:
            self._staged = {}
        for group in part.groups:
            if group.id in self._staged:
                raise ProtocolError(f"{group.id} is twice in a snapshot")
            self._staged[group.id] = group
        if not part.last:
            return []
        before, self._groups, self._staged = self._groups, self._staged, {}
        self._progress.finish(part)
        changes = [
            _change(group, before.get(id)) for id, group in self._groups.items() if before.get(id) != group
        ]
        return changes + [
            GroupChange("-", each, each) for id, each in before.items() if id not in self._groups
        ]


def _change(group: CountedGroup, before: CountedGroup | None) -> GroupChange:
    return GroupChange("+" if before is None else "~", group, before)


class SummaryQuestion:
    """Made by `Client.summary`. Await it for the groups now, or iterate to follow them."""

    def __init__(
        self,
        access: Access,
        rest: RestClient,
        by: Sequence[str],
        query: Mapping[str, Sequence[str] | str],
    ) -> None:
        self._access = access
        self._rest = rest
        self._by = tuple(by)
        self._query = query

    def __await__(self) -> Generator[Any, None, tuple[CountedGroup, ...]]:
        return self._ask().__await__()

    async def __aiter__(self) -> AsyncIterator[tuple[CountedGroup, ...]]:
        """The groups when they are known, and after each change of them."""
        summary = SummarySet()
        subject = {"what": "summary", "by": self._by, "filter": dict(self._query)}
        follower = StreamFollower(self._access, summary, subject)
        try:
            while True:
                told = await follower.next()
                if told.event in ("snapshot", "delta") and summary.complete:
                    yield tuple([group for _, group in sorted(summary.groups.items())])
        finally:
            await follower.close()

    async def _ask(self) -> tuple[CountedGroup, ...]:
        answer = await self._rest.get("/api/v1/summary", {**self._query, "by": self._by})
        return decoded(answer, tuple[CountedGroup, ...], self._rest.shown)
