"""A rollout in progress that never ends, and is no incident."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from astrolabe.sim.cluster.incident_parts import IncidentSpace, runs_well
from astrolabe.sim.cluster.podstatus import Placement, Timestamps, waiting
from astrolabe.sim.cluster.workloads import (
    ReplicaCounts,
    deployment,
    deployment_status,
    replica_set,
    replica_set_status,
    with_status,
)

Json = dict[str, Any]


class EndlessRollout:
    """A Deployment of three replicas, whose newest ReplicaSet has one pod that is just starting.

    space: its objects, without that pod.
    """

    def __init__(self, space: IncidentSpace) -> None:
        self.space = space
        self._young: Json | None = None
        factory, spec = space.factory, space.spec("profile")
        newest = space.spec("profile", tag="2.42.0")
        workload = deployment(factory, space.app("profile"), newest, replicas=3, created=space.created)
        old_template = {**workload["spec"]["template"], "spec": spec}
        old = replica_set(
            factory, workload, template=old_template, revision=1, replicas=3, created=space.created
        )
        self._new = replica_set(
            factory,
            workload,
            template=workload["spec"]["template"],
            revision=2,
            replicas=1,
            created=factory.ago(20),
        )
        pods = [space.pod(old, runs_well) for _ in range(3)]
        at = factory.ago(20)
        name = self._new["metadata"]["name"]
        status = deployment_status(
            1, ReplicaCounts(3, 4, 1, 3), newest=name, progress="progressing", since=at, at=at
        )
        revision = {"deployment.kubernetes.io/revision": "2"}
        space.add(with_status(workload, status, time=at, annotations=revision))
        space.add(with_status(old, replica_set_status(1, ReplicaCounts(3, 3, 3, 3)), time=at))
        space.add(with_status(self._new, replica_set_status(1, ReplicaCounts(1, 1, 1, 0)), time=at))
        for pod in pods:
            space.add(pod)
        space.service("profile", pods)

    def again(self, now: datetime) -> Iterator[tuple[Json | None, Json]]:
        """Replace the starting pod by a new one. Yields the old one, None at first, and the new one."""
        factory = self.space.factory
        factory.now = now
        self.space.broken = factory.ago(5)
        made = self.space.pod(self._new, _starts)
        yield self._young, made
        self._young = made


def _starts(pod: Json, times: Timestamps, placement: Placement) -> Json:
    return waiting(pod["spec"], times, placement, reason="ContainerCreating")
