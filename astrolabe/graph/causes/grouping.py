"""Which roots are one problem, and what it is called from beginning to end."""

from __future__ import annotations

import re
from hashlib import blake2s
from typing import TYPE_CHECKING

from astrolabe.graph.causes.arcs import Item
from astrolabe.graph.causes.complaints import Complaint
from astrolabe.graph.causes.explanations import verdict_of
from astrolabe.graph.causes.graces import is_finished
from astrolabe.graph.causes.words import WORKLOADS, Missing, Words, without_numbers
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import ERROR

if TYPE_CHECKING:
    from astrolabe.graph.causes.causes import Causes

#: What stays the same of a problem: kind of its roots, what they have in common, class of the reason; and
#: their cluster, where there are several.
GroupKey = tuple[str, ...]

#: Classes of what a Pod says each time that it is started, and not in between.
_COMES_BACK = frozenset((Complaint.CRASH, Complaint.IMAGE, Complaint.CONFIG))
#: What a Pod says of a container that has ended several times, also while it runs again.
_KEEPS_ENDING = "keeps ending"
_MISSING = "missing"
_VERDICT = "verdict"
_RUN = "run"
_RUNS = frozenset(("Job", "CronJob"))
#: Verdicts that do not depend on what a Pod asks for but on how full the cluster is.
_FULL = re.compile(r"Insufficient|Too many pods")
_POOLS = (
    "pool",
    "nodepool",
    "node-pool",
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "kubernetes.azure.com/agentpool",
    "karpenter.sh/nodepool",
    "alpha.eksctl.io/nodegroup-name",
    "doks.digitalocean.com/node-pool",
)
_ORDINAL = re.compile(r"[-.]?[0-9a-f]*\d[0-9a-f]*$")


def group_of(causes: Causes, root: Item) -> GroupKey:
    """The group of a root."""
    if not isinstance(root, str):
        *named, cluster = root
        return (_MISSING, *named, *_in(cluster))
    words, complaint = causes.register.words[root], causes.register.complaints[root]
    return (*_group_within(causes, words, complaint), *_in(words.cluster))


def _in(cluster: str) -> tuple[str, ...]:
    return (cluster,) if cluster else ()


def _group_within(causes: Causes, words: Words, complaint: Complaint) -> GroupKey:
    """The group of a node among those of its cluster."""
    root = words.uid
    name = _class_of(words, complaint)
    if words.key == "Node":
        node = causes.graph.node(root)
        return ("Node", "pool", _pool(node) if node is not None else words.name, name)
    if complaint is Complaint.UNSCHEDULED:
        verdict = verdict_of(words.own_message)
        if verdict is not None and _FULL.search(words.own_message.partition("preemption:")[0]):
            return ("Pod", _VERDICT, without_numbers(words.own_message), name)
    if words.key == "Pod" or words.key in WORKLOADS:
        holder = top_owner(causes, root) or words
        if _is_failed_run(words, complaint):
            return (_RUN, *_identity(holder))
        return (words.key, *_identity(holder), name)
    return (words.key, words.namespace, words.name, name)


def _is_failed_run(words: Words, complaint: Complaint) -> bool:
    """Whether it is a failed run, or what remains of one: Pods are deleted first, then their Job."""
    if words.key == "Pod":
        return is_finished(words) and words.owner.partition("/")[0] == "Job"
    return words.key in _RUNS and words.status == ERROR and complaint is Complaint.WAITING


def is_shared(group: GroupKey) -> bool:
    """Whether its members may have nothing in common but a scheduler's verdict."""
    return group[1] == _VERDICT and group[0] == "Pod"


def holder_of(group: GroupKey) -> Missing | None:
    """The identity of what has Pods that fail whenever they are started; None of other causes."""
    if group[0] != "Pod" or is_shared(group) or group[4] not in _COMES_BACK:
        return None
    _, kind, namespace, name, _, *cluster = group
    return Missing(kind, namespace, name, *cluster)


def id_of(cluster: str, group: GroupKey) -> str:
    """The id of a problem: of one cluster, short, and the same in each replica."""
    text = "\0".join((cluster, *group)).encode()
    return blake2s(text, digest_size=8).hexdigest()


def _class_of(words: Words, complaint: Complaint) -> str:
    """The class of its reason. A crash loop has one class, whether the container runs or has ended."""
    if complaint is Complaint.UNREADY and _KEEPS_ENDING in words.message:
        return str(Complaint.CRASH)
    return str(complaint)


def top_owner(causes: Causes, uid: str) -> Node | None:
    """The topmost owner that the graph shows; None if there is none."""
    found: Node | None = None
    seen = {uid}
    owner = causes.explainer.owner_of(uid)
    while owner is not None and owner not in seen:
        seen.add(owner)
        node = causes.graph.node(owner)
        if node is None or node.kind == "Node":
            break
        found = node
        owner = causes.explainer.owner_of(owner)
    return found


def _identity(holder: Node | Words) -> tuple[str, str, str]:
    kind = holder.kind if isinstance(holder, Node) else holder.key
    return (kind, holder.namespace, holder.name)


def _pool(node: Node) -> str:
    """The pool of a Node by its labels, else by what names of one pool have in common."""
    labels = node.labels()
    for label in _POOLS:
        if labels.get(label):
            return labels[label]
    return _ORDINAL.sub("", node.name) or node.name
