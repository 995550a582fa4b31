"""LIST: pages that are consistent at one version, continue tokens, and their expiry."""

from __future__ import annotations

import base64
import binascii
from itertools import islice
from typing import Any

import msgspec

from astrolabe.sim.api.encoding import ObjectEncoder
from astrolabe.sim.api.errors import bad_request, expired_token, expired_version, too_large_version
from astrolabe.sim.api.list_options import ListOptions
from astrolabe.sim.store import Collection, CollectionAt, Expired, Item

#: The version in a token that continues at the newest version, after the original one was compacted.
_INCONSISTENT = -1


class _Token(msgspec.Struct):
    v: str
    rv: int
    start: str


def answer_list(
    collection: Collection, options: ListOptions, *, encoder: ObjectEncoder, current: int
) -> bytes:
    """The body of a list response. current: the newest complete version of the kind. Raises StatusError."""
    if options.token:
        return _continued(collection, options, encoder=encoder, current=current)
    wanted = options.version or 0
    if wanted > current:
        raise too_large_version(wanted, current)
    revision = wanted if options.match == "Exact" else current
    limit = (
        0 if options.version == 0 and options.match != "Exact" else options.limit
    )  # the watch cache ignores it
    try:
        snapshot = collection.at(revision)
    except Expired as error:
        raise expired_version() from error
    return _page(snapshot, options, encoder=encoder, revision=revision, start="", limit=limit)


def _continued(
    collection: Collection, options: ListOptions, *, encoder: ObjectEncoder, current: int
) -> bytes:
    token = _decode(options.token)
    start = token.start.lstrip("/")
    revision = current if token.rv == _INCONSISTENT else token.rv
    try:
        snapshot = collection.at(revision)
    except Expired as error:
        raise expired_token(_encode(_INCONSISTENT, token.start)) from error
    return _page(snapshot, options, encoder=encoder, revision=revision, start=start, limit=options.limit)


def _page(
    snapshot: CollectionAt,
    options: ListOptions,
    *,
    encoder: ObjectEncoder,
    revision: int,
    start: str,
    limit: int,
) -> bytes:
    keys = snapshot.keys.within(options.predicate.namespace, start)
    chosen, rest = _take(snapshot, keys, options, limit=limit)
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if rest:
        last = chosen[-1].key.removeprefix(
            f"{options.predicate.namespace}/" if options.predicate.namespace else ""
        )
        metadata["continue"] = _encode(revision, f"/{last}\0")
        if not options.predicate.has_selectors:
            metadata["remainingItemCount"] = rest
    return encoder.listed(chosen, metadata)


def _take(
    snapshot: CollectionAt, keys: list[str], options: ListOptions, *, limit: int
) -> tuple[list[Item], int]:
    """The items of a page, and how many follow (with a selector: 1 if there are more)."""
    predicate = options.predicate
    if not predicate.has_selectors:
        taken = keys[:limit] if limit else keys
        return [snapshot[key] for key in taken], len(keys) - len(taken)
    matching = (item for item in map(snapshot.__getitem__, keys) if predicate.matches_selectors(item))
    if not limit:
        return list(matching), 0
    return list(islice(matching, limit)), int(next(matching, None) is not None)


def _encode(revision: int, start: str) -> str:
    token = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": revision, "start": start})
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def _decode(text: str) -> _Token:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise bad_request("invalid continue token: continue key is not valid: illegal base64 data") from error
    try:
        return msgspec.json.decode(raw, type=_Token)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        first = f"\\u{raw[0]:04x}" if raw and raw[0] > 126 else chr(raw[0]) if raw else ""
        reason = f"invalid character '{first}' looking for beginning of value"
        raise bad_request(f"invalid continue token: continue key is not valid: {reason}") from error
