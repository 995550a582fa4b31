"""Stands between the watches of one cluster among several and its engine: ids become those of the union."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from astrolabe.engine.inbox import (
    Deleted,
    EventChange,
    EventChanges,
    InboxMessage,
    InvalidObject,
    ObjectChange,
    ObjectChanges,
    Replace,
    ReplaceEvents,
    Sink,
)
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.links import Ref
from astrolabe.graph.model.qualifying import qualify_event, qualify_facts
from astrolabe.graph.state.identity import qualified
from astrolabe.timeslice import TimeSlice


class Elsewhere(Protocol):
    """Is told what the objects of a cluster refer to in others."""

    def note(self, uid: str, kind: str, namespace: str, refs: tuple[Ref, ...], /) -> None:
        """What an object refers to."""
        ...

    def note_listed(self, cluster: str, kind: str, namespace: str, listed: Iterable[str], /) -> None:
        """The only objects of a kind, in a namespace or in all."""
        ...


class QualifyingSink:
    """Implements `inbox.Sink`. Everything behind it, from the model to clients, knows qualified ids only.

    cluster: the name of the cluster in the union. elsewhere: what is in other clusters; the model is told
    only of what is in its own.
    """

    def __init__(self, sink: Sink, cluster: str, elsewhere: Elsewhere) -> None:
        self._sink = sink
        self._cluster = cluster
        self._elsewhere = elsewhere

    async def put(self, message: InboxMessage) -> None:
        """Hand over the message, whose lists are changed in place."""
        match message:
            case ObjectChanges():
                changes = message.changes
                for index, change in enumerate(changes):
                    changes[index] = self._change(change)
            case Replace():
                await self._list(message)
            case EventChanges():
                events = message.changes
                for index, event in enumerate(events):
                    events[index] = self._event(event)
            case ReplaceEvents():
                slice = TimeSlice()
                for index, each in enumerate(message.listed):
                    message.listed[index] = qualify_event(each, self._cluster)
                    await slice.pause()
        await self._sink.put(message)

    async def _list(self, message: Replace) -> None:
        slice = TimeSlice()
        for index, facts in enumerate(message.listed):
            message.listed[index] = self._facts(facts)
            await slice.pause()
        listed = [*[each.uid for each in message.listed], *[each.uid for each in message.invalid]]
        self._elsewhere.note_listed(self._cluster, message.kind, message.namespace, listed)
        for index, invalid in enumerate(message.invalid):
            message.invalid[index] = self._invalid(invalid)

    def _change(self, change: ObjectChange) -> ObjectChange:
        if isinstance(change, Facts):
            return self._facts(change)
        if isinstance(change, Deleted):
            uid = qualified(self._cluster, change.uid)
            self._elsewhere.note(uid, "", "", ())
            return Deleted(uid)
        return self._invalid(change)

    def _facts(self, facts: Facts) -> Facts:
        known = qualify_facts(facts, self._cluster)
        # Nearly nothing refers to another cluster, and links are looked through anyway.
        refs = tuple([link for link in known.links if isinstance(link, Ref) and link.cluster])
        self._elsewhere.note(known.uid, known.kind, known.namespace, refs)
        if refs:
            own = tuple([link for link in known.links if not (isinstance(link, Ref) and link.cluster)])
            known = msgspec.structs.replace(known, links=own)
        return known

    def _event(self, event: EventChange) -> EventChange:
        if isinstance(event, Deleted):
            return Deleted(qualified(self._cluster, event.uid))
        if isinstance(event, InvalidObject):
            return self._invalid(event)
        return qualify_event(event, self._cluster)

    def _invalid(self, invalid: InvalidObject) -> InvalidObject:
        """One without a readable uid is known by its name, in the engine of this cluster only."""
        if not invalid.uid:
            return invalid
        return msgspec.structs.replace(invalid, uid=qualified(self._cluster, invalid.uid))
