"""Pod templates: what the charts and manifests of a company ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

REGISTRY = "registry.example"
PULL_SECRET = "registry-credentials"


@dataclass(frozen=True, kw_only=True)
class Wants:
    """What one component needs to run; names are those of objects in its namespace, "" is none.

    config, secret: read as environment (config as a volume too). overrides: a ConfigMap read whole.
    optional: a ConfigMap that need not exist. cpu: in cores, as written in a request.
    """

    name: str
    image: str
    port: int = 0
    config: str = ""
    secret: str = ""
    overrides: str = ""
    optional: str = ""
    account: str = ""
    pull_secret: str = ""
    claim: str = ""
    volume_template: str = ""
    cpu: str = "50m"
    sidecar: str = ""
    waits_for: str = ""
    restart_policy: str = "Always"
    host_path: str = ""
    command: tuple[str, ...] = ()


def pod_spec(wants: Wants) -> Json:
    """The spec of a pod template, with the defaults that the server fills in."""
    spec: Json = {
        "volumes": _volumes(wants),
        "initContainers": [_waiting(wants)] if wants.waits_for else [],
        "containers": [_main(wants), *([_sidecar(wants)] if wants.sidecar else [])],
        "restartPolicy": wants.restart_policy,
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": wants.account,
        "serviceAccount": wants.account,
        "securityContext": {"runAsNonRoot": True} if not wants.host_path else {},
        "imagePullSecrets": [{"name": wants.pull_secret}] if wants.pull_secret else [],
        "schedulerName": "default-scheduler",
    }
    return {key: value for key, value in spec.items() if value or key == "securityContext"}


def _container(name: str, image: str, *, cpu: str, **more: Any) -> Json:
    container = {
        "name": name,
        "image": image,
        **more,
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": cpu, "memory": "128Mi"}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    return {key: value for key, value in container.items() if value}


def _main(wants: Wants) -> Json:
    ports = [{"name": "http", "containerPort": wants.port, "protocol": "TCP"}] if wants.port else []
    container = _container(
        wants.name,
        wants.image,
        command=list(wants.command),
        ports=ports,
        envFrom=[{"configMapRef": {"name": wants.overrides}}] if wants.overrides else [],
        env=_environment(wants),
        volumeMounts=_mounts(wants),
        cpu=wants.cpu,
    )
    if wants.port:
        container["readinessProbe"] = _probe(10)
    return container


def _environment(wants: Wants) -> list[Json]:
    environment: list[Json] = []
    for variable, reference, name, key in (
        ("LOG_LEVEL", "configMapKeyRef", wants.config, "LOG_LEVEL"),
        ("DB_PASSWORD", "secretKeyRef", wants.secret, "password"),
    ):
        if name:
            environment.append({"name": variable, "valueFrom": {reference: {"name": name, "key": key}}})
    if wants.optional:
        value = {"configMapKeyRef": {"name": wants.optional, "key": "flags", "optional": True}}
        environment.append({"name": "FEATURES", "valueFrom": value})
    return environment or [{"name": "SERVICE_NAME", "value": wants.name}]


def _mounts(wants: Wants) -> list[Json]:
    mounts: list[Json] = []
    if wants.config:
        mounts.append({"name": "config", "mountPath": "/etc/app"})
    if wants.claim or wants.volume_template:
        mounts.append({"name": wants.volume_template or "data", "mountPath": "/var/lib/data"})
    if wants.host_path:
        mounts.append({"name": "host", "readOnly": True, "mountPath": "/host"})
    return mounts


def _volumes(wants: Wants) -> list[Json]:
    volumes: list[Json] = []
    if wants.config:
        volumes.append({"name": "config", "configMap": {"name": wants.config, "defaultMode": 420}})
    if wants.claim:
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": wants.claim}})
    if wants.host_path:
        volumes.append({"name": "host", "hostPath": {"path": wants.host_path, "type": ""}})
    return volumes


def _sidecar(wants: Wants) -> Json:
    return _container(wants.sidecar, f"{REGISTRY}/library/{wants.sidecar}:2.8.1", cpu="10m")


def _waiting(wants: Wants) -> Json:
    return _container(f"wait-for-{wants.waits_for}", f"{REGISTRY}/library/wait-for:1.2.0", cpu="10m")


def _probe(period: int) -> Json:
    return {
        "httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": period,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
