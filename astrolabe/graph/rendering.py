"""From a record to its node."""

from __future__ import annotations

from astrolabe.graph.node import Node, describe, encode_derived
from astrolabe.graph.record import Record
from astrolabe.graph.scopes import Scopes


def render(record: Record, scopes: Scopes) -> bool:
    """Build the record's node anew; False when it is what it was.

    The part that the manifest decides is kept inside the node's text only, not beside it.
    """
    release = record.release
    derived = encode_derived(
        record.status,
        release=release.name if release else "",
        release_namespace=release.namespace if release else "",
        chart=record.chart,
        unresolved=tuple(
            [describe(miss, namespaced=scopes.namespaced(miss.kind)) for miss in record.unresolved]
        ),
        metadata=record.extra,
    )
    text = derived + record.manifest_text
    record.split, record.own_text = len(derived), ""
    if record.node is not None and record.node.text == text:
        return False
    record.node = Node(
        uid=record.uid,
        kind=record.kind,
        name=record.name,
        namespace=record.namespace,
        status=record.status.level,
        release=release.name if release else "",
        release_namespace=release.namespace if release else "",
        chart=record.chart,
        unresolved=bool(record.unresolved),
        text=text,
    )
    return True
