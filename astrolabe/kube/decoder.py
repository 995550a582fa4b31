"""Turns the lines of a watch and the pages of a list into messages for the engine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from astrolabe.engine.inbox import (
    Deleted,
    EventChanges,
    InvalidObject,
    ObjectChanges,
    Replace,
    ReplaceEvents,
    Sink,
)
from astrolabe.engine.skips import SkipLog
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.faults import InvalidObjectError, where
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.kinds.event import EVENT
from astrolabe.kinds.manifest import Projection
from astrolabe.kinds.watched import WatchedKind
from astrolabe.kube.errors import UNDECODABLE, NotTheApi, RequestFailed, TooManyObjects
from astrolabe.kube.events import (
    MAX_OBJECT_BYTES,
    NO_UID,
    TOO_LARGE,
    BookmarkEvent,
    DecodedEvent,
    Deletion,
    ErrorEvent,
    NotAnEvent,
    Upserted,
    decode,
    invalid_object,
    version_in,
)
from astrolabe.kube.health import WatchHealth
from astrolabe.kube.scan import members
from astrolabe.timeslice import TimeSlice, turns

log = logging.getLogger("astrolabe.kube")

#: Objects to decode between two looks at the clock.
LOOK_EVERY = 32
#: Bytes of an object after which to look at the clock as well.
LARGE = 64 * 1024


#: Digits of a version, which has 64 bits.
_LONGEST_NUMBER = 20


class _ListMeta(Projection):
    resource_version: str = ""
    continue_token: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct):
    """A list. The items stay raw, so that an invalid one does not affect the others."""

    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class ListWatchDecoder:
    """Decodes what one watch receives, and keeps its position.

    position: the resourceVersion at which a watch can resume; "" if a list must come first. It is opaque, and
        compared for equality only.
    progressed_at: when the unfinished list began or last grew, on the clock.
    bookmark_interval: the longest time between two bookmarks of one connection; None before the second.
    """

    def __init__(
        self,
        kind: WatchedKind,
        sink: Sink,
        *,
        health: WatchHealth,
        clock: Callable[[], float],
        most: int | None = None,
    ) -> None:
        """most: objects of a list, beyond which it is given up."""
        self.position = ""
        self.progressed_at = 0.0
        self.bookmark_interval: float | None = None
        self._bookmark_at: float | None = None
        self._kind = kind
        self._reader = kind.event_reader()
        self._sink = sink
        self._health = health
        self._clock = clock
        self._most = most
        #: By uid: all are facts, or all are Events.
        self._listed: dict[str, Any] | None = None
        self._invalid: dict[str, InvalidObject] = {}
        self._changes: list[Any] = []
        self._skips = SkipLog(log, kind.key)

    @property
    def listing(self) -> bool:
        """Whether a list has begun and is not complete yet."""
        return self._listed is not None

    def begin_connection(self) -> None:
        """Note that a new connection begins."""
        self._bookmark_at = None

    def begin_list(self) -> None:
        """Forget the position, and collect objects until `end_list`."""
        self.position = ""
        self.progressed_at = self._clock()
        self._listed = {}
        self._invalid = {}
        self._changes = []

    async def end_list(self, resource_version: str) -> None:
        """Hand over the collected list, which is complete at this resourceVersion. Raises TooManyObjects."""
        self._check_size()
        listed, invalid = list((self._listed or {}).values()), list(self._invalid.values())
        self._listed = None
        self._invalid = {}
        self.position = resource_version
        health = self._health
        health.state, health.why, health.cause = "synced", "", ""
        health.objects = len(listed)
        health.lists += 1
        count = len(listed)
        if self._kind.key == EVENT:
            await self._sink.put(ReplaceEvents(health.namespace, listed))
        else:
            await self._sink.put(Replace(self._kind.key, health.namespace, listed, invalid))
        health.tried.set()
        log.debug("%s: complete, %d objects", health.label, count)

    async def decode_lines(self, lines: list[bytes]) -> None:
        """Decode the lines of one chunk into at most one `ObjectChanges`.

        Raises ApiError for an ERROR event and NotTheApi for a line that is no event. The changes before it
        are handed over first. Raises TooManyObjects.
        """
        known = len(self._listed or ())
        await turns().start()
        try:
            slice = TimeSlice()
            for count, line in enumerate(lines, 1):
                # What a list has is seen once: remembering it would only cost time and memory.
                event = decode(self._kind, line, self._reader if self._listed is None else None)
                if len(line) > LARGE:  # reading thousands of links takes as long as decoding them
                    await slice.pause()
                if type(event) is Upserted:
                    self._add_upserted(event.manifest)
                else:
                    await self._handle_event(event, line)
                if not count % LOOK_EVERY or len(line) > LARGE:
                    await slice.pause()
        except RequestFailed:
            await self._flush()
            raise
        self._count(len(lines))
        await self._flush()
        self._check_size()
        if len(self._listed or ()) != known:
            self.progressed_at = self._clock()

    async def decode_page(self, body: bytes) -> tuple[str, str]:
        """Decode one page of a list.

        Returns its resourceVersion and the token of the next page, "" on the last. Raises TooManyObjects.
        """
        await turns().start()
        try:
            page = msgspec.json.decode(body, type=_Page)
        except msgspec.ValidationError as error:
            raise NotTheApi(f"the answer is no list: {error}") from error
        except UNDECODABLE as error:  # one of the objects may be the cause
            page = await _split_page(body, error)
        items = page.items or []
        slice = TimeSlice()
        for count, item in enumerate(items, 1):
            manifest = self._decode_item(item)
            if len(item) > LARGE:
                await slice.pause()
            if manifest is not None:
                self._add_listed(manifest)
            if not count % LOOK_EVERY or len(item) > LARGE:
                await slice.pause()
        self._count(len(items))
        self._check_size()
        return page.metadata.resource_version, page.metadata.continue_token

    def skip_page(self, beginning: bytes) -> tuple[str, str]:
        """Skip the only object of a page because it is too large. beginning: of the page.

        Returns the same as `decode_page`. Raises NotTheApi if this is not a page of a list.
        """
        meta = _metadata_in(beginning)
        if meta is None:
            raise NotTheApi("the answer is no list, and too large")
        self._skip(invalid_object(beginning.partition(b'"items"')[2].lstrip(b" \t\r\n:["), TOO_LARGE))
        self._count(1)
        return meta.resource_version, meta.continue_token

    def _check_size(self) -> None:
        if self._most is not None and len(self._listed or ()) > self._most:
            self._listed = None
            raise TooManyObjects(f"there are more than {self._most} objects")

    def _add_upserted(self, manifest: Any) -> None:
        meta = manifest.metadata
        facts = self._facts(manifest)
        if self._listed is None:
            self.position = meta.resource_version or self.position
            if facts is not None:
                self._changes.append(facts)
        elif facts is not None:
            # The resourceVersion of a synthetic event is that of the object, not of the list.
            self._listed[meta.uid] = facts
            if self._invalid:
                self._invalid.pop(meta.uid, None)

    async def _handle_event(self, event: DecodedEvent, line: bytes) -> None:
        match event:
            case Deletion():
                self._add_deletion(event)
            case BookmarkEvent() if self._listed is None:
                self.position = event.resource_version or self.position
                self._note_bookmark()
            case BookmarkEvent() if event.initial_events_end:
                await self.end_list(event.resource_version)
                self._note_bookmark()
            case ErrorEvent():
                raise event.error
            case NotAnEvent():
                raise NotTheApi(f"the stream contains a line that is no event: {event.why}")
            case InvalidObject():
                self._skip(event)
                if self._listed is None:  # so that it is not sent again
                    self.position = version_in(line) or self.position

    def _note_bookmark(self) -> None:
        now, before = self._clock(), self._bookmark_at
        if before is not None:
            self.bookmark_interval = max(self.bookmark_interval or 0.0, now - before)
        self._bookmark_at = now

    def _add_deletion(self, event: Deletion) -> None:
        if self._listed is not None:
            self._listed.pop(event.uid, None)
            self._invalid.pop(event.uid, None)
            return
        self.position = event.resource_version or self.position
        self._changes.append(Deleted(event.uid))

    def _decode_item(self, item: msgspec.Raw) -> Any | None:
        """The manifest of an item; None if it is skipped."""
        if len(item) > MAX_OBJECT_BYTES:
            self._skip(invalid_object(item, TOO_LARGE))
            return None
        try:
            manifest = self._kind.decoder.decode(item)
        except UNDECODABLE as error:
            self._skip(invalid_object(item, error))
            return None
        if not manifest.metadata.uid:
            self._skip(invalid_object(item, NO_UID))
            return None
        return manifest

    def _add_listed(self, manifest: Any) -> None:
        facts = self._facts(manifest)
        if facts is not None and self._listed is not None:
            self._listed[facts.uid] = facts

    def _facts(self, manifest: Any) -> Facts | ObjectEvent | None:
        # A rule that fails on one odd object must not end the watch of the whole kind.
        try:
            return self._kind.facts(manifest)
        except Exception as error:
            meta = manifest.metadata
            why = str(error) if isinstance(error, InvalidObjectError) else f"its rules failed: {where(error)}"
            self._skip(InvalidObject(meta.namespace, meta.name, why, meta.uid))
            return None

    def _skip(self, invalid: InvalidObject) -> None:
        """Report an object as left out, and log it once."""
        self._skips.add(invalid)
        if self._listed is None:
            self._changes.append(invalid)
        else:
            self._invalid[invalid.uid or invalid.label] = invalid

    async def _flush(self) -> None:
        if self._changes:
            changes, self._changes = self._changes, []
            if self._kind.key == EVENT:
                await self._sink.put(EventChanges(changes))
            else:
                await self._sink.put(ObjectChanges(self._kind.key, changes))

    def _count(self, events: int) -> None:
        if events:
            self._health.events += events
            self._health.last_event = self._clock()


def older_version(body: bytes, position: str) -> str:
    """The version of this list if it is older than the position; "" if it is not, or if that is unknown.

    body: may be only the beginning of the list. Versions of one kind compare as numbers (KEP-5504), provided
        that they are numbers.
    """
    try:
        version = msgspec.json.decode(body, type=_Page).metadata.resource_version
    except UNDECODABLE:
        meta = _metadata_in(body)
        version = meta.resource_version if meta is not None else ""
    if not (_is_number(version) and _is_number(position)):
        return ""
    return version if int(version) < int(position) else ""


def _metadata_in(page: bytes) -> _ListMeta | None:
    """The metadata of a list, which an API server writes before the items."""
    for key, value in members(page, array=b"items"):
        if key == b"metadata":
            with suppress(*UNDECODABLE):
                return msgspec.json.decode(value, type=_ListMeta)
        if key == b"items":
            break
    return None


def _is_number(version: str) -> bool:
    return version.isascii() and version.isdecimal() and len(version) <= _LONGEST_NUMBER


async def _split_page(body: bytes, invalid: Exception) -> _Page:
    """Split a page that the decoder rejects into objects. Raises NotTheApi if the page is incomplete."""
    slice = TimeSlice()
    metadata, items = b"", []
    try:
        for key, value in members(body, array=b"items", whole=True):
            if key == b"items":
                items.append(msgspec.Raw(value))
            elif key == b"metadata":
                metadata = value
            await slice.pause()
        return _Page(msgspec.json.decode(metadata, type=_ListMeta), items)
    except UNDECODABLE as error:
        raise NotTheApi(f"the answer is no list: {invalid}") from error
