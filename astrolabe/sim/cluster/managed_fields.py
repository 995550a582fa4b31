"""managedFields: which manager owns which field, derived from the fields as the server does."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

#: Lists whose items are merged by a key; all others are atomic.
_MERGED_BY = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "conditions": "type",
    "ownerReferences": "uid",
}
_ATOMIC = frozenset(
    ("selector", "nodeSelector", "configMapKeyRef", "secretKeyRef", "fieldRef", "loadBalancer")
)


def fields_of(content: Json) -> Json:
    """The FieldsV1 set of some content: `{"replicas": 1}` is `{"f:replicas": {}}`."""
    return {f"f:{name}": _field(name, value) for name, value in content.items()}


def _field(name: str, value: Any) -> Json:
    if isinstance(value, dict) and value and name not in _ATOMIC:
        return {".": {}, **fields_of(value)}
    key = _MERGED_BY.get(name)
    if isinstance(value, list) and key and value and key in value[0]:
        return {".": {}, **{_merged(key, item[key]): _item(key, item) for item in value}}
    return {}


def _merged(key: str, value: Any) -> str:
    return f'k:{{"{key}":"{value}"}}' if isinstance(value, str) else f'k:{{"{key}":{value}}}'


def _item(key: str, item: Json) -> Json:
    return {} if len(item) == 1 or key == "uid" else {".": {}, **fields_of(item)}


def managed(manager: str, api_version: str, time: str, fields: Json, *, subresource: str = "") -> Json:
    """One entry of metadata.managedFields."""
    entry: Json = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": api_version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {**entry, "subresource": subresource} if subresource else entry
