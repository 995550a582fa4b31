"""A cluster as a union follows it, whatever it is followed by.

The interface only: a cluster is followed by its API server or by another Astrolabe, in modules of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, Protocol

from astrolabe.http.source import ClusterSource
from astrolabe.modes.union.cluster_list import ClusterEntry
from astrolabe.modes.union.writer import MemberWriter
from astrolabe.settings import Settings


class Member(ClusterSource, Protocol):
    """One cluster of a union. It writes its part of the graph by a `MemberWriter`, and nothing else does.

    Its state is its own; `cluster.name` in it is its name.
    """

    async def run(self) -> NoReturn:
        """Follow the cluster until cancelled. What goes wrong is told by its state, and tried again; what is
        served of it stays as it was."""
        ...


class MemberSetup(Protocol):
    """Makes a member that does not run yet."""

    def __call__(
        self,
        settings: Settings,
        entry: ClusterEntry,
        writer: MemberWriter,
        *,
        rebuilding: Callable[[], bool],
        restored: bool,
    ) -> Member:
        """rebuilding: returns whether the served graph is being rebuilt. restored: whether the graph has
        nodes of this cluster already, from a member before it."""
        ...
