"""Helm releases that failed: what the labels of the newest revision say, as words of the object that has it.

An older revision that failed is history. The objects themselves are always Ready.
"""

from __future__ import annotations

from collections.abc import Mapping

from astrolabe.graph.causes.words import Words, read_words
from astrolabe.graph.state.identity import Release
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import ERROR, PENDING

_PREFIX = "sh.helm.release.v1."
_STATUSES = {
    "failed": (ERROR, "ReleaseFailed", "failed"),
    "pending-install": (PENDING, "PendingInstall", "was begun and has not ended"),
    "pending-upgrade": (PENDING, "PendingUpgrade", "was begun and has not ended"),
    "pending-rollback": (PENDING, "PendingRollback", "was begun and has not ended"),
}


def is_helm_revision(node: Node) -> bool:
    """Whether Helm keeps a revision of a release in this object."""
    return node.kind in ("Secret", "ConfigMap") and node.name.startswith(_PREFIX)


class HelmReleases:
    """The revisions of each release."""

    def __init__(self) -> None:
        self._releases: dict[Release, dict[str, tuple[int, Node]]] = {}
        self._by_uid: dict[str, Release] = {}

    def take(self, uid: str, node: Node | None) -> dict[str, Words | None]:
        """Take in a revision as it is now. Returns what the revisions of its release say: only a newest one
        that is not well says something."""
        release = self._by_uid.pop(uid, None)
        found: dict[str, Words | None] = {}
        if release is not None:
            revisions = self._releases[release]
            del revisions[uid]
            found[uid] = None
            if not revisions:
                del self._releases[release]
            found.update(self._say(release))
        if node is not None:
            labels = node.labels()
            version = labels.get("version", "")
            release = Release(node.namespace, labels.get("name", ""), node.cluster)
            if labels.get("owner") == "helm" and version.isdigit() and release.name:
                self._releases.setdefault(release, {})[uid] = (int(version), node)
                self._by_uid[uid] = release
                found.update(self._say(release))
        return found

    def _say(self, release: Release) -> Mapping[str, Words | None]:
        revisions = self._releases.get(release, {})
        if not revisions:
            return {}
        newest = max(revisions, key=lambda uid: (revisions[uid][0], uid))
        return {uid: _words(node, release) if uid == newest else None for uid, (_, node) in revisions.items()}


def _words(node: Node, release: Release) -> Words | None:
    labels = node.labels()
    told = _STATUSES.get(labels.get("status", ""))
    if told is None:
        return None
    status, reason, outcome = told
    message = f"Helm release {release.name}: revision {labels.get('version', '')} {outcome}"
    words = read_words(node)
    return Words(
        uid=node.uid,
        key=node.kind,
        shown_kind=words.shown_kind,
        group=words.group,
        namespace=node.namespace,
        name=node.name,
        release=release.name,
        release_namespace=release.namespace,
        status=status,
        reason=reason,
        message=message,
        own_status=status,
        own_reason=reason,
        own_message=message,
        since=words.created,
        since_text=words.created_text,
        created=words.created,
        cluster=node.cluster,
    )
