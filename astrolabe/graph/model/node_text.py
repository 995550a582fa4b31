"""The text of a node, in two parts: one depends on its own manifest only, the other on its neighbours too."""

from __future__ import annotations

from typing import Any

from astrolabe.graph.model.facts import Facts, WarningEvent
from astrolabe.graph.model.faults import InvalidObjectError
from astrolabe.graph.model.links import Ref, RefByUid, owners_among
from astrolabe.graph.state.json_text import json_text
from astrolabe.graph.state.node import LONGEST_PART
from astrolabe.graph.state.status import Status

_METADATA = '{"metadata":{'


def encode_own(facts: Facts, api_version: str, *, kind: str = "") -> str:
    """The part of a node's text that its own manifest decides: all that follows `"metadata":{`.

    kind: as the node shows it, by default as the facts have it.
    Raises InvalidObjectError when that is too long, or its uid cannot stand in the texts of edges as it is.
    """
    uid = facts.uid
    if not (uid.isascii() and uid.isprintable()) or '"' in uid or "\\" in uid:
        raise InvalidObjectError("has a metadata.uid that is none")
    document: dict[str, Any] = {
        "metadata": facts.metadata,
        "uid": facts.uid,
        "name": facts.name,
        "kind": kind or facts.kind,
        "apiVersion": api_version,
        "namespace": facts.namespace,
    }
    owners = owners_among(facts.links)
    if owners:
        document["ownerReferences"] = [{"kind": owner.kind, "name": owner.name} for owner in owners]
    if facts.labels:
        document["labels"] = facts.labels
    text = json_text(document)
    if len(text) > LONGEST_PART:
        raise InvalidObjectError("would make a node of more than 2 MiB")
    return text[len(_METADATA) :]


def encode_derived(
    status: Status,
    *,
    release: str,
    release_namespace: str,
    chart: str,
    unresolved: tuple[dict[str, str], ...],
    metadata: dict[str, Any] | None,
    own: Status | None = None,
    warning: WarningEvent | None = None,
) -> str:
    """The part of a node's text that its neighbours may decide, up to and with `"metadata":{`.

    own: what its manifest alone says of it; told where neighbours changed a word of that.
    warning: the Event that the node shows.
    """
    document: dict[str, Any] = {
        "status": status.severity,
        "reason": status.reason,
        "message": status.message,
    }
    if status.since:
        document["since"] = status.since
    if own is not None and own is not status and _words(own) != _words(status):
        document["own"] = {"status": own.severity, "reason": own.reason, "message": own.message}
    if warning is not None:
        document["warning"] = {
            "reason": warning.reason,
            "message": warning.message,
            "since": warning.since,
        }
    if release:
        document["release"] = release
        document["releaseNamespace"] = release_namespace
    if chart:
        document["chart"] = chart
    if unresolved:
        document["unresolved"] = unresolved
    text = json_text(document)
    extra = json_text(metadata)[1:-1] + "," if metadata else ""
    return f'{text[:-1]},"metadata":{{{extra}'


def _words(status: Status) -> tuple[str, str, str]:
    return status.severity, status.reason, status.message


#: Why a reference to an object that exists is unresolved.
NOT_PERMITTED = "NotPermitted"


def describe(reference: Ref | RefByUid, *, kind: str, namespaced: bool) -> dict[str, str]:
    """An unresolved reference on the wire; `namespace` only when its kind has one."""
    document = {"type": reference.type, "kind": kind}
    if namespaced:
        document["namespace"] = reference.namespace
    document["name"] = reference.name
    document["field"] = reference.field
    if isinstance(reference, Ref) and reference.refused:
        document["reason"] = NOT_PERMITTED
    return document
