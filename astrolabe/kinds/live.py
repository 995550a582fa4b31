"""Which pods count: what a pod tells its neighbours about its life, and which of several are live.

A status that is judged by pods looks at live ones only. A pod that was evicted, shut down or preempted stays
as an object for weeks: it is in Error itself, and makes nobody else so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from sys import intern

from astrolabe.graph.model.facts import Neighborhood, Peer
from astrolabe.graph.state.status import ERROR, PENDING
from astrolabe.kinds.common import condition
from astrolabe.kinds.manifest import ObjectMeta
from astrolabe.kinds.pod import NO_STATUS, ContainerState, Pod, PodDetails, PodSpec, PodStatus
from astrolabe.kinds.pod_status import PodVerdict

_HASH_LABEL = "controller-revision-hash"
#: The labels by which a pod says of which revision it is: of a DaemonSet, which does not know the hash of its
#: pods; of a StatefulSet; of a Deployment.
_REVISION_LABELS = ("pod-template-generation", _HASH_LABEL, "pod-template-hash")
#: Restarts before which the kubelet does not hold back.
_AT_ONCE = 1
#: What the kubelet reports as the start of a container that never started.
_EPOCH = "1970-01-01T00:00:00Z"
#: The reason of what waits for pods that start for the first time.
STARTING = "Starting"
_FINISHED = frozenset(("Succeeded", "Failed"))


def live_pods(pods: Iterable[Peer], revisions: Collection[str] = ()) -> list[Peer]:
    """The pods that count: neither finished nor being deleted.

    revisions: those of a workload that are current; none: it has only one. A pod that does not say of which
    it is counts.
    """
    return [
        pod
        for pod in pods
        if pod.details.is_live
        and (not revisions or not pod.details.revision or pod.details.revision in revisions)
    ]


def start_first(pods: Iterable[Peer], neighborhood: Neighborhood) -> bool:
    """Whether these pods start and none has ever been ready, live or not: nothing has stopped working.

    A workload that says itself that it failed, as a Deployment does at its deadline, ends that.
    """
    known = list(pods)
    live = live_pods(known)
    if not live or not all(pod.details.is_starting for pod in live):
        return False
    if any(pod.details.was_ready for pod in known):
        return False
    origins = [neighborhood.origin(pod) for pod in _one_of_each_revision(live)]
    return not any(origin is not None and origin.status.severity == ERROR for origin in origins)


def _one_of_each_revision(pods: Iterable[Peer]) -> Collection[Peer]:
    """Pods of one revision have one owner, and a thousand of them are as cheap to judge as one."""
    found: dict[str, Peer] = {}
    for pod in pods:
        known = found.get(pod.details.revision)
        if known is None or pod.name < known.name:
            found[pod.details.revision] = pod
    return found.values()


def describe_life(pod: Pod, verdict: PodVerdict, restarts: int, revision: str, ports: str) -> PodDetails:
    """What neighbours read of a pod. verdict: by its own manifest; restarts: as printed; revision: see
    `revision_of`; ports: see `named_ports`."""
    status = pod.status or NO_STATUS
    is_live = status.phase not in _FINISHED and not pod.metadata.deletion_timestamp
    ready = condition(status.conditions, "Ready")
    is_ready = is_live and ready is not None and ready.status == "True"
    was_ready = is_ready or (ready is not None and _has_run_before(status, ready.last_transition_time or ""))
    return _shared(
        restarts,
        is_live,
        is_ready,
        was_ready,
        is_live and status.phase == "Pending",
        is_live and not was_ready and restarts <= _AT_ONCE and verdict.status.severity == PENDING,
        revision,
        verdict.rank,
        ports,
    )


#: One copy for all pods that are alike, which are most pods of a workload.
_shared = lru_cache(maxsize=4096)(PodDetails)


def _has_run_before(status: PodStatus, unready_since: str) -> bool:
    """Whether a container had started before the pod became unready: until then, the pod was ready.

    A pod is unready from the moment that the kubelet takes it, so before any of its containers starts.
    """
    for each in status.container_statuses or ():
        if _started_before(each.state, unready_since) or _started_before(each.last_state, unready_since):
            return True
    return False


def _started_before(state: ContainerState | None, time: str) -> bool:
    if state is None:
        return False
    run = state.running if state.running is not None else state.terminated
    started = run.started_at if run is not None else None
    return started is not None and _EPOCH < started < time


def revision_of(meta: ObjectMeta) -> str:
    """Of the template that a pod was made from; see `PodDetails`."""
    labels = meta.labels
    if labels:
        for label in _REVISION_LABELS:
            if label in labels:
                is_unknown = label == _HASH_LABEL and _is_of_a_daemon_set(meta)
                return "" if is_unknown else intern(labels[label])
    return ""


def _is_of_a_daemon_set(meta: ObjectMeta) -> bool:
    return any(each.kind == "DaemonSet" and each.controller for each in meta.owner_references or ())


def port_key(name: str, protocol: str) -> str:
    """How a port of a pod is found by name: `dns/UDP`."""
    return intern(f"{name}/{protocol}")


def named_ports(spec: PodSpec | None) -> str:
    """The ports of a pod that have a name, as one text, since all pods of a workload share it."""
    if spec is None:
        return ""
    ports: list[str] = []
    for container in spec.containers or ():
        if container.ports:
            ports += [f"{port.name}/{port.protocol}" for port in container.ports if port.name]
    for container in spec.init_containers or ():
        # One that is restarted is a sidecar and serves together with the others
        if container.ports and container.restart_policy == "Always":
            ports += [f"{port.name}/{port.protocol}" for port in container.ports if port.name]
    return intern(" ".join(ports)) if ports else ""
