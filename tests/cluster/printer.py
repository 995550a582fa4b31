"""What the API server prints of each kind (`kubectl get`), and the same of what is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from astrolabe.kinds.kind import Kind
from tests.cluster.api import Api

Json = dict[str, Any]
#: Column → the cell, of a node.
Columns = Mapping[str, Callable[[Json], object]]

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_NONE = "<none>"


def _of(key: str, otherwise: object = _NONE) -> Callable[[Json], object]:
    """A key of the metadata."""

    def cell(node: Json) -> object:
        found = node["metadata"].get(key)
        return otherwise if found in (None, "", []) else found

    return cell


def _replicas(key: str) -> Callable[[Json], object]:
    return lambda node: node["metadata"]["replicas"][key]


def _joined(key: str, otherwise: str = _NONE) -> Callable[[Json], object]:
    return lambda node: ",".join(node["metadata"].get(key) or ()) or otherwise


def _ready(node: Json) -> object:
    replicas = node["metadata"]["replicas"]
    return f"{replicas['ready']}/{replicas['desired']}"


def _claim(node: Json) -> object:
    claim = node["metadata"].get("claimRef")
    return f"{claim['namespace']}/{claim['name']}" if claim else ""


def _completions(node: Json) -> object:
    return f"{node['metadata']['succeeded']}/{node['metadata']['completions']}"


def _reason(node: Json) -> object:
    return node["reason"]


def _job(node: Json) -> object:
    """A failure is told by its reason here. That no Pod can be created stands in Events alone."""
    if node["status"] == "Error" and node["reason"] != "FailedCreate":
        return "Failed"
    words = {"Completed": "Complete", "Suspended": "Suspended", "Terminating": "Terminating"}
    return words.get(node["reason"], "Running")


def _available(node: Json) -> object:
    return str(node["status"] == "Ready")


def _claimed(node: Json) -> object:
    """Of a claim that names a volume and is not bound to it, nothing is printed as 0."""
    return _of("capacity", "0" if node["metadata"].get("volumeName") else "")(node)


def _number(key: str) -> Callable[[Json], object]:
    return lambda node: len(node["metadata"].get(key) or ())


def _quota(*, limits: bool) -> Callable[[Json], object]:
    def cell(node: Json) -> object:
        told = node["metadata"].get("quota") or ()
        return ", ".join(each for each in told if each.startswith("limits.") is limits)

    return cell


#: What a role is granted to, as `kubectl get --output=wide` prints it.
_BINDING: Columns = {
    "Role": _of("role"),
    "Users": lambda node: ", ".join(node["metadata"].get("users") or ()),
    "Groups": lambda node: ", ".join(node["metadata"].get("groups") or ()),
    "ServiceAccounts": lambda node: ", ".join(node["metadata"].get("serviceAccounts") or ()),
}
_SET: Columns = {
    "Desired": _replicas("desired"),
    "Current": _replicas("current"),
    "Ready": _replicas("ready"),
}

#: What is held against the printer, by the name of the kind. What is left out is not served, or the words
#: differ on purpose: a Job is "Completed" here.
PRINTED: Mapping[str, Columns] = {
    "Pod": {
        "Ready": _of("ready"),
        "Status": _reason,
        "Restarts": _of("restartCount", 0),
        "IP": _of("podIP"),
        "Node": _of("nodeName"),
    },
    "Deployment": {"Ready": _ready, "Available": _replicas("available")},
    "StatefulSet": {"Ready": _ready},
    "DaemonSet": {**_SET, "Available": _replicas("available")},
    "ReplicaSet": _SET,
    "ReplicationController": _SET,
    "Job": {"Status": _job, "Completions": _completions},
    "CronJob": {
        "Schedule": _of("schedule"),
        "Timezone": _of("timeZone"),
        "Suspend": lambda node: str(bool(node["metadata"].get("suspend"))),
    },
    "PersistentVolumeClaim": {
        "Status": _reason,
        "Volume": _of("volumeName", ""),
        "Capacity": _claimed,
        "StorageClass": _of("storageClass", ""),
    },
    "PersistentVolume": {
        "Status": _reason,
        "Capacity": _of("capacity", ""),
        "Reclaim Policy": _of("reclaimPolicy", ""),
        "Claim": _claim,
        "StorageClass": _of("storageClass", ""),
    },
    "Namespace": {"Status": _reason},
    "Node": {"Status": _reason, "Roles": _joined("roles"), "Version": _of("kubeletVersion", "")},
    "Service": {"Type": _of("serviceType"), "Cluster-IP": _of("clusterIP"), "Port(s)": _joined("ports")},
    "Ingress": {"Class": _of("ingressClass"), "Hosts": _joined("hosts", "*")},
    "HorizontalPodAutoscaler": {
        "Reference": lambda node: "{kind}/{name}".format_map(node["metadata"]["scaleTargetRef"]),
        "MinPods": _of("minReplicas", "<unset>"),
        "MaxPods": _of("maxReplicas", 0),
        "Replicas": _of("currentReplicas", 0),
    },
    "PodDisruptionBudget": {
        "Min Available": _of("minAvailable", "N/A"),
        "Max Unavailable": _of("maxUnavailable", "N/A"),
        "Allowed Disruptions": _of("disruptionsAllowed", 0),
    },
    "ResourceQuota": {"Request": _quota(limits=False), "Limit": _quota(limits=True)},
    "PriorityClass": {
        "Value": _of("value", 0),
        "Global-Default": lambda node: str(bool(node["metadata"].get("globalDefault"))),
        "PreemptionPolicy": _of("preemptionPolicy"),
    },
    "RuntimeClass": {"Handler": _of("handler")},
    "CSIDriver": {
        "AttachRequired": _of("attachRequired"),
        "StorageCapacity": _of("storageCapacity", False),
        "Modes": _joined("modes"),
    },
    "ValidatingWebhookConfiguration": {"Webhooks": _number("webhooks")},
    "MutatingWebhookConfiguration": {"Webhooks": _number("webhooks")},
    "APIService": {"Service": _of("service"), "Available": _available},
    "ClusterRoleBinding": _BINDING,
    "RoleBinding": _BINDING,
}


class Printer(Api):
    """Asks an API server for its tables."""

    async def tables(self, paths: Mapping[str, str]) -> dict[str, dict[str, Json]]:
        """kind → uid → column → cell. paths: of each kind."""
        found = {}
        async with self.session(Accept=_TABLE) as http:
            for kind, path in paths.items():
                found[kind] = rows(await self.call(http, "GET", path))
        return found


def rows(table: Json) -> dict[str, Json]:
    """uid → column → cell."""
    assert table["kind"] == "Table", table
    names = [column["name"] for column in table["columnDefinitions"]]
    return {
        row["object"]["metadata"]["uid"]: dict(zip(names, row["cells"], strict=True))
        for row in table["rows"] or ()
    }


def differences(nodes: list[Json], tables: Mapping[str, Mapping[str, Json]]) -> list[str]:
    """Where nodes say something else than the printer."""
    wrong = []
    for node in nodes:
        for column, cell in PRINTED.get(node["kind"], {}).items():
            row = tables.get(node["kind"], {}).get(node["uid"])
            printed = None if row is None else _plain(row[column])
            if str(cell(node)) != printed:
                who = f"{node['kind']} {node.get('namespace', '')}/{node['name']}"
                wrong.append(f"{who}: {column} is {cell(node)}, but the API server prints {printed}")
    return wrong


def _plain(cell: object) -> str:
    """Without the time since: the restarts of a Pod are `5 (3m ago)`."""
    return str(cell).partition(" (")[0]


def paths_of(kinds: Sequence[Kind[Any]], namespace: str) -> dict[str, str]:
    """Where the printed kinds are listed; namespace "": all."""
    return {
        kind.name: kind.path_in(namespace) if namespace else kind.path
        for kind in kinds
        if kind.name in PRINTED and (kind.namespaced or not namespace)
    }
