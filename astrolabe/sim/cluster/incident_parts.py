"""`IncidentSpace`: one namespace in which something is wrong, with the Events about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from astrolabe.sim.cluster import config, network
from astrolabe.sim.cluster.factory import DAY, MINUTE, ObjectFactory
from astrolabe.sim.cluster.meta import AppIdentity, HelmRelease, metadata
from astrolabe.sim.cluster.nodes import NodePool
from astrolabe.sim.cluster.pods import placed, replica_pod
from astrolabe.sim.cluster.podstatus import Placement, Timestamps, is_ready, running
from astrolabe.sim.cluster.template import REGISTRY, PodOptions, pod_spec
from astrolabe.sim.cluster.workloads import (
    ReplicaCounts,
    RolloutProgress,
    deployment,
    deployment_status,
    replica_set,
    replica_set_status,
    with_status,
)
from astrolabe.sim.troubles import Trouble

Json = dict[str, Any]

#: Makes the status of a pod.
StatusOf = Callable[[Json, Timestamps, Placement], Json]

#: How long ago everything broke, in seconds.
BROKEN = 25 * MINUTE

#: The port of every pod.
PORT = 8080


class StandingTrouble(NamedTuple):
    """An object, and the Warning about it."""

    manifest: Json
    trouble: Trouble


def runs_well(pod: Json, times: Timestamps, placement: Placement) -> Json:
    """The status of a pod that runs."""
    return running(pod["spec"], times, placement)


class IncidentSpace:
    """The objects of one namespace, in order of creation, and the Warnings about them.

    pool: the nodes on which its pods run. broken: how long ago it broke, in seconds.
    """

    def __init__(self, pool: NodePool, name: str, *, broken: float = BROKEN) -> None:
        self.factory: ObjectFactory = pool.factory
        self.pool = pool
        self.name = name
        self.manifests: list[Json] = []
        self.warnings: list[StandingTrouble] = []
        self.created = self.factory.ago(30 * DAY)
        self.broken = self.factory.ago(broken)
        self.add(config.namespace_object(self.factory, name, team="incidents", created=self.created))
        self.add(config.default_account(self.factory, name, created=self.created))
        self.add(config.root_authority(self.factory, name, created=self.created))
        self._release = HelmRelease(name, name, "incident", "1.4.0", "2.41.0")
        self.add(
            config.release_secret(
                self.factory, self._release, revision=1, status="deployed", created=self.created
            )
        )

    def add(self, manifest: Json) -> Json:
        """An object of this namespace, or one of the cluster."""
        self.manifests.append(manifest)
        return manifest

    def warn(self, manifest: Json, reason: str, message: str, source: str, *, times: int = 6) -> None:
        """A Warning about an object."""
        self.warnings.append(StandingTrouble(manifest, Trouble(reason, message, source, times)))

    def app(self, name: str) -> AppIdentity:
        """A part of the release that is installed here."""
        return AppIdentity(name, self.name, self._release)

    def other(
        self,
        kind: str,
        api_version: str,
        name: str,
        *,
        cluster: bool = False,
        created: str = "",
        **content: Any,
    ) -> Json:
        """Add an object of another kind to the release. cluster: it is cluster-scoped."""
        meta = metadata(
            self.factory,
            name,
            created=created or self.created,
            namespace="" if cluster else self.name,
            generation=1,
            labels=self.app(name).labels,
            annotations=self._release.annotations,
        )
        return self.add({"kind": kind, "apiVersion": api_version, "metadata": meta, **content})

    def spec(self, name: str, *, tag: str = "2.41.0", options: Json | None = None, **more: Any) -> Json:
        """The pod spec of a part. options: of `PodOptions`. more: further fields of the spec."""
        image = f"{REGISTRY}/incidents/{name}:{tag}"
        made = pod_spec(PodOptions(name=name, image=image, port=PORT, **(options or {})))
        return {**made, **more}

    def deployment(
        self,
        name: str,
        spec: Json,
        status: StatusOf = runs_well,
        *,
        replicas: int = 2,
        made: int | None = None,
        progress: RolloutProgress = "stuck",
        refused: str = "",
        placement: Placement | None = None,
    ) -> list[Json]:
        """A Deployment with its ReplicaSet; its pods.

        status: of each pod. made: how many pods there are. refused: why no more can be created. placement:
        where all of them run.
        """
        factory, created = self.factory, self.broken
        workload = deployment(factory, self.app(name), spec, replicas=replicas, created=created)
        owner = replica_set(
            factory,
            workload,
            template=workload["spec"]["template"],
            revision=1,
            replicas=replicas,
            created=created,
        )
        number = replicas if made is None else made
        pods = [self.pod(owner, status, placement) for _ in range(number)]
        ready = sum(is_ready(pod) for pod in pods)
        counts = ReplicaCounts(replicas, number, number, ready)
        how: RolloutProgress = "complete" if ready == replicas else progress
        told = deployment_status(
            1, counts, newest=owner["metadata"]["name"], progress=how, since=created, at=created
        )
        told_set = replica_set_status(1, counts)
        if refused:
            failure = _replica_failure(refused, created)
            told["conditions"].append(failure)
            told_set["conditions"] = [failure]
        annotations = {"deployment.kubernetes.io/revision": "1"}
        self.add(with_status(workload, told, time=created, annotations=annotations))
        self.add(with_status(owner, told_set, time=created))
        if refused:
            self.warn(owner, "FailedCreate", f"Error creating: {refused}", "replicaset-controller", times=18)
        for pod in pods:
            self.add(pod)
        return pods

    def pod(self, owner: Json, status: StatusOf, placement: Placement | None = None) -> Json:
        """A pod of a ReplicaSet, not added to the space. It is on no node if its status has no host IP."""
        pod = replica_pod(self.factory, owner, created=self.broken)
        here = self.pool.pick() if placement is None else self.pool.with_address(placement)
        told = status(pod, Timestamps(self.broken, self.broken), here)
        return placed(pod, here if "hostIP" in told else None, told, time=self.broken)

    def service(self, name: str, pods: Sequence[Json], *, selects: str = "", since: str = "") -> Json:
        """A Service with the slice of its endpoints. selects: the part whose pods it selects;
        "": the one of its own name."""
        created = since or self.created
        made = network.service(self.factory, self.app(selects or name), name, port=80, created=created)
        self.add(made)
        endpoints = network.endpoints_of(pods, self.pool.zones)
        self.add(network.endpoint_slice(self.factory, made, endpoints, port=PORT, created=created))
        return made

    def served(self, name: str, spec: Json, status: StatusOf = runs_well, **more: Any) -> list[Json]:
        """A Deployment, and a Service for its pods."""
        pods = self.deployment(name, spec, status, **more)
        self.service(name, pods)
        return pods


def _replica_failure(message: str, at: str) -> Json:
    return {
        "type": "ReplicaFailure",
        "status": "True",
        "lastUpdateTime": at,
        "lastTransitionTime": at,
        "reason": "FailedCreate",
        "message": message,
    }
