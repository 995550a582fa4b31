"""The nodes that are not well, what each complains of, and where to find them."""

from __future__ import annotations

from collections.abc import Iterator, KeysView, Mapping
from types import MappingProxyType

from astrolabe.graph.causes.complaints import Complaint, complaint_of
from astrolabe.graph.causes.explanations import (
    DANGLING,
    called_services,
    is_dangling,
    named_groups,
    named_release,
)
from astrolabe.graph.causes.helm import HelmReleases, is_helm_revision
from astrolabe.graph.causes.words import WORKLOADS, Missing, Words, is_custom, read_words
from astrolabe.graph.state.edge_types import MAKES, MANAGES
from astrolabe.graph.state.identity import qualified
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import ERROR, READY, UNKNOWN

#: (what they are in it, where): the place under which some of the nodes are listed. Each is in one cluster:
#: where is its name, or something in it (`qualified`).
Place = tuple[str, str]

TERMINATING = "terminating"
#: Workloads of a namespace that have no Pods, or not enough.
IDLE = "idle"
#: Services of a namespace that select nothing.
EMPTY = "empty"
UNSCHEDULED = "unscheduled"
LOST_NODES = "lost"
#: Configurations by which the API server calls Services.
CALLERS = "callers"
API_SERVICES = "api services"
#: Nodes whose words speak of API groups.
ASKING = "asking"
#: Nodes whose words speak of a call to a Service.
CALLING = "calling"
#: Makers of an object that does not exist.
MAKERS = "makers"
#: The error of a Helm release.
RELEASE = "release"
#: What says that a Helm release failed.
HELM = "helm"

_CALLER_KINDS = frozenset(("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"))
_SCALED_TO_ZERO = '"reason":"ScaledToZero"'
_NOTHING: Mapping[str, None] = MappingProxyType({})


def is_followed(node: Node) -> bool:
    """Whether a node may have a part in a problem, besides revisions of Helm releases."""
    if node.status == UNKNOWN and not node.unresolved and is_custom(node.kind):
        return False  # nothing is known about it, and there may be thousands of its kind
    if node.status != READY:
        return True
    if node.kind in ("Deployment", "StatefulSet") and _SCALED_TO_ZERO in node.text:
        return True
    return node.unresolved and node.kind in DANGLING


class Register:
    """Words and complaints by uid. places: where each node is listed."""

    def __init__(self) -> None:
        self.words: dict[str, Words] = {}
        self.complaints: dict[str, Complaint] = {}
        self.places: dict[Place, dict[str, None]] = {}
        self._identities: dict[Missing, str] = {}
        self._helm = HelmReleases()

    def __contains__(self, uid: object) -> bool:
        return uid in self.words

    def at(self, place: Place) -> KeysView[str]:
        """The uids that are listed there."""
        return self.places.get(place, _NOTHING).keys()

    def find(self, identity: Missing) -> str | None:
        """The node of this identity, if it is listed."""
        return self._identities.get(identity)

    def take(self, uid: str, node: Node | None) -> list[tuple[str, Words | None, Words | None]]:
        """Take in a node as it is now; None: it is gone. Returns (uid, before, now) of each that changed."""
        changed = []
        revisions = self._helm.take(uid, node) if node is None or is_helm_revision(node) else {}
        if uid not in revisions:
            revisions[uid] = read_words(node) if node is not None and is_followed(node) else None
        for each, words in revisions.items():
            if words is not None and words.status == READY and words.unresolved and not _is_kept(words):
                words = None
            before = self.words.get(each)
            if before != words:
                changed.append((each, before, words))
                self._set(each, before, words)
        return changed

    def _set(self, uid: str, before: Words | None, words: Words | None) -> None:
        if before is not None:
            for place in _places_of(before, self.complaints[uid]):
                listed = self.places[place]
                del listed[uid]
                if not listed:
                    del self.places[place]
            identity = Missing(before.key, before.namespace, before.name, before.cluster)
            if self._identities.get(identity) == uid:
                del self._identities[identity]
        if words is None:
            self.words.pop(uid, None)
            self.complaints.pop(uid, None)
            return
        complaint = complaint_of(words)
        self.words[uid], self.complaints[uid] = words, complaint
        self._identities[Missing(words.key, words.namespace, words.name, words.cluster)] = uid
        for place in _places_of(words, complaint):
            self.places.setdefault(place, {})[uid] = None

    def dependents_of(self, words: Words, complaint: Complaint) -> Iterator[str]:
        """Those whose explanation may depend on this node without an edge."""
        if complaint is Complaint.TERMINATING and words.namespace:
            namespace = self.find(Missing("Namespace", "", words.namespace, words.cluster))
            if namespace is not None:
                yield namespace
        if words.key in WORKLOADS:
            yield from self.at((EMPTY, qualified(words.cluster, words.namespace)))
        if words.key == "Node":
            yield from self.at((UNSCHEDULED, words.cluster))
        if words.key == "APIService":
            yield from self.at((ASKING, words.cluster))
        if words.key == "Service" or words.key in _CALLER_KINDS:
            yield from self.at((CALLING, words.cluster))
        if words.status == ERROR:
            for release in _releases_of(words):
                yield from self.at((HELM, release))


def _is_kept(words: Words) -> bool:
    return words.reason == "ScaledToZero" or is_dangling(words)


def makers_place(missing: Missing) -> Place:
    """Where the makers of a missing object are listed."""
    return (MAKERS, qualified(missing.cluster, "/".join(missing[:3])))


def _places_of(words: Words, complaint: Complaint) -> Iterator[Place]:
    cluster, namespace = words.cluster, qualified(words.cluster, words.namespace)
    if complaint is Complaint.TERMINATING:
        yield (TERMINATING, namespace)
    elif complaint is Complaint.EMPTY:
        yield (EMPTY, namespace)
    elif complaint is Complaint.UNSCHEDULED:
        yield (UNSCHEDULED, cluster)
    elif complaint is Complaint.NODE_LOST:
        yield (LOST_NODES, cluster)
    if words.key in WORKLOADS:
        yield (IDLE, namespace)
    elif words.key in _CALLER_KINDS:
        yield (CALLERS, cluster)
    elif words.key == "APIService":
        yield (API_SERVICES, cluster)
    said = words.all_words
    if "https://" in said and any(called_services(said)):
        yield (CALLING, cluster)
    if words.status != READY and any(named_groups(said)):
        yield (ASKING, cluster)
    yield from {makers_place(each.missing) for each in words.unresolved if each.type in (MAKES, MANAGES)}
    if complaint is Complaint.HELM:
        yield (HELM, qualified(cluster, f"{words.release_namespace}/{words.release}"))
    elif named := named_release(words):
        yield (HELM, qualified(cluster, "/".join(named)))
    if complaint is not Complaint.HELM and words.status == ERROR:
        yield from {(RELEASE, release) for release in _releases_of(words)}


def _releases_of(words: Words) -> Iterator[str]:
    """The Helm releases that it belongs to, or that it is about."""
    if words.release:
        yield qualified(words.cluster, f"{words.release_namespace}/{words.release}")
    if named := named_release(words):
        yield qualified(words.cluster, "/".join(named))


def is_of_interest(node: Node) -> bool:
    """Whether a node may have a part in a problem."""
    return is_followed(node) or is_helm_revision(node)
