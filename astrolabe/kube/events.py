"""Decodes one line of a watch, once, into the fields that its kind declares."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from astrolabe.engine.inbox import InvalidObject
from astrolabe.kinds.manifest import LONGEST_NAME, Manifest, ObjectMeta, Projection
from astrolabe.kinds.watched import EventReader, WatchedKind
from astrolabe.kube.errors import UNDECODABLE, ApiError, error_of_status
from astrolabe.kube.scan import Truncated, members

#: Largest object in bytes. By default, etcd accepts 1.5 MB, which may be twice as much in JSON. Decoding this
#: much and adding it to the graph takes about 20 ms.
MAX_OBJECT_BYTES = 4 * 2**20
#: Bytes to read at most of an answer with one object.
MAX_SINGLE_BYTES = 5 * 2**20
#: Bytes of a larger object in which to look for its identity. An API server writes it first.
_SCANNED_BYTES = 64 * 1024

NO_UID = "has no metadata.uid"
TOO_DEEP = "is nested too deeply"
TOO_LARGE = f"is larger than {MAX_OBJECT_BYTES // 2**20} MiB"
NO_JSON = "is not valid JSON"


class Upserted(msgspec.Struct, frozen=True, gc=False):
    """An object was added or modified. A watch-list also sends the existing objects this way."""

    manifest: Any


class Deletion(msgspec.Struct, frozen=True, gc=False):
    """An object was deleted, or no longer matches the selector of the watch.

    resource_version: of the deletion, not of the object's last change.
    """

    uid: str
    resource_version: str


class BookmarkEvent(msgspec.Struct, frozen=True, gc=False):
    """The watch is complete up to this version.

    initial_events_end: whether the initial list is, too (annotation k8s.io/initial-events-end).
    """

    resource_version: str
    initial_events_end: bool


class ErrorEvent(msgspec.Struct, frozen=True):
    """The API server ends the watch with a metav1.Status under HTTP 200. 410 comes this way.

    Unlike the other events, it is tracked by the garbage collector: a raised error keeps frames, which keep
    it.
    """

    error: ApiError


class NotAnEvent(msgspec.Struct, frozen=True, gc=False):
    """The line is not an event of a watch, but HTML or other JSON."""

    why: str


DecodedEvent = Upserted | Deletion | BookmarkEvent | ErrorEvent | InvalidObject | NotAnEvent


class _Envelope(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Identity(Projection):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


#: The fields of `_Identity` in a manifest, in their order.
_IDENTITY = (b"name", b"namespace", b"uid", b"resourceVersion")
#: Types of events about an object, as they occur in a line.
_OF_OBJECTS = (b'"ADDED"', b'"MODIFIED"', b'"DELETED"')


class _Identified(Projection):
    metadata: _Identity


def decode(kind: WatchedKind, line: bytes, reader: EventReader | None = None) -> DecodedEvent:
    """The event in a line.

    Never raises: a line that cannot be decoded is an InvalidObject or a NotAnEvent.
    reader: of the watch, for lines that follow its list; see `WatchedKind.event_reader`.
    """
    if len(line) > MAX_OBJECT_BYTES:
        return _decode_partly(line, TOO_LARGE)
    try:
        event = kind.event_decoder.decode(line) if reader is None else reader.decode(line)
    except ValueError as error:
        return _decode_exception(line, error)
    except RecursionError:
        return _decode_partly(line, TOO_DEEP)
    type, manifest = event.type, event.object
    meta: ObjectMeta = manifest.metadata
    if type == "ADDED" or type == "MODIFIED":
        return Upserted(manifest) if meta.uid else InvalidObject(meta.namespace, meta.name, NO_UID)
    if type == "DELETED":
        return Deletion(meta.uid, meta.resource_version)
    return _decode_exception(line, None)


def _decode_exception(line: bytes, invalid: ValueError | None) -> DecodedEvent:
    """Decode an error, a bookmark, or an object that does not match the fields of its kind."""
    try:
        envelope = msgspec.json.decode(line, type=_Envelope)
        if envelope.type == "ERROR":
            return ErrorEvent(error_of_status(envelope.object))
    except msgspec.ValidationError as error:
        return NotAnEvent(str(error))
    except ValueError as error:
        return _decode_malformed(line, error)
    except RecursionError:
        return _decode_partly(line, TOO_DEEP)
    if envelope.type == "BOOKMARK":
        return _bookmark(envelope.object)
    if envelope.type == "DELETED":
        identity = _identity(envelope.object)
        if identity.uid:
            return Deletion(identity.uid, identity.resource_version)
    return invalid_object(envelope.object, str(invalid or f"unknown type of event {envelope.type[:20]!r}"))


def _decode_malformed(line: bytes, error: ValueError) -> DecodedEvent:
    """Decode a line that is not valid JSON, but may be an event with an invalid object."""
    try:
        parts = dict(members(line, whole=True))
    except Truncated:
        return NotAnEvent(str(error))
    if parts.get(b"type") not in _OF_OBJECTS or not parts.get(b"object", b"").startswith(b"{"):
        return NotAnEvent(str(error))
    return _decode_partly(line, NO_JSON)


def _decode_partly(line: bytes, why: str) -> DecodedEvent:
    """Decode a line that the decoder rejects, as far as the identity of its object.

    why: what is wrong with the object.
    """
    type = next(members(line), (b"", b""))
    if type[0] != b"type":  # a watch writes it first
        return NotAnEvent(why)
    identity = _identity(line.partition(b'"object"')[2])
    if type[1] == b'"DELETED"' and identity.uid:
        return Deletion(identity.uid, identity.resource_version)
    return InvalidObject(identity.namespace, identity.name, why, identity.uid)


def invalid_object(object: bytes | msgspec.Raw, error: Exception | str) -> InvalidObject:
    """Describe an object that cannot be decoded, with its name if that can be read."""
    identity = _identity(object)
    why = str(error)
    if isinstance(error, RecursionError):
        why = TOO_DEEP
    elif isinstance(error, ValueError) and not isinstance(error, msgspec.ValidationError):
        why = NO_JSON  # the error names a byte position, which differs each time
    return InvalidObject(identity.namespace, identity.name, why, identity.uid)


def version_in(line: bytes) -> str:
    """The resourceVersion of the object in a line that cannot be decoded; "" if there is none."""
    return _identity(line.partition(b'"object"')[2]).resource_version


def _identity(object: bytes | msgspec.Raw) -> _Identity:
    identity = _read_identity(object)
    texts = (identity.name, identity.namespace, identity.uid, identity.resource_version)
    return _Identity(*(text[:LONGEST_NAME] for text in texts))


def _read_identity(object: bytes | msgspec.Raw) -> _Identity:
    if len(object) > MAX_OBJECT_BYTES:
        return _scan_identity(bytes(object)[:_SCANNED_BYTES])
    try:
        return msgspec.json.decode(object, type=_Identified).metadata
    except UNDECODABLE:
        return _scan_identity(bytes(object))


def _scan_identity(object: bytes) -> _Identity:
    """The identity of an object that the decoder rejects. Scans up to its metadata, which comes early."""
    metadata = next((value for key, value in members(object) if key == b"metadata"), None)
    if metadata is None:  # the metadata does not end within the scanned bytes
        metadata = object.partition(b'"metadata"')[2].lstrip(b" :")
    texts: dict[bytes, str] = {}
    for key, value in members(metadata):
        if key in _IDENTITY:
            with suppress(ValueError):
                texts[key] = msgspec.json.decode(value, type=str)
        if len(texts) == len(_IDENTITY):  # managedFields, which may be nested deeply, come later
            break
    return _Identity(*(texts.get(key, "") for key in _IDENTITY))


def _bookmark(object: msgspec.Raw) -> DecodedEvent:
    try:
        meta = msgspec.json.decode(object, type=Manifest).metadata
    except UNDECODABLE as error:
        return NotAnEvent(f"a bookmark without metadata: {error}")
    annotations = meta.annotations
    ended = annotations is not None and annotations.initial_events_end == "true"
    return BookmarkEvent(meta.resource_version, ended)
