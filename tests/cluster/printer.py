"""What the API server prints of each kind (`kubectl get`), and the same of what is served."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from astrolabe.kinds.kind import Kind

Json = dict[str, Any]
#: Column → the cell, of a node.
Columns = Mapping[str, Callable[[Json], object]]

_TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
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


_SET: Columns = {
    "Desired": _replicas("desired"),
    "Current": _replicas("current"),
    "Ready": _replicas("ready"),
}

#: What is held against the printer, by the name of the kind. What is left out is not served, or the words
#: differ on purpose: a Job is "Completed" here.
PRINTED: Mapping[str, Columns] = {
    "Pod": {"Ready": _of("ready"), "Status": _reason, "Restarts": _of("restartCount", 0)},
    "Deployment": {"Ready": _ready, "Available": _replicas("available")},
    "StatefulSet": {"Ready": _ready},
    "DaemonSet": {**_SET, "Available": _replicas("available")},
    "ReplicaSet": _SET,
    "ReplicationController": _SET,
    "Job": {"Completions": _completions},
    "CronJob": {
        "Schedule": _of("schedule"),
        "Suspend": lambda node: str(bool(node["metadata"].get("suspend"))),
    },
    "PersistentVolumeClaim": {"Volume": _of("volumeName", ""), "Capacity": _of("capacity", "")},
    "PersistentVolume": {
        "Capacity": _of("capacity", ""),
        "Reclaim Policy": _of("reclaimPolicy", ""),
        "Claim": _claim,
        "StorageClass": _of("storageClass", ""),
    },
    "Namespace": {"Status": _reason},
    "Node": {"Roles": _joined("roles"), "Version": _of("kubeletVersion", "")},
    "Service": {"Type": _of("serviceType"), "Cluster-IP": _of("clusterIP"), "Port(s)": _joined("ports")},
    "Ingress": {"Class": _of("ingressClass"), "Hosts": _joined("hosts", "*")},
    "HorizontalPodAutoscaler": {
        "MinPods": _of("minReplicas", "<unset>"),
        "MaxPods": _of("maxReplicas", 0),
        "Replicas": _of("currentReplicas", 0),
    },
    "PodDisruptionBudget": {
        "Min Available": _of("minAvailable", "N/A"),
        "Max Unavailable": _of("maxUnavailable", "N/A"),
        "Allowed Disruptions": _of("disruptionsAllowed", 0),
    },
}


class Printer:
    """Asks an API server for its tables, with the token in a kubeconfig (JSON, as `account_of` writes it)."""

    def __init__(self, kubeconfig: str) -> None:
        config = json.loads(Path(kubeconfig).read_text())
        cluster = config["clusters"][0]["cluster"]
        self._server: str = cluster["server"].rstrip("/")
        self._token: str = config["users"][0]["user"]["token"]
        authority = cluster.get("certificate-authority-data")
        self._tls: ssl.SSLContext | bool = False
        if authority:
            self._tls = ssl.create_default_context(cadata=base64.b64decode(authority).decode())

    async def tables(self, paths: Mapping[str, str]) -> dict[str, dict[str, Json]]:
        """kind → uid → column → cell. paths: of each kind."""
        headers = {**_TABLE, "Authorization": f"Bearer {self._token}"}
        found = {}
        async with aiohttp.ClientSession(headers=headers) as http:
            for kind, path in paths.items():
                async with http.get(f"{self._server}{path}", ssl=self._tls) as answer:
                    assert answer.status == 200, await answer.text()
                    found[kind] = rows(await answer.json())
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


def paths_of(kinds: list[Kind[Any]], namespace: str) -> dict[str, str]:
    """Where the printed kinds are listed; namespace "": all."""
    return {
        kind.name: kind.path_in(namespace) if namespace else kind.path
        for kind in kinds
        if kind.name in PRINTED and (kind.namespaced or not namespace)
    }
