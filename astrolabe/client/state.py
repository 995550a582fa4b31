"""What the server says of itself: whether what it sends is all there is, and as it is now."""

from __future__ import annotations

import msgspec


class ClusterName(msgspec.Struct, frozen=True):
    """Where the graph comes from. What is not known is empty."""

    name: str = ""
    context: str = ""
    server: str = ""


class SyncProgress(msgspec.Struct, frozen=True):
    """kinds: listed so far, of how many. objects: received so far."""

    kinds: int = 0
    of: int = 0
    objects: int = 0


class PartialKind(msgspec.Struct, frozen=True):
    """A kind of which something is missing.

    reason: `forbidden`, `not-served` or `skipped`; a later server may know more. why: for people.
    objects: how many are left out, of a kind that is otherwise there.
    """

    kind: str
    reason: str = ""
    why: str = ""
    objects: int = 0


class ServerState(msgspec.Struct, frozen=True, tag_field="type", tag="state"):
    """How far the graph can be trusted.

    state: `live`; `syncing`: what is there is only a part so far; `partial`: up to date, but some kinds are
        missing; `stale`: nobody keeps it up to date. A later server may know more: whatever is not `live` is
        not to be trusted wholly.
    since: RFC 3339, when it became so. why: one sentence, empty when live.
    """

    state: str
    since: str = ""
    why: str = ""
    cluster: ClusterName = ClusterName()
    progress: SyncProgress = SyncProgress()
    partial: tuple[PartialKind, ...] = ()
