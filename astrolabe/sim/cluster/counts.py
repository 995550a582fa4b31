"""The numbers of objects of each kind in a large production cluster; smaller clusters are proportional."""

from __future__ import annotations

from collections.abc import Mapping

#: Counted in one real cluster. Services and claims determine EndpointSlices and PersistentVolumes.
_COUNTED: Mapping[str, int] = {
    "Namespace": 432,
    "Node": 248,
    "Deployment": 19_924,
    "ReplicaSet": 43_033,
    "Pod": 29_455,
    "StatefulSet": 388,
    "DaemonSet": 9,
    "Service": 23_547,
    "Ingress": 16_977,
    "Job": 19_861,
    "CronJob": 4_291,
    "ConfigMap": 3_894,
    "Secret": 26_668,
    "PersistentVolumeClaim": 787,
    "HorizontalPodAutoscaler": 385,
    "PodDisruptionBudget": 12,
    "NetworkPolicy": 1_480,
    "ServiceAccount": 545,
}

#: With fewer nodes, a broken node would break the whole cluster.
_FEWEST_NODES = 4


def object_counts(scale: float) -> dict[str, int]:
    """kind → count at a scale. 1.0 is the counted cluster. At least one of each."""
    counts = {kind: max(1, round(count * scale)) for kind, count in _COUNTED.items()}
    counts["Node"] = max(_FEWEST_NODES, counts["Node"])
    return counts
