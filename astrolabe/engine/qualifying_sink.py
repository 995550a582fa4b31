"""Stands between the watches of one cluster among several and its engine: ids become those of the union."""

from __future__ import annotations

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
from astrolabe.graph.model.qualifying import qualify_event, qualify_facts
from astrolabe.graph.state.identity import qualified
from astrolabe.timeslice import TimeSlice


class QualifyingSink:
    """Implements `inbox.Sink`. Everything behind it, from the model to clients, knows qualified ids only.

    cluster: the name of the cluster in the union.
    """

    def __init__(self, sink: Sink, cluster: str) -> None:
        self._sink = sink
        self._cluster = cluster

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
            message.listed[index] = qualify_facts(facts, self._cluster)
            await slice.pause()
        for index, invalid in enumerate(message.invalid):
            message.invalid[index] = self._invalid(invalid)

    def _change(self, change: ObjectChange) -> ObjectChange:
        if isinstance(change, Facts):
            return qualify_facts(change, self._cluster)
        if isinstance(change, Deleted):
            return Deleted(qualified(self._cluster, change.uid))
        return self._invalid(change)

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
