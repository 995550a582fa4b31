"""LIST: pages that are consistent at one version, continue tokens, and how they expire."""

from __future__ import annotations

import base64
import binascii
from itertools import islice
from typing import Any

import msgspec

from astrolabe.sim.api.query import Query
from astrolabe.sim.api.refusal import bad_request, expired_token, expired_version, too_large_version
from astrolabe.sim.api.wire import Form
from astrolabe.sim.store import Collection, Expired, Item, Snapshot

#: The version of a token with which a client goes on, at the newest version, after its own was compacted.
_INCONSISTENT = -1


class _Token(msgspec.Struct):
    v: str
    rv: int
    start: str


def answer_list(collection: Collection, query: Query, *, form: Form, current: int) -> bytes:
    """The body of a list answer. `current`: the version up to which the kind is complete. Raises Refusal."""
    if query.token:
        return _continued(collection, query, form=form, current=current)
    wanted = query.version or 0
    if wanted > current:
        raise too_large_version(wanted, current)
    revision = wanted if query.match == "Exact" else current
    limit = 0 if query.version == 0 and query.match != "Exact" else query.limit  # the watch cache ignores it
    try:
        snapshot = collection.at(revision)
    except Expired as error:
        raise expired_version() from error
    return _page(snapshot, query, form=form, revision=revision, start="", limit=limit)


def _continued(collection: Collection, query: Query, *, form: Form, current: int) -> bytes:
    token = _decode(query.token)
    start = token.start.lstrip("/")
    revision = current if token.rv == _INCONSISTENT else token.rv
    try:
        snapshot = collection.at(revision)
    except Expired as error:
        raise expired_token(_encode(_INCONSISTENT, token.start)) from error
    return _page(snapshot, query, form=form, revision=revision, start=start, limit=query.limit)


def _page(snapshot: Snapshot, query: Query, *, form: Form, revision: int, start: str, limit: int) -> bytes:
    keys = snapshot.keys.within(query.scope.namespace, start)
    chosen, rest = _take(snapshot, keys, query, limit=limit)
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if rest:
        last = chosen[-1].key.removeprefix(f"{query.scope.namespace}/" if query.scope.namespace else "")
        metadata["continue"] = _encode(revision, f"/{last}\0")
        if not query.scope.selective:
            metadata["remainingItemCount"] = rest
    return form.listed(chosen, metadata)


def _take(snapshot: Snapshot, keys: list[str], query: Query, *, limit: int) -> tuple[list[Item], int]:
    """The items of a page, and how many follow (with a selector: one, when there are any)."""
    scope = query.scope
    if not scope.selective:
        taken = keys[:limit] if limit else keys
        return [snapshot[key] for key in taken], len(keys) - len(taken)
    matching = (item for item in map(snapshot.__getitem__, keys) if scope.selects(item))
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
