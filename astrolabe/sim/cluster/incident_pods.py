"""Incidents whose pods do not run: the image, settings, memory, probes, the scheduler and the node."""

from __future__ import annotations

from typing import Any

from astrolabe.sim.cluster import nodes, storage
from astrolabe.sim.cluster.factory import DAY
from astrolabe.sim.cluster.incident_parts import BROKEN, IncidentSpace
from astrolabe.sim.cluster.meta import app_object
from astrolabe.sim.cluster.podstatus import (
    Placement,
    Timestamps,
    crashed,
    lost,
    running,
    unschedulable,
    waiting,
)

Json = dict[str, Any]

_NO_NODES = 4
_UNBOUND = "pod has unbound immediate PersistentVolumeClaims"


def image_tag(space: IncidentSpace) -> None:
    """The tag of an image does not exist."""

    def status(pod: Json, times: Timestamps, here: Placement) -> Json:
        image = pod["spec"]["containers"][0]["image"]
        why = (
            f'Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = failed to '
            f'pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found'
        )
        return waiting(pod["spec"], times, here, reason="ImagePullBackOff", message=why)

    space.served("catalog", space.spec("catalog", tag="2.41.0-rc7"), status)


def missing_secret(space: IncidentSpace) -> None:
    """An environment variable comes from a Secret that does not exist."""
    spec = space.spec("payments", options={"secret": "payments-credentials"})
    space.served("payments", spec, _unconfigured('secret "payments-credentials" not found'))


def missing_key(space: IncidentSpace) -> None:
    """An environment variable comes from a key that a ConfigMap does not have."""
    app, name = space.app("auth"), "auth-settings"
    data = {"application.yaml": "session:\n  ttl: 8h\n"}
    space.add(
        app_object(
            space.factory,
            app,
            name,
            kind="ConfigMap",
            api_version="v1",
            created=space.created,
            content={"data": data},
        )
    )
    spec = space.spec("auth")
    source = {"configMapKeyRef": {"name": name, "key": "jwt-issuer"}}
    spec["containers"][0]["env"] = [{"name": "JWT_ISSUER", "valueFrom": source}]
    space.served(
        "auth", spec, _unconfigured(f"couldn't find key jwt-issuer in ConfigMap {space.name}/{name}")
    )


def out_of_memory(space: IncidentSpace) -> None:
    """A container needs more memory than its limit."""

    def status(pod: Json, times: Timestamps, here: Placement) -> Json:
        return crashed(pod["spec"], times, here, restarts=8, code=137)

    space.served("recommender", space.spec("recommender"), status)


def liveness(space: IncidentSpace) -> None:
    """The kubelet kills a container because its liveness probe fails. Only its Events say so."""
    spec = space.spec("search")
    probe = {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "failureThreshold": 3}
    probe |= {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1}
    spec["containers"][0]["livenessProbe"] = probe

    def status(pod: Json, times: Timestamps, here: Placement) -> Json:
        return crashed(pod["spec"], times, here, restarts=7, code=143)

    for pod in space.served("search", spec, status, replicas=1):
        url = f"http://{pod['status']['podIP']}:8080/healthz"
        why = f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        space.warn(pod, "Unhealthy", f"Liveness probe failed: {why}", "kubelet", times=21)


def init_container(space: IncidentSpace) -> None:
    """An init container fails, so the containers never start."""
    spec = space.spec("orders", options={"waits_for": "database"})

    def status(pod: Json, times: Timestamps, here: Placement) -> Json:
        told = waiting(pod["spec"], times, here, reason="PodInitializing")
        failed = crashed({"containers": pod["spec"]["initContainers"]}, times, here, restarts=9)
        return {**told, "initContainerStatuses": failed["containerStatuses"]}

    for pod in space.served("orders", spec, status, replicas=1):
        meta, name = pod["metadata"], pod["spec"]["initContainers"][0]["name"]
        who = f"{name} in pod {meta['name']}_{space.name}({meta['uid']})"
        space.warn(pod, "BackOff", f"Back-off restarting failed container {who}", "kubelet", times=9)


def storage_class(space: IncidentSpace) -> None:
    """A claim asks for a StorageClass that does not exist."""
    claim = storage.claim(
        space.factory,
        "media-files",
        namespace=space.name,
        labels=space.app("media").labels,
        spec=storage.claim_spec("fast-ssd", "200Gi"),
        created=space.broken,
        bound=False,
    )
    space.add(claim)
    spec = space.spec("media", options={"claim": "media-files"})
    message = f"0/{_NO_NODES} nodes are available: {_UNBOUND}. not found"
    space.served("media", spec, _unscheduled(message), replicas=1)


def node_selector(space: IncidentSpace) -> None:
    """Pods ask for a node with a label that no node has."""
    spec = space.spec("encoder", nodeSelector={"accelerator": "h200"})

    def status(pod: Json, times: Timestamps, here: Placement) -> Json:
        count = len(space.pool.placements)
        return unschedulable(times, nodes=count, why="node(s) didn't match Pod's node affinity/selector")

    space.served("encoder", spec, status)


def lost_node(space: IncidentSpace) -> None:
    """A node is lost, and its pods stay bound to it."""
    factory, name = space.factory, "incident-edge-1"
    made = nodes.node(
        factory,
        name,
        zone="eu-central-1c",
        address="10.0.240.17",
        created=factory.ago(90 * DAY),
        beat=factory.ago(BROKEN + 40),
    )
    space.add(nodes.unreachable(made, space.broken))
    stays = [{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}]
    spec = space.spec("till", nodeSelector={"kubernetes.io/hostname": name}, tolerations=stays)

    def status(pod: Json, times: Timestamps, here: Placement) -> Json:
        return lost(running(pod["spec"], times, here), space.broken)

    here = Placement(name, "10.0.240.17", "")
    for pod in space.served("till", spec, status, placement=here, progress="complete"):
        space.warn(pod, "NodeNotReady", "Node is not ready", "node-controller", times=1)


def _unconfigured(message: str) -> Any:
    """The status of pods whose containers cannot be made, because of their settings."""

    def status(pod: Json, times: Timestamps, here: Placement) -> Json:
        return waiting(pod["spec"], times, here, reason="CreateContainerConfigError", message=message)

    return status


def _unscheduled(message: str) -> Any:
    """The status of pods that the scheduler cannot place."""

    def status(pod: Json, times: Timestamps, here: Placement) -> Json:
        told = unschedulable(times, nodes=1)
        told["conditions"][0]["message"] = message
        return told

    return status
