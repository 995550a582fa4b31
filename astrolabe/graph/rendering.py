"""From a record to its node."""

from __future__ import annotations

from typing import Any

from astrolabe.graph.faults import RULE_FAILED, Fault, Faults, where
from astrolabe.graph.node import Node, describe, encode_derived
from astrolabe.graph.record import Record
from astrolabe.graph.scopes import Scopes
from astrolabe.graph.status import UNKNOWN, Status

_NOT_ENCODED = Status(UNKNOWN, RULE_FAILED, "what its rules derive is no JSON")


def render(record: Record, scopes: Scopes, faults: Faults) -> bool:
    """Build the record's node anew; False when it is what it was.

    The part that the manifest decides is kept inside the node's text only, not beside it.
    faults: gets one more where what was derived cannot be encoded; the node then says so.
    """
    release, status = record.release, record.status
    try:
        derived = _encode(record, status, record.extra, scopes)
    except Exception as error:
        faults.note(record.uid, Fault(record.kind, record.namespace, record.name, where(error)))
        status = _NOT_ENCODED
        derived = _encode(record, status, None, scopes)
    else:
        faults.clear(record.uid)
    text = derived + record.manifest_text
    if record.node is not None and record.node.text == text:
        record.split, record.own_text = len(derived), ""
        return False
    node = Node(
        uid=record.uid,
        kind=record.kind,
        name=record.name,
        namespace=record.namespace,
        status=status.level,
        release=release.name if release else "",
        release_namespace=release.namespace if release else "",
        chart=record.chart,
        unresolved=bool(record.unresolved),
        text=text,
    )
    # All at once: whatever raises, the manifest's part of the text is where these say.
    record.node, record.split, record.own_text = node, len(derived), ""
    return True


def _encode(record: Record, status: Status, metadata: dict[str, Any] | None, scopes: Scopes) -> str:
    release = record.release
    return encode_derived(
        status,
        release=release.name if release else "",
        release_namespace=release.namespace if release else "",
        chart=record.chart,
        unresolved=tuple(
            [describe(miss, namespaced=scopes.namespaced(miss.kind)) for miss in record.unresolved]
        ),
        metadata=metadata,
    )
