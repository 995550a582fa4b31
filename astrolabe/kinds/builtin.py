"""The built-in entries: the only list of them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.kind import Kind

#: Module and name of each entry, one per line. A new kind is a module, a golden file and a line here.
#:
#: In the order in which they are listed at the start: what is referred to comes before what refers to it,
#: owners before what they own, so that a reference mostly finds its target there and is resolved once. And
#: what a status is judged by comes before what is judged: a Service that is listed when all Pods and
#: EndpointSlices are known is judged once, and not all Services at one moment again.
_ENTRIES = (
    "cluster.NAMESPACE",
    "cluster.NODE",
    "quota.RESOURCE_QUOTA",
    "quota.LIMIT_RANGE",
    "pod_classes.PRIORITY_CLASS",
    "pod_classes.RUNTIME_CLASS",
    "devices.DEVICE_CLASS",
    "devices.RESOURCE_CLAIM",
    "csi.CSI_DRIVER",
    "storage_class.STORAGE_CLASS",
    "network.INGRESS_CLASS",
    "persistent_volume.PERSISTENT_VOLUME",
    "configuration.SECRET",
    "configuration.CONFIGMAP",
    "configuration.SERVICE_ACCOUNT",
    "persistent_volume_claim.PERSISTENT_VOLUME_CLAIM",
    "deployment.DEPLOYMENT",
    "stateful_set.STATEFULSET",
    "daemon_set.DAEMONSET",
    "deployment.REPLICASET",
    "replication_controller.REPLICATION_CONTROLLER",
    "cron_job.CRONJOB",
    "job.JOB",
    "pod_entry.POD",
    "endpoint_slice.ENDPOINT_SLICE",
    "service.SERVICE",
    "network.INGRESS",
    "network_policy.NETWORK_POLICY",
    "policy.POD_DISRUPTION_BUDGET",
    "policy.HORIZONTAL_POD_AUTOSCALER",
    "webhooks.VALIDATING_WEBHOOK_CONFIGURATION",
    "webhooks.MUTATING_WEBHOOK_CONFIGURATION",
    "extensions.API_SERVICE",
    "extensions.CUSTOM_RESOURCE_DEFINITION",
    "rbac.CLUSTER_ROLE",
    "rbac.ROLE",
    "rbac.CLUSTER_ROLE_BINDING",
    "rbac.ROLE_BINDING",
)


@cache
def builtin_kinds() -> tuple[Kind[Any], ...]:
    """All built-in entries, in the order of the list."""
    return tuple(_load(*entry.split(".")) for entry in _ENTRIES)


def builtin_catalogue() -> Catalogue:
    """A new catalogue of all built-in entries."""
    return Catalogue(builtin_kinds())


def _load(module: str, name: str) -> Kind[Any]:
    entry: Kind[Any] = getattr(import_module(f"astrolabe.kinds.{module}"), name)
    return entry
