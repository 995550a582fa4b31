"""Kinds of differences, and which of them a client notices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

NoticedKind = Literal[
    "missing path",
    "status code",
    "other type",
    "missing key",
    "missing node",
    "missing resource",
    "missing edge",
    "missing name",
    "missing entry",
    "other value",
    "other order",
]
#: Differences in what a client cannot rely on.
UnnoticedKind = Literal[
    "other words",
    "added key",
    "added node",
    "added resource",
    "added edge",
    "added name",
    "added entry",
    "added value",
    "added answer",
]
DiscrepancyKind = Literal[NoticedKind, UnnoticedKind]

UNNOTICED: frozenset[DiscrepancyKind] = frozenset(get_args(UnnoticedKind))


class Reply(NamedTuple):
    """A server's answer. media: its Content-Type without parameters."""

    status: int
    media: str
    body: bytes

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Discrepancy:
    """One difference.

    where: the place in the answer, such as `nodes[].status`. item: the node, edge or entry there, or "".
    first, second: both values, as JSON; "" for none.
    """

    kind: DiscrepancyKind
    where: str
    item: str = ""
    first: str = ""
    second: str = ""
