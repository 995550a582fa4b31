"""An Event of Kubernetes: something that a component reports of one object. It is no node.

A leaf, because every layer from the watch to the API passes Events on.
"""

from __future__ import annotations

import msgspec

from astrolabe.graph.state.identity import qualified
from astrolabe.graph.state.node import Node

WARNING = "Warning"
NORMAL = "Normal"

#: Characters of a message. An API server accepts 1 KiB of a new Event, and older components wrote more.
LONGEST_EVENT_MESSAGE = 1_024


#: The kind whose resources Events regard by name, too; see `ObjectEvent.regarding`.
NODE = "Node"


class ObjectEvent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One Event, which a repetition replaces.

    uid, namespace: its own. regarding: the uid of the object that it is about. A kubelet writes the name of
        its node there instead, and so does node-problem-detector. It is qualified like the uid of a node.
    type: Warning or Normal. source: the component that reports it, such as `kubelet`.
    count: how often it was seen. first, last: when, RFC 3339 in UTC to the second, so that the order of the
        texts is that of the times.
    """

    uid: str
    namespace: str
    regarding: str
    type: str
    reason: str
    message: str
    source: str
    count: int
    first: str
    last: str


def regarded(node: Node) -> tuple[str, ...]:
    """How Events name a resource (see `ObjectEvent.regarding`)."""
    return (node.uid, qualified(node.cluster, node.name)) if node.kind == NODE else (node.uid,)
