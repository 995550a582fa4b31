"""What a drain of a Node asks for its Pods, and what the API server would answer, changing nothing.

Which Pods are asked for, in which order and with which flags, is as in `kubectl drain`. The answers are those
of the eviction endpoint, one after the other: each that it grants takes one from what its
PodDisruptionBudget allows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from astrolabe.graph.causes.words import Words, read_words
from astrolabe.graph.state.edge_types import OWNS, SELECTS
from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import READY

#: The phases of a Pod that is over.
OVER = frozenset(("Succeeded", "Failed"))

#: Flags without which `kubectl drain` does not begin, in the order of its error message.
IGNORE_DAEMONSETS = "--ignore-daemonsets"
DELETE_EMPTYDIR = "--delete-emptydir-data"
FORCE = "--force"


class Eviction(NamedTuple):
    """What a drain asks for one Pod, in this order. outcome: evicted, refused, skipped or blocked.

    why: a sentence; "" when there is nothing to say. by: the uid of what decides. needs: the flags without
    which `kubectl drain` does not begin. blocked: it goes with `--force` only; the API server would evict it.
    """

    pod: str
    outcome: str
    why: str = ""
    by: str = ""
    needs: tuple[str, ...] = ()


@dataclass
class _AskedBudget:
    """A PodDisruptionBudget, by its last status. taken: by the evictions so far."""

    uid: str
    name: str
    allowed: int
    healthy: int
    desired: int
    always: bool
    outdated: bool
    failure: str
    taken: int = 0


class Drain:
    """Asks for one Pod after the other."""

    def __init__(self, graph: ReadableGraph, ending: Collection[str]) -> None:
        """ending: the names of Namespaces that are being deleted."""
        self._graph = graph
        self._ending = ending
        self._budgets: dict[str, _AskedBudget] = {}

    def ask(self, pods: Iterable[Node]) -> Iterator[Eviction]:
        """For all Pods of a Node, those that are over too, in the order in which they are listed."""
        for pod in sorted(pods, key=lambda pod: f"{pod.namespace}/{pod.name}"):
            yield self._ask(pod, read_words(pod))

    def _ask(self, pod: Node, words: Words) -> Eviction:
        is_over = words.phase in OVER
        owner = self._controller_of(pod.uid, words.owner)
        if not is_over and _is_daemon(owner, words.owner):
            return _of_daemon(pod, words, owner)
        if words.is_static:
            by = owner.uid if owner is not None else ""
            return Eviction(pod.uid, "skipped", "it is a static Pod, which the kubelet would start again", by)
        needs = () if is_over else _flags(words)
        outcome, why, by = self._answer(pod, words)
        if outcome == "evicted" and FORCE in needs:
            why = f"nothing controls it, so it would not come back; a drain needs {FORCE}"
            return Eviction(pod.uid, "blocked", why, "", needs)
        if outcome == "evicted" and needs:
            why = f"what it keeps in {_volumes(words)} is lost; a drain needs {DELETE_EMPTYDIR}"
        return Eviction(pod.uid, outcome, why, by, needs)

    def _answer(self, pod: Node, words: Words) -> tuple[str, str, str]:
        """What the eviction endpoint answers: outcome, why, and the uid of what decides."""
        if pod.namespace in self._ending:
            return "refused", "its Namespace is being deleted, and takes no evictions", ""
        if words.phase in OVER or words.phase == "Pending" or words.reason == "Terminating":
            return "evicted", "", ""
        budgets = self._budgets_of(pod.uid)
        if not budgets:
            return "evicted", "", ""
        if len(budgets) > 1:
            named = ", ".join(sorted(budget.name for budget in budgets))
            why = f"several PodDisruptionBudgets select it ({named}), which the API server does not support"
            return "refused", why, budgets[0].uid
        (budget,) = budgets
        why = self._ask_budget(budget, is_healthy=pod.status == READY)
        return ("refused", why, budget.uid) if why else ("evicted", "", "")

    def _ask_budget(self, budget: _AskedBudget, *, is_healthy: bool) -> str:
        """Why it refuses; "" when it does not, and then one eviction less is left."""
        if not is_healthy and (budget.always or budget.healthy >= budget.desired > 0):
            return ""  # it is not counted, so nothing is taken
        if budget.outdated:
            return f"PodDisruptionBudget {budget.name} was changed, and its controller has not seen that yet"
        if budget.allowed - budget.taken <= 0:
            return _refusal(budget)
        budget.taken += 1
        return ""

    def _budgets_of(self, uid: str) -> list[_AskedBudget]:
        found = []
        for edge in self._graph.incoming(uid):
            node = self._graph.node(edge.source) if edge.type == SELECTS else None
            if node is not None and node.kind == "PodDisruptionBudget":
                known = self._budgets.get(node.uid)
                if known is None:
                    known = self._budgets[node.uid] = _read_budget(node)
                found.append(known)
        return found

    def _controller_of(self, uid: str, owner: str) -> Node | None:
        """What controls a Pod, as far as it can be seen. owner: `Kind/name`."""
        kind, _, name = owner.partition("/")
        for edge in self._graph.incoming(uid):
            node = self._graph.node(edge.source) if edge.type == OWNS else None
            if node is not None and (node.kind.partition(".")[0], node.name) == (kind, name):
                return node
        return None


def _is_daemon(owner: Node | None, named: str) -> bool:
    """Whether a DaemonSet of Kubernetes controls it; other groups have kinds of that name."""
    return owner.kind == "DaemonSet" if owner is not None else named.startswith("DaemonSet/")


def _of_daemon(pod: Node, words: Words, owner: Node | None) -> Eviction:
    if any(each.type == OWNS and each.kind == "DaemonSet" for each in words.unresolved):
        why = f"its DaemonSet does not exist, so it would not come back; a drain needs {FORCE}"
        return Eviction(pod.uid, "blocked", why, "", (FORCE,))
    by = owner.uid if owner is not None else ""
    why = "its DaemonSet would place it here again"
    return Eviction(pod.uid, "skipped", why, by, (IGNORE_DAEMONSETS,))


def _flags(words: Words) -> tuple[str, ...]:
    flags = [DELETE_EMPTYDIR] if words.empty_dirs else []
    return (*flags, *(() if words.owner else (FORCE,)))


def _volumes(words: Words) -> str:
    names = words.empty_dirs
    if len(names) == 1:
        return f"its emptyDir volume {names[0]}"
    return f"its emptyDir volumes {', '.join(names[:-1])} and {names[-1]}"


def _read_budget(node: Node) -> _AskedBudget:
    metadata, words = node.document()["metadata"], read_words(node)
    return _AskedBudget(
        uid=node.uid,
        name=node.name,
        allowed=metadata.get("disruptionsAllowed") or 0,
        healthy=metadata.get("currentHealthy") or 0,
        desired=metadata.get("desiredHealthy") or 0,
        always=metadata.get("unhealthyPodEvictionPolicy") == "AlwaysAllow",
        outdated=bool(metadata.get("outdated")),
        failure=words.own_message if words.own_reason == "SyncFailed" else "",
    )


def _refusal(budget: _AskedBudget) -> str:
    if budget.failure:
        return f"PodDisruptionBudget {budget.name} allows nothing, as its controller fails: {budget.failure}"
    left = budget.healthy - budget.taken
    if left > budget.desired:
        return f"PodDisruptionBudget {budget.name} allows no eviction at present"
    many = "Pod" if budget.desired == 1 else "Pods"
    after = " left after the evictions before this one" if budget.taken else ""
    return f"PodDisruptionBudget {budget.name} needs {budget.desired} healthy {many} and has {left}{after}"
