"""Facts and Events of one cluster among several: every uid in them becomes the id that the union knows.

Between the kinds, which know one cluster, and the engine: neither knows of several.
"""

from __future__ import annotations

from functools import lru_cache
from sys import intern

import msgspec

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.links import Link, Ref, RefByUid
from astrolabe.graph.state.identity import qualified
from astrolabe.graph.state.object_event import ObjectEvent


def qualify_facts(facts: Facts, cluster: str) -> Facts:
    """The facts with qualified ids: the object's own, and those of the objects that it refers to by uid.

    What it refers to by name stays: names are looked up among the resources of the same cluster.
    """
    links = facts.links
    if any(_has_uid(link) for link in links):
        links = tuple([_qualify_link(link, cluster) for link in links])
    return msgspec.structs.replace(facts, uid=qualified(cluster, facts.uid), links=links)


def qualify_event(event: ObjectEvent, cluster: str) -> ObjectEvent:
    """The Event with qualified ids: its own, and that of the object which it regards."""
    return msgspec.structs.replace(
        event, uid=qualified(cluster, event.uid), regarding=qualified(cluster, event.regarding)
    )


def _has_uid(link: Link) -> bool:
    return isinstance(link, RefByUid) or (isinstance(link, Ref) and bool(link.uid))


def _qualify_link(link: Link, cluster: str) -> Link:
    if not _has_uid(link):
        return link
    assert isinstance(link, Ref | RefByUid)  # the others have none
    return _shared(link, cluster)


@lru_cache(maxsize=8192)
def _shared(link: Ref | RefByUid, cluster: str) -> Ref | RefByUid:
    """The same object for all that say the same: the objects of one owner share their reference to it."""
    return msgspec.structs.replace(link, uid=intern(qualified(cluster, link.uid)))
