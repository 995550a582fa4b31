"""The text of a node, in two parts: one depends on its own manifest only, the other on its neighbours too."""

from __future__ import annotations

from typing import Any

import msgspec

from astrolabe.graph.model.facts import Facts, WarningEvent
from astrolabe.graph.model.faults import InvalidObjectError
from astrolabe.graph.model.links import Ref, RefByUid, owners_among
from astrolabe.graph.state.json_text import json_text
from astrolabe.graph.state.node import LONGEST_PART
from astrolabe.graph.state.status import Status

_METADATA = '{"metadata":{'


class _EncodedOwner(msgspec.Struct, frozen=True, gc=False):
    kind: str
    name: str


class _EncodedOwn(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The keys in their order."""

    metadata: dict[str, Any]
    uid: str
    cluster: str | msgspec.UnsetType
    name: str
    kind: str
    api_version: str
    namespace: str
    owner_references: list[_EncodedOwner] | msgspec.UnsetType = msgspec.UNSET
    labels: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


class _EncodedWords(msgspec.Struct, frozen=True, gc=False):
    status: str
    reason: str
    message: str
    since: str | msgspec.UnsetType


class _EncodedWarning(msgspec.Struct, frozen=True, gc=False):
    reason: str
    message: str
    since: str


class _EncodedDerived(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The keys in their order."""

    status: str
    reason: str
    message: str
    since: str | msgspec.UnsetType
    own: _EncodedWords | msgspec.UnsetType
    warning: _EncodedWarning | msgspec.UnsetType
    release: str | msgspec.UnsetType
    release_namespace: str | msgspec.UnsetType
    chart: str | msgspec.UnsetType
    unresolved: tuple[dict[str, str], ...] | msgspec.UnsetType


def encode_own(facts: Facts, api_version: str, *, kind: str = "", cluster: str = "") -> str:
    """The part of a node's text that its own manifest decides: all that follows `"metadata":{`.

    kind: as the node shows it, by default as the facts have it. cluster: see `Node.cluster`.
    Raises InvalidObjectError when that is too long, or its uid cannot stand in the texts of edges as it is.
    """
    uid = facts.uid
    if not (uid.isascii() and uid.isprintable()) or '"' in uid or "\\" in uid:
        raise InvalidObjectError("has a metadata.uid that is not a uid")
    owners = owners_among(facts.links)
    text = json_text(
        _EncodedOwn(
            facts.metadata,
            uid,
            cluster or msgspec.UNSET,
            facts.name,
            kind or facts.kind,
            api_version,
            facts.namespace,
            [_EncodedOwner(owner.kind, owner.name) for owner in owners] if owners else msgspec.UNSET,
            facts.labels or msgspec.UNSET,
        )
    )
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

    own: what its manifest alone says, if neighbours or Events changed that. With the same words it
        is so since the manifest says: what only others tell must not show to somebody who does not see them.
    warning: the Event that the node shows.
    """
    unset = msgspec.UNSET
    is_own = own is None or _words(own) == _words(status)
    text = json_text(
        _EncodedDerived(
            status.severity,
            status.reason,
            status.message,
            (own.since if own is not None and is_own else status.since) or unset,
            unset if own is None or is_own else _EncodedWords(*_words(own), own.since or unset),
            unset if warning is None else _EncodedWarning(warning.reason, warning.message, warning.since),
            release or unset,
            release_namespace if release else unset,
            chart or unset,
            unresolved or unset,
        )
    )
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
