"""A cluster of a union that another Astrolabe watches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from astrolabe.engine.readiness import ReadinessTracker, WatchReadiness
from astrolabe.engine.serving_state import Assessment, ClusterInfo, StateTracker
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.http.source import WatchStats
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.modes.union.cluster_list import ClusterEntry
from astrolabe.modes.union.writer import MemberWriter
from astrolabe.settings import Settings

#: Why nothing comes from there.
NOT_FOLLOWED = "other servers of Astrolabe are not followed yet; give the cluster a kubeconfig"


class UpstreamMember:
    """Implements `Member`."""

    def __init__(
        self,
        settings: Settings,
        entry: ClusterEntry,
        writer: MemberWriter,
        *,
        rebuilding: Callable[[], bool],
        restored: bool,
    ) -> None:
        """See `MemberSetup`."""
        self.name = entry.name
        self.catalogue = builtin_catalogue().only(settings.kinds)
        self.state = StateTracker(
            lambda: Assessment("stale", NOT_FOLLOWED),
            ClusterInfo(name=entry.name, server=entry.url),
            clock=time.monotonic,
            time=time.time,
        )
        self._readiness = ReadinessTracker(())

    async def run(self) -> NoReturn:
        """See `Member`."""
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    @property
    def readiness(self) -> WatchReadiness:
        return self._readiness

    def count(self, kind: str) -> int:
        return 0

    def watches(self) -> Sequence[WatchStats]:
        return ()

    def disconnected(self) -> Mapping[str, str]:
        return {}

    async def events(self, node: Node) -> Sequence[ObjectEvent] | None:
        return None
