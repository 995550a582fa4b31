"""Clusters of manifests, as an API server and kubelets write them: for incidents that nobody recorded.

They go through the kinds and the model, so that statuses are those of the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

import msgspec

from astrolabe.cli.explain import definition_of
from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.model.facts import WarningEvent
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.custom.entry import entry_of
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.kind import Kind
from tests.support.kinds import KINDS, KINDS_BY_NAME
from tests.support.sketches import Sketch

Json = dict[str, Any]

#: When all of it was made: twenty minutes before `NOW` of the sketches.
MADE = "2026-01-01T00:40:00Z"
#: Half a minute before.
JUST_NOW = "2026-01-01T00:59:30Z"
_GROUPS = {kind.name: kind for kind in KINDS}
_RULES = RuleBook.shipped()


@cache
def _custom_kind(key: str, version: str, *, namespaced: bool) -> Kind[Any]:
    """The entry of a custom kind, `Kind.group`, as the rules that ship make it."""
    name, _, group = key.partition(".")
    id = GroupKind.of(f"{group}/{version}", name)
    return entry_of(definition_of(id, _RULES.find(id), version, namespaced), _RULES)


class MadeCluster:
    """Manifests, by which a graph is made.

    namespace: where all that follows is made; see `into`.
    """

    def __init__(self) -> None:
        self.namespace = "shop"
        self._customs: dict[str, Kind[Any]] = {}
        self._manifests: list[Json] = []
        self._warnings: dict[str, tuple[WarningEvent, ...]] = {}
        self.add("Namespace", "shop", status={"phase": "Active"})
        self.node("n1")
        self.add("ServiceAccount", "default")

    def add(self, kind: str, name: str, *, owner: str = "", created: str = MADE, **keys: Any) -> str:
        """A manifest; its uid. owner: `Kind/name`. meta: more of its metadata."""
        entry = self._entry(kind)
        metadata: Json = {
            "name": name,
            "uid": f"{kind}/{name}",
            "creationTimestamp": created,
            "generation": 1,
        }
        metadata["resourceVersion"] = str(len(self._manifests) + 1)
        if entry.namespaced:
            metadata["namespace"] = self.namespace
        if owner:
            owning, _, owner_name = owner.partition("/")
            reference = {"apiVersion": self._entry(owning).api_version, "kind": owning, "name": owner_name}
            metadata["ownerReferences"] = [{**reference, "uid": owner, "controller": True}]
        metadata |= keys.pop("meta", {})
        if isinstance(keys.get("status"), dict) and kind != "Pod":
            keys["status"].setdefault("observedGeneration", 1)
        self._manifests.append(
            {"apiVersion": entry.api_version, "kind": entry.id.kind, "metadata": metadata, **keys}
        )
        return f"{kind}/{name}"

    def _entry(self, kind: str) -> Kind[Any]:
        return self._customs.get(kind) or _GROUPS[kind]

    def into(self, namespace: str) -> None:
        """What follows is made in this namespace, which is made, too."""
        self.namespace = namespace
        self.add("Namespace", namespace, status={"phase": "Active"})

    def custom(self, key: str, name: str, *, version: str = "v1", cluster: bool = False, **keys: Any) -> str:
        """A custom resource of the kind `Kind.group`; its uid, `Kind/name`. cluster: it is in no namespace."""
        kind = key.partition(".")[0]
        self._customs[kind] = _custom_kind(key, version, namespaced=not cluster)
        return self.add(kind, name, **keys)

    def manifests(self) -> list[Json]:
        """All of it, as an API server has it."""
        return self._manifests

    def warn(self, uid: str, reason: str, message: str, since: str = "2026-01-01T00:50:00Z") -> None:
        """The newest Warning about an object."""
        self._warnings[uid] = (WarningEvent(reason, message, since, "2026-01-01T00:59:50Z"),)

    def node(self, name: str, *conditions: Json, **spec: Any) -> None:
        """A Node that is ready, unless conditions say otherwise."""
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": MADE}
        self.add("Node", name, spec=spec, status={"conditions": [*conditions] or [ready]})

    def workload(
        self,
        name: str,
        *pods: Json,
        replicas: int = 1,
        created: str = MADE,
        conditions: list[Json] | None = None,
        failure: str = "",
        template: Json | None = None,
        serve: bool = True,
    ) -> None:
        """A Deployment with one ReplicaSet, these Pods, a Service and its slice.

        pods: status and spec of each, see below. failure: that Pods cannot be created.
        """
        ready = sum(1 for pod in pods if pod.get("ready"))
        counts = {"replicas": len(pods), "readyReplicas": ready, "availableReplicas": ready}
        failed = [condition("ReplicaFailure", "True", "FailedCreate", failure)] if failure else []
        late = [condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out progressing")]
        ended = conditions if conditions is not None else ([] if ready >= replicas else late)
        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template or {"containers": [APP]}},
        }
        available = condition("Available", "True" if ready else "False", "Minimum", "", created)
        status = {**counts, "updatedReplicas": len(pods), "conditions": [available, *ended, *failed]}
        revision = {"annotations": {"deployment.kubernetes.io/revision": "1"}}
        owner = self.add("Deployment", name, created=created, meta=revision, spec=spec, status=status)
        labels = {"app": name, "pod-template-hash": "5d"}
        meta = {"labels": labels, **revision}
        rs = self.add(
            "ReplicaSet",
            f"{name}-5d",
            owner=owner,
            created=created,
            meta=meta,
            spec={
                **spec,
                "template": {"metadata": {"labels": labels}, "spec": template or {"containers": [APP]}},
            },
            status={**counts, "conditions": failed},
        )
        for index, pod in enumerate(pods):
            self.pod(f"{name}-{index}", pod, owner=rs, labels=labels)
        if serve:
            endpoints = [(f"{name}-{index}", bool(pod.get("ready"))) for index, pod in enumerate(pods)]
            self.service(name, endpoints, created=created)

    def pod(self, name: str, pod: Json, *, owner: str = "", labels: dict[str, str] | None = None) -> None:
        """A Pod, of what the functions below make."""
        meta = {"labels": labels or {}, **pod.get("meta", {})}
        spec = {"containers": [APP], "nodeName": "n1", **pod.get("spec", {})}
        created = pod.get("created", MADE)
        self.add("Pod", name, owner=owner, created=created, meta=meta, spec=spec, status=pod["status"])

    def service(
        self, name: str, endpoints: list[tuple[str, bool]], *, created: str = MADE, **spec: Any
    ) -> None:
        """A Service with its slice; endpoints: Pods, and whether each is ready."""
        ports = [{"port": 80, "targetPort": 8080}]
        self.add(
            "Service",
            name,
            created=created,
            spec={"selector": {"app": name}, "ports": ports, **spec},
            status={},
        )
        self.add(
            "EndpointSlice",
            f"{name}-x",
            owner=f"Service/{name}",
            meta={"labels": {"kubernetes.io/service-name": name}},
            addressType="IPv4",
            ports=[{"port": 8080}] if endpoints else [],
            endpoints=[
                {
                    "addresses": ["10.0.0.1"],
                    "conditions": {"ready": ready},
                    "targetRef": {
                        "kind": "Pod",
                        "name": pod,
                        "namespace": self.namespace,
                        "uid": f"Pod/{pod}",
                    },
                }
                for pod, ready in endpoints
            ],
        )

    def autoscaler(self, target: str, conditions: list[Json], *, created: str = MADE) -> None:
        """A HorizontalPodAutoscaler `web` of a Deployment."""
        ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
        self.add(
            "HorizontalPodAutoscaler",
            "web",
            created=created,
            spec={"scaleTargetRef": ref, "maxReplicas": 3},
            status={"conditions": conditions},
        )

    def daemon_set(self, *, ready: int) -> None:
        """A DaemonSet `agent` that wants a Pod on each of two Nodes, of which so many are ready."""
        labels = {"app": "agent"}
        self.add(
            "DaemonSet",
            "agent",
            spec={
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [APP]}},
            },
            status={
                "desiredNumberScheduled": 2,
                "currentNumberScheduled": 2,
                "updatedNumberScheduled": 2,
                "numberAvailable": ready,
                "numberReady": ready,
            },
        )

    def leftover(self, reason: str, message: str, **keys: Any) -> None:
        """A Pod of the workload `web` that failed and was replaced."""
        pod = {**finished("Failed", reason, message), **keys}
        self.pod("web-old", pod, owner="ReplicaSet/web-5d", labels={"app": "web"})

    def claim(self, name: str, phase: str = "Bound", **spec: Any) -> None:
        """A PersistentVolumeClaim, with its volume if it is bound."""
        if phase == "Bound":
            ref = {"namespace": self.namespace, "name": name, "uid": f"PersistentVolumeClaim/{name}"}
            self.add("PersistentVolume", f"pv-{name}", spec={"claimRef": ref}, status={"phase": "Bound"})
            spec["volumeName"] = f"pv-{name}"
        asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        self.add("PersistentVolumeClaim", name, spec={**asked, **spec}, status={"phase": phase})

    def crashing(self, name: str = "web") -> None:
        """A workload whose only Pod is in a crash loop."""
        words = "back-off 5m0s restarting failed container"
        self.workload(name, waiting("CrashLoopBackOff", words, last={"exitCode": 1, "reason": "Error"}))
        self.warn(f"Pod/{name}-0", "BackOff", "Back-off restarting failed container app in pod")

    def sketch(self) -> Sketch:
        """The graph of it."""
        sketch = Sketch()
        for changes in self._arrive(self._manifests):
            sketch.graph.load(changes)
        return sketch

    def followed(self, order: Random) -> tuple[Causes, Sketch]:
        """What is known of its causes when all of it arrives one after the other, and its graph."""
        sketch = Sketch()
        causes = Causes(sketch.graph)
        arriving = order.sample(self._manifests, len(self._manifests))
        for changes in self._arrive(arriving, one_by_one=True):
            sketch.graph.load(changes)
            ends = [*[edge.key for edge in changes.edges_set], *changes.edges_removed]
            touched = {*[node.uid for node in changes.nodes_set], *changes.nodes_removed}
            touched |= {uid for _, source, target in ends for uid in (source, target)}
            causes.take(sorted(touched), [target for type, _, target in ends if type == OWNS])
            causes.problems(0.0)
        return causes, sketch

    def _arrive(self, manifests: list[Json], *, one_by_one: bool = False) -> Iterator[Changes]:
        """What changes in the graph when these arrive, with the Warnings about them."""
        kinds = [*KINDS, *self._customs.values()]
        model = Model([kind.rules for kind in kinds])
        for kind in kinds:
            model.set_synced(kind.key, "", True)
        for manifest in manifests:
            kind = self._customs.get(manifest["kind"]) or KINDS_BY_NAME[manifest["kind"]]
            model.upsert(kind.facts(kind.decoder.decode(msgspec.json.encode(manifest))))
            uid = manifest["metadata"]["uid"]
            if uid in self._warnings:
                model.set_warnings(uid, self._warnings[uid])
            if one_by_one:
                yield from _commits(model)
        yield from _commits(model)

    def told(self) -> list[str]:
        """Its problems in words."""
        return self.sketch().told()


def _commits(model: Model) -> Iterator[Changes]:
    while model.unsettled or model.pending:
        yield model.commit()


APP: Json = {"name": "app", "image": "shop/app:1"}


def mounting_data(*, node: str, claim: str = "data") -> Json:
    """The spec of a Pod that mounts a claim. node: "" while it is not scheduled."""
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": claim}}]
    return {"containers": [APP], "nodeName": node, "volumes": volumes}


def condition(type: str, status: str, reason: str, message: str, since: str = MADE) -> Json:
    """One condition."""
    return {"type": type, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


def running(*, ready: bool = True, since: str = MADE, **keys: Any) -> Json:
    """A Pod that runs."""
    state = {"running": {"startedAt": since}}
    return {
        "ready": ready,
        "status": {
            "phase": "Running",
            "conditions": [
                condition("PodScheduled", "True", "", ""),
                condition("Ready", str(ready), "" if ready else "ContainersNotReady", "", since),
            ],
            "containerStatuses": [{"name": "app", "ready": ready, "restartCount": 0, "state": state}],
        },
        **keys,
    }


def waiting(
    reason: str, message: str = "", *, last: Json | None = None, since: str = MADE, **keys: Any
) -> Json:
    """A Pod whose container waits. last: how it ended before."""
    container: Json = {"name": "app", "ready": False, "restartCount": 5 if last else 0}
    container["state"] = {"waiting": {"reason": reason, "message": message}}
    if last:
        container["lastState"] = {"terminated": {"finishedAt": "2026-01-01T00:58:00Z", **last}}
    return {
        "status": {
            "phase": "Running" if last else "Pending",
            "conditions": [
                condition("PodScheduled", "True", "", "", since),
                condition("Ready", "False", "ContainersNotReady", "", since),
            ],
            "containerStatuses": [container],
        },
        **keys,
    }


def unscheduled(message: str, since: str = MADE, **keys: Any) -> Json:
    """A Pod that no node suits."""
    scheduled = condition("PodScheduled", "False", "Unschedulable", message, since)
    return {"spec": {"nodeName": ""}, "status": {"phase": "Pending", "conditions": [scheduled]}, **keys}


def finished(phase: str, reason: str = "", message: str = "", code: int = 1, **keys: Any) -> Json:
    """A Pod that is over."""
    end = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": "2026-01-01T00:50:00Z"}
    containers = [{"name": "app", "ready": False, "restartCount": 0, "state": {"terminated": end}}]
    status: Json = {"phase": phase, "containerStatuses": [] if reason else containers}
    if reason:
        status |= {"reason": reason, "message": message}
    return {"status": status, **keys}
