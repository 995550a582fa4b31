"""One line of a watch, decoded once and into the fields that its kind declares."""

from __future__ import annotations

from typing import Any

import msgspec

from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest, ObjectMeta, Slice
from astrolabe.kube.errors import ApiError, error_of_status

NO_UID = "has no metadata.uid"


class Found(msgspec.Struct, frozen=True, gc=False):
    """An object was added or modified; a watch-list also tells of what was there before as added."""

    manifest: Any


class Deleted(msgspec.Struct, frozen=True, gc=False):
    """An object was deleted. A watch with a selector also says so when the object ceased to match.

    resource_version: of the deletion, not of the object's last change.
    """

    uid: str
    resource_version: str


class Bookmark(msgspec.Struct, frozen=True, gc=False):
    """The watch is complete up to here.

    initial_events_end: and so is the initial list (annotation k8s.io/initial-events-end).
    """

    resource_version: str
    initial_events_end: bool


class ServerError(msgspec.Struct, frozen=True):
    """The API server ends the watch with a metav1.Status, under HTTP 200: 410 comes this way.

    Not hidden from the garbage collector, as the others are: a raised error keeps frames, and they this.
    """

    error: ApiError


class Misfit(msgspec.Struct, frozen=True, gc=False):
    """An object that is not as its kind declares. `why` names the field, never its value."""

    namespace: str
    name: str
    why: str


class NotAnEvent(msgspec.Struct, frozen=True, gc=False):
    """The line is no event of a watch: HTML, or JSON of another shape."""

    why: str


Event = Found | Deleted | Bookmark | ServerError | Misfit | NotAnEvent


class _Envelope(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Identity(Slice):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class _Identified(Slice):
    metadata: _Identity


def decode(kind: Kind[Any], line: bytes) -> Event:
    """What the line says. Nothing is raised: what cannot be understood is a Misfit or a NotAnEvent."""
    # ValueError: msgspec's own errors, and UnicodeDecodeError for text that is not UTF-8.
    try:
        event = kind.event_decoder.decode(line)
    except ValueError as error:
        return _decode_exception(line, error)
    type, manifest = event.type, event.object
    meta: ObjectMeta = manifest.metadata
    if type == "ADDED" or type == "MODIFIED":
        return Found(manifest) if meta.uid else Misfit(meta.namespace, meta.name, NO_UID)
    if type == "DELETED":
        return Deleted(meta.uid, meta.resource_version)
    return _decode_exception(line, None)


def _decode_exception(line: bytes, misfit: ValueError | None) -> Event:
    """Decodes what is no object of the kind (an error, a bookmark), or does not fit its slice."""
    try:
        envelope = msgspec.json.decode(line, type=_Envelope)
        if envelope.type == "ERROR":
            return ServerError(error_of_status(envelope.object))
    except ValueError as error:
        return NotAnEvent(str(error))
    if envelope.type == "BOOKMARK":
        return _bookmark(envelope.object)
    if envelope.type == "DELETED":
        identity = _identity(envelope.object)
        if identity.uid:
            return Deleted(identity.uid, identity.resource_version)
    return misfit_of(envelope.object, str(misfit or f"unknown type of event {envelope.type[:20]!r}"))


def misfit_of(object: msgspec.Raw, why: str) -> Misfit:
    """The misfit that this object is, with its name if even that can be read."""
    identity = _identity(object)
    return Misfit(identity.namespace, identity.name, why)


def _identity(object: msgspec.Raw) -> _Identity:
    try:
        return msgspec.json.decode(object, type=_Identified).metadata
    except ValueError:
        return _Identity()


def _bookmark(object: msgspec.Raw) -> Event:
    try:
        meta = msgspec.json.decode(object, type=Manifest).metadata
    except ValueError as error:
        return NotAnEvent(f"a bookmark without metadata: {error}")
    annotations = meta.annotations
    ended = annotations is not None and annotations.initial_events_end == "true"
    return Bookmark(meta.resource_version, ended)
