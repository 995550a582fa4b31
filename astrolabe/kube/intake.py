"""From lines of a watch and pages of a list to what the engine is told."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import msgspec

from astrolabe.engine.inbox import Gone, Replace, Sink, Update
from astrolabe.graph.facts import Facts
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Slice
from astrolabe.kube.errors import NotTheApi, RequestFailed
from astrolabe.kube.events import (
    NO_UID,
    Bookmark,
    Deleted,
    Event,
    Found,
    Misfit,
    NotAnEvent,
    ServerError,
    decode,
    misfit_of,
)
from astrolabe.kube.health import Health
from astrolabe.timeslice import TimeSlice

log = logging.getLogger("astrolabe.kube")

#: Objects between two looks at the clock.
LOOK_EVERY = 32

#: Different misfits that are logged, of one watch; beyond, there is something general to repair.
MOST_MISFITS = 100


class _ListMeta(Slice):
    resource_version: str = ""
    continue_token: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct):
    """A list answer. Items stay raw, so that one that does not fit costs only itself."""

    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class Intake:
    """Turns what one watch receives into messages, and knows how far it has come.

    position: the resourceVersion from which a watch can go on; "" when there is none and a list must
        come first. Opaque: it is compared for equality only.
    moved_at: when the unfinished list began or last grew, on the clock.
    """

    def __init__(self, kind: Kind[Any], sink: Sink, *, health: Health, clock: Callable[[], float]) -> None:
        self.position = ""
        self.moved_at = 0.0
        self._kind = kind
        self._sink = sink
        self._health = health
        self._clock = clock
        self._listed: dict[str, Facts] | None = None
        self._changes: list[Facts | Gone] = []
        self._misfits: set[tuple[str, str]] = set()

    @property
    def listing(self) -> bool:
        """Whether a list was begun that is not complete yet."""
        return self._listed is not None

    def begin_list(self) -> None:
        """Forget the position; what comes next is collected until `end_list`."""
        self.position = ""
        self.moved_at = self._clock()
        self._listed = {}
        self._changes = []

    async def end_list(self, resource_version: str) -> None:
        """Hand over the collected list, which is complete at this resourceVersion."""
        listed = list((self._listed or {}).values())
        self._listed = None
        self.position = resource_version
        health = self._health
        health.state, health.why, health.cause = "synced", "", ""
        health.objects = len(listed)
        health.lists += 1
        count = len(listed)
        await self._sink.put(Replace(self._kind.name, health.namespace, listed))
        health.tried.set()
        log.debug("%s: complete, %d objects", health.label, count)

    async def take_lines(self, lines: list[bytes]) -> None:
        """Take the lines of one chunk: at most one Update, with all of their changes.

        Raises ApiError for an ERROR event and NotTheApi for a line that is no event, after the changes
        before it were handed over.
        """
        known = len(self._listed or ())
        try:
            slice = TimeSlice()
            for count, line in enumerate(lines, 1):
                event = decode(self._kind, line)
                if type(event) is Found:
                    self._take_found(event.manifest)
                else:
                    await self._take_other(event)
                if not count % LOOK_EVERY:
                    await slice.pause()
        except RequestFailed:
            await self._flush()
            raise
        self._count(len(lines))
        await self._flush()
        if len(self._listed or ()) != known:
            self.moved_at = self._clock()

    async def take_page(self, body: bytes) -> tuple[str, str]:
        """Take one page of a list: its resourceVersion and the token of the next page, "" on the last."""
        try:
            page = msgspec.json.decode(body, type=_Page)
        except ValueError as error:
            raise NotTheApi(f"the answer is no list: {error}") from error
        items = page.items or []
        slice = TimeSlice()
        for count, item in enumerate(items, 1):
            self._take_item(item)
            if not count % LOOK_EVERY:
                await slice.pause()
        self._count(len(items))
        return page.metadata.resource_version, page.metadata.continue_token

    def _take_found(self, manifest: Any) -> None:
        meta = manifest.metadata
        facts = self._facts(manifest)
        if self._listed is None:
            self.position = meta.resource_version or self.position
            if facts is not None:
                self._changes.append(facts)
        elif facts is not None:
            # A synthetic event: its resourceVersion is that of the object, not of the list.
            self._listed[meta.uid] = facts

    async def _take_other(self, event: Event) -> None:
        match event:
            case Deleted():
                self._take_deleted(event)
            case Bookmark() if self._listed is None:
                self.position = event.resource_version or self.position
            case Bookmark() if event.initial_events_end:
                await self.end_list(event.resource_version)
            case ServerError():
                raise event.error
            case NotAnEvent():
                raise NotTheApi(f"the stream holds what is no event: {event.why}")
            case Misfit():
                self._skip(event)

    def _take_deleted(self, event: Deleted) -> None:
        if self._listed is not None:
            self._listed.pop(event.uid, None)
            return
        self.position = event.resource_version or self.position
        self._changes.append(Gone(event.uid))

    def _take_item(self, item: msgspec.Raw) -> None:
        try:
            manifest = self._kind.decoder.decode(item)
        except ValueError as error:
            self._skip(misfit_of(item, str(error)))
            return
        if not manifest.metadata.uid:
            self._skip(misfit_of(item, NO_UID))
            return
        facts = self._facts(manifest)
        if facts is not None and self._listed is not None:
            self._listed[facts.uid] = facts

    def _facts(self, manifest: Any) -> Facts | None:
        # A fault in one kind's rules, on one odd object, must not take that kind's watch down for ever.
        try:
            return self._kind.facts(manifest)
        except Exception as error:
            meta = manifest.metadata
            self._skip(Misfit(meta.namespace, meta.name, f"its rules failed: {_where(error)}"))
            return None

    def _skip(self, misfit: Misfit) -> None:
        """Log an object that is left out, once."""
        name = f"{misfit.namespace}/{misfit.name}".lstrip("/") or "an object"
        if (name, misfit.why) in self._misfits or len(self._misfits) >= MOST_MISFITS:
            return
        self._misfits.add((name, misfit.why))
        log.warning("%s %s is left out: %s", self._kind.name, name, misfit.why)

    async def _flush(self) -> None:
        if self._changes:
            changes, self._changes = self._changes, []
            await self._sink.put(Update(self._kind.name, changes))

    def _count(self, events: int) -> None:
        if events:
            self._health.events += events
            self._health.last_event = self._clock()


def _where(error: Exception) -> str:
    """The type of an error and the line that raised it; not its text, which may quote the manifest."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno} of {frame.filename}"
