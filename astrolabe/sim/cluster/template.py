"""Pod templates like those in the charts and manifests of a company."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

REGISTRY = "registry.example"
PULL_SECRET = "registry-credentials"


@dataclass(frozen=True, kw_only=True)
class PodOptions:
    """The options of a component's pods. Names refer to objects in its namespace; "" is none.

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


def pod_spec(options: PodOptions) -> Json:
    """The spec of a pod template, with the defaults that the server fills in."""
    spec: Json = {
        "volumes": _volumes(options),
        "initContainers": [_waiting(options)] if options.waits_for else [],
        "containers": [_main(options), *([_sidecar(options)] if options.sidecar else [])],
        "restartPolicy": options.restart_policy,
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": options.account,
        "serviceAccount": options.account,
        "securityContext": {"runAsNonRoot": True} if not options.host_path else {},
        "imagePullSecrets": [{"name": options.pull_secret}] if options.pull_secret else [],
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


def _main(options: PodOptions) -> Json:
    ports = [{"name": "http", "containerPort": options.port, "protocol": "TCP"}] if options.port else []
    container = _container(
        options.name,
        options.image,
        command=list(options.command),
        ports=ports,
        envFrom=[{"configMapRef": {"name": options.overrides}}] if options.overrides else [],
        env=_environment(options),
        volumeMounts=_mounts(options),
        cpu=options.cpu,
    )
    if options.port:
        container["readinessProbe"] = _probe(10)
    return container


def _environment(options: PodOptions) -> list[Json]:
    environment: list[Json] = []
    for variable, reference, name, key in (
        ("LOG_LEVEL", "configMapKeyRef", options.config, "LOG_LEVEL"),
        ("DB_PASSWORD", "secretKeyRef", options.secret, "password"),
    ):
        if name:
            environment.append({"name": variable, "valueFrom": {reference: {"name": name, "key": key}}})
    if options.optional:
        value = {"configMapKeyRef": {"name": options.optional, "key": "flags", "optional": True}}
        environment.append({"name": "FEATURES", "valueFrom": value})
    return environment or [{"name": "SERVICE_NAME", "value": options.name}]


def _mounts(options: PodOptions) -> list[Json]:
    mounts: list[Json] = []
    if options.config:
        mounts.append({"name": "config", "mountPath": "/etc/app"})
    if options.claim or options.volume_template:
        mounts.append({"name": options.volume_template or "data", "mountPath": "/var/lib/data"})
    if options.host_path:
        mounts.append({"name": "host", "readOnly": True, "mountPath": "/host"})
    return mounts


def _volumes(options: PodOptions) -> list[Json]:
    volumes: list[Json] = []
    if options.config:
        volumes.append({"name": "config", "configMap": {"name": options.config, "defaultMode": 420}})
    if options.claim:
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": options.claim}})
    if options.host_path:
        volumes.append({"name": "host", "hostPath": {"path": options.host_path, "type": ""}})
    return volumes


def _sidecar(options: PodOptions) -> Json:
    return _container(options.sidecar, f"{REGISTRY}/library/{options.sidecar}:2.8.1", cpu="10m")


def _waiting(options: PodOptions) -> Json:
    return _container(f"wait-for-{options.waits_for}", f"{REGISTRY}/library/wait-for:1.2.0", cpu="10m")


def _probe(period: int) -> Json:
    return {
        "httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": period,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
