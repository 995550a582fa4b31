"""Builds the node of a record."""

from __future__ import annotations

from typing import Any

from astrolabe.graph.model.faults import RULE_FAILED, Fault, Faults, where
from astrolabe.graph.model.links import Ref, RefByUid
from astrolabe.graph.model.node_text import describe, encode_derived
from astrolabe.graph.model.record import Record
from astrolabe.graph.model.scopes import Scopes, kind_of
from astrolabe.graph.state.node import LONGEST_PART, Node
from astrolabe.graph.state.status import UNKNOWN, Status

_NOT_ENCODED = Status(UNKNOWN, RULE_FAILED, "what its rules derive is no JSON")
_TOO_LONG = Status(UNKNOWN, RULE_FAILED, "what its neighbours say about it is longer than 2 MiB")


def render(record: Record, scopes: Scopes, faults: Faults, cluster: str = "") -> bool:
    """Build the record's node again. Returns False if it is unchanged.

    The part that depends on the manifest is kept only inside the node's text.
    cluster: see `Node.cluster`.
    faults: receives one if what was derived cannot be encoded or is too long. The node then says so, and
        nothing else about its neighbours.
    """
    release, status, unresolved = record.release, record.status, record.unresolved
    why = ""
    try:
        derived = _encode(record, status, record.extra, unresolved, scopes)
        if len(derived) > LONGEST_PART:
            status = _TOO_LONG
            why = status.message
    except Exception as error:
        status = _NOT_ENCODED
        why = where(error)
    if why:
        faults.note(record.uid, Fault(record.kind, record.namespace, record.name, why))
        unresolved = ()
        derived = _encode(record, status, None, unresolved, scopes)
    else:
        faults.clear(record.uid)
    text = derived + record.manifest_text
    if record.node is not None and record.node.text == text:
        record.split, record.own_text = len(derived), ""
        return False
    # By position, which a Struct takes many times as fast as by name.
    node = Node(
        record.uid,
        record.kind,
        record.name,
        record.namespace,
        status.severity,
        release.name if release else "",
        release.namespace if release else "",
        record.chart,
        bool(unresolved),
        text,
        cluster,
    )
    # All at once: whatever raises, the manifest's part of the text is where these say.
    record.node, record.split, record.own_text = node, len(derived), ""
    return True


def _encode(
    record: Record,
    status: Status,
    metadata: dict[str, Any] | None,
    unresolved: tuple[Ref | RefByUid, ...],
    scopes: Scopes,
) -> str:
    release = record.release
    return encode_derived(
        status,
        release=release.name if release else "",
        release_namespace=release.namespace if release else "",
        chart=record.chart,
        unresolved=_describe_all(unresolved, scopes) if unresolved else (),
        metadata=metadata,
        own=record.own_status,
        warning=record.warning,
    )


def _describe_all(unresolved: tuple[Ref | RefByUid, ...], scopes: Scopes) -> tuple[dict[str, str], ...]:
    return tuple(
        [
            describe(candidate, kind=kind, namespaced=scopes.namespaced(kind))
            for candidate in unresolved
            for kind in (kind_of(candidate),)
        ]
    )
