"""Whether a cluster holds together: every relation between its objects, followed from the manifests alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from astrolabe.sim.store import ObjectStore

Json = dict[str, Any]


class Objects:
    """All manifests of a store: by kind and key, by uid, and the dependents of an owner."""

    def __init__(self, store: ObjectStore) -> None:
        self.by_key: dict[str, dict[str, Json]] = {
            kind: {key(one): one for one in store.manifests(kind)} for kind in store.collections
        }
        self.by_uid: dict[str, tuple[str, Json]] = {}
        self.dependents: dict[tuple[str, str], list[Json]] = defaultdict(list)
        for kind, found in self.by_key.items():
            for one in found.values():
                self.by_uid[one["metadata"]["uid"]] = (kind, one)
                for owner in one["metadata"].get("ownerReferences", ()):
                    self.dependents[owner["uid"], kind].append(one)

    def all(self, kind: str) -> list[Json]:
        return list(self.by_key[kind].values())

    def has(self, kind: str, namespace: str, name: str) -> bool:
        return (f"{namespace}/{name}" if namespace else name) in self.by_key[kind]

    def of(self, owner: Json, kind: str) -> list[Json]:
        return self.dependents[owner["metadata"]["uid"], kind]


def key(manifest: Json) -> str:
    meta = manifest["metadata"]
    return f"{meta['namespace']}/{meta['name']}" if "namespace" in meta else str(meta["name"])


def problems(store: ObjectStore) -> list[str]:
    """All that does not hold together; references that are meant to dangle are in `dangling_references`."""
    objects = Objects(store)
    found = [
        *_identities(objects),
        *_owners(objects),
        *_workloads(objects),
        *_jobs(objects),
        *_endpoints(objects),
        *_volumes(objects),
        *_scaling(objects),
        *_namespaces(objects),
    ]
    return [*found, *(f"{who} refers to {what}" for who, what in _unresolved(objects) if not _meant(what))]


def dangling_references(store: ObjectStore) -> Counter[str]:
    """The kinds of the references that do not resolve, all of them meant so."""
    return Counter(what.partition(" ")[0] for _, what in _unresolved(Objects(store)))


def ready(pod: Json) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def living(pods: list[Json]) -> list[Json]:
    return [pod for pod in pods if pod["status"]["phase"] not in ("Succeeded", "Failed")]


def _meant(what: str) -> bool:
    """Names that the generator gives to what is not there."""
    return what.endswith(("-overrides", "-keys", "-v1", " nvme"))


def _identities(objects: Objects) -> Iterator[str]:
    total = sum(map(len, objects.by_key.values()))
    if len(objects.by_uid) != total:
        yield "a uid is there twice"
    addresses = Counter(pod["status"]["podIP"] for pod in objects.all("Pod") if "podIP" in pod["status"])
    yield from (f"address {address} is of {count} pods" for address, count in addresses.items() if count > 1)


def _owners(objects: Objects) -> Iterator[str]:
    for kind, found in objects.by_key.items():
        for one in found.values():
            for owner in one["metadata"].get("ownerReferences", ()):
                known = objects.by_uid.get(owner["uid"])
                if known is None or known[0] != owner["kind"]:
                    yield f"{kind} {key(one)} has no owner {owner['kind']} {owner['name']}"
                elif known[1]["metadata"].get("namespace") != one["metadata"]["namespace"]:
                    yield f"{kind} {key(one)} is owned from another namespace"


def _workloads(objects: Objects) -> Iterator[str]:
    for one in objects.all("ReplicaSet"):
        pods = living(objects.of(one, "Pod"))
        yield from _counts(one, "ReplicaSet", replicas=len(pods), readyReplicas=sum(map(ready, pods)))
        if one["spec"]["replicas"] != len(pods):
            yield f"ReplicaSet {key(one)} has {len(pods)} pods, wants {one['spec']['replicas']}"
    for one in objects.all("Deployment"):
        sets = objects.of(one, "ReplicaSet")
        pods = [pod for each in sets for pod in living(objects.of(each, "Pod"))]
        yield from _counts(one, "Deployment", replicas=len(pods), readyReplicas=sum(map(ready, pods)))
        if sum(each["spec"]["replicas"] for each in sets) != one["spec"]["replicas"]:
            yield f"Deployment {key(one)} and its ReplicaSets want different numbers"
        if len(sets) - 1 > one["spec"]["revisionHistoryLimit"]:
            yield f"Deployment {key(one)} keeps {len(sets)} ReplicaSets"
        newest = max(sets, key=_revision)
        if _revision(newest) != _revision(one) or _template(newest) != _template(one):
            yield f"Deployment {key(one)} is not of the revision of its newest ReplicaSet"
    for one in objects.all("StatefulSet"):
        pods = objects.of(one, "Pod")
        yield from _counts(one, "StatefulSet", replicas=len(pods), readyReplicas=sum(map(ready, pods)))
        if {pod["metadata"]["name"].rpartition("-")[2] for pod in pods} != {
            str(ordinal) for ordinal in range(one["spec"]["replicas"])
        }:
            yield f"StatefulSet {key(one)} lacks an ordinal"
    for one in objects.all("DaemonSet"):
        pods = objects.of(one, "Pod")
        yield from _counts(
            one, "DaemonSet", desiredNumberScheduled=len(pods), numberReady=sum(map(ready, pods))
        )
        if {pod["spec"]["nodeName"] for pod in pods} != set(objects.by_key["Node"]):
            yield f"DaemonSet {key(one)} is not on every node"


def _counts(one: Json, kind: str, **expected: int) -> Iterator[str]:
    for field, count in expected.items():
        if one["status"].get(field, 0) != count:
            yield f"{kind} {key(one)} says {field} {one['status'].get(field, 0)}, there are {count}"
    if one["status"]["observedGeneration"] != one["metadata"]["generation"]:
        yield f"{kind} {key(one)} was not observed"


def _revision(one: Json) -> int:
    return int(one["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


def _template(one: Json) -> Json:
    spec: Json = one["spec"]["template"]["spec"]
    return spec


def _jobs(objects: Objects) -> Iterator[str]:
    for one in objects.all("Job"):
        pods = objects.of(one, "Pod")
        if bool(one["status"].get("active")) != bool(living(pods)):
            yield f"Job {key(one)} and its pods disagree on whether it runs"
        for pod in pods:
            if pod["status"]["phase"] == "Succeeded" and not one["status"].get("succeeded"):
                yield f"Job {key(one)} does not know that its pod succeeded"
    for one in objects.all("CronJob"):
        active = {entry["uid"] for entry in one["status"].get("active", ())}
        running = {job["metadata"]["uid"] for job in objects.of(one, "Job") if job["status"].get("active")}
        if active != running:
            yield f"CronJob {key(one)} does not know what runs"
        done = [job for job in objects.of(one, "Job") if job["status"].get("succeeded")]
        if len(done) > one["spec"]["successfulJobsHistoryLimit"]:
            yield f"CronJob {key(one)} keeps {len(done)} jobs"


def _endpoints(objects: Objects) -> Iterator[str]:
    in_namespace: dict[str, list[Json]] = defaultdict(list)
    for pod in objects.all("Pod"):
        in_namespace[pod["metadata"]["namespace"]].append(pod)
    for service in objects.all("Service"):
        selector = service["spec"].get("selector")
        if not selector or service["spec"]["type"] == "ExternalName":
            continue
        expected = {
            (pod["metadata"]["uid"], pod["status"]["podIP"], ready(pod))
            for pod in living(in_namespace[service["metadata"]["namespace"]])
            if selector.items() <= pod["metadata"]["labels"].items() and "podIP" in pod["status"]
        }
        slices = objects.of(service, "EndpointSlice")
        told = {
            (endpoint["targetRef"]["uid"], endpoint["addresses"][0], endpoint["conditions"]["ready"])
            for one in slices
            for endpoint in one["endpoints"]
        }
        if len(slices) != 1 or told != expected:
            yield f"Service {key(service)} has {len(slices)} slices, {told ^ expected} differ"
        copied = service["metadata"]["labels"].items()
        if any(not copied <= one["metadata"]["labels"].items() for one in slices):
            yield f"Service {key(service)} and its slice have different labels"


def _volumes(objects: Objects) -> Iterator[str]:
    for claim in objects.all("PersistentVolumeClaim"):
        name = claim["spec"].get("volumeName")
        if (claim["status"]["phase"] == "Bound") != bool(name):
            yield f"claim {key(claim)} is bound to nothing"
        elif name:
            reference = objects.by_key["PersistentVolume"][name]["spec"]["claimRef"]
            if reference["uid"] != claim["metadata"]["uid"]:
                yield f"claim {key(claim)} and its volume disagree"
    for volume in objects.all("PersistentVolume"):
        there = volume["spec"]["claimRef"]["uid"] in objects.by_uid
        if there != (volume["status"]["phase"] == "Bound"):
            yield f"volume {key(volume)} is {volume['status']['phase']}"


def _scaling(objects: Objects) -> Iterator[str]:
    for one in objects.all("HorizontalPodAutoscaler"):
        target = objects.by_key["Deployment"].get(
            f"{one['metadata']['namespace']}/{one['spec']['scaleTargetRef']['name']}"
        )
        if target is None or target["spec"]["replicas"] != one["status"]["currentReplicas"]:
            yield f"autoscaler {key(one)} does not see its target"
    for one in objects.all("PodDisruptionBudget"):
        selector, namespace = one["spec"]["selector"]["matchLabels"], one["metadata"]["namespace"]
        pods = [
            pod
            for pod in living(objects.all("Pod"))
            if pod["metadata"]["namespace"] == namespace
            and selector.items() <= pod["metadata"]["labels"].items()
        ]
        if (one["status"]["expectedPods"], one["status"]["currentHealthy"]) != (
            len(pods),
            sum(map(ready, pods)),
        ):
            yield f"budget {key(one)} counted wrongly"


def _namespaces(objects: Objects) -> Iterator[str]:
    for kind, found in objects.by_key.items():
        for one in found.values():
            namespace = one["metadata"].get("namespace")
            if namespace and namespace not in objects.by_key["Namespace"]:
                yield f"{kind} {key(one)} is in a namespace that is not there"
    for name in objects.by_key["Namespace"]:
        if not objects.has("ServiceAccount", name, "default") or not objects.has(
            "ConfigMap", name, "kube-root-ca.crt"
        ):
            yield f"namespace {name} lacks what every namespace has"


def _unresolved(objects: Objects) -> Iterator[tuple[str, str]]:
    """(who, `Kind name`) of each reference by name that does not resolve."""
    for kind, references in (
        ("Pod", _of_pod),
        ("Ingress", _of_ingress),
        ("ServiceAccount", _of_account),
        ("PersistentVolumeClaim", _of_claim),
    ):
        for one in objects.all(kind):
            for target, name in references(one):
                namespace = (
                    "" if target in ("Node", "StorageClass", "IngressClass") else one["metadata"]["namespace"]
                )
                if not objects.has(target, namespace, name):
                    yield f"{kind} {key(one)}", f"{target} {name}"


def _of_pod(pod: Json) -> Iterator[tuple[str, str]]:
    spec = pod["spec"]
    yield "ServiceAccount", spec["serviceAccountName"]
    if "nodeName" in spec:
        yield "Node", spec["nodeName"]
    yield from (("Secret", secret["name"]) for secret in spec.get("imagePullSecrets", ()))
    for volume in spec["volumes"]:
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
        for source in volume.get("projected", {}).get("sources", ()):
            if "configMap" in source:
                yield "ConfigMap", source["configMap"]["name"]
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        for source in container.get("envFrom", ()):
            yield "ConfigMap", source["configMapRef"]["name"]
        for variable in container.get("env", ()):
            for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                reference = variable.get("valueFrom", {}).get(field)
                if reference and not reference.get("optional"):
                    yield kind, reference["name"]


def _of_ingress(ingress: Json) -> Iterator[tuple[str, str]]:
    name = ingress["metadata"]["annotations"].get("kubernetes.io/ingress.class")
    yield "IngressClass", ingress["spec"].get("ingressClassName") or name
    yield from (("Secret", entry["secretName"]) for entry in ingress["spec"].get("tls", ()))
    for rule in ingress["spec"]["rules"]:
        yield from (("Service", path["backend"]["service"]["name"]) for path in rule["http"]["paths"])


def _of_account(account: Json) -> Iterator[tuple[str, str]]:
    yield from (("Secret", secret["name"]) for secret in account.get("imagePullSecrets", ()))


def _of_claim(claim: Json) -> Iterator[tuple[str, str]]:
    yield "StorageClass", claim["spec"]["storageClassName"]
