"""ConfigMaps, Secrets (Helm's own among them), ServiceAccounts and Namespaces."""

from __future__ import annotations

import base64
import random
from typing import Any

from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.managed_fields import fields_of, managed
from astrolabe.sim.cluster.meta import (
    APPLIED,
    CONTROLLER,
    AppIdentity,
    HelmRelease,
    app_object,
    last_applied,
    metadata,
)

Json = dict[str, Any]

#: The value of every Secret. It must never appear in anything that Astrolabe holds, stores, logs or sends.
CANARY = "s3cr3t-must-never-leak"

_CA = "-----BEGIN CERTIFICATE-----\nMIIDBTCCAe2gAwIBAgIIK5{}\n-----END CERTIFICATE-----\n"
_ABOUT_CA = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints "
    "such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across "
    "distributions of Kubernetes clusters."
)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config_map(factory: ObjectFactory, app: AppIdentity, name: str, *, created: str) -> Json:
    """The settings of a component."""
    data = {
        "LOG_LEVEL": factory.rng.choice(("info", "debug", "warn")),
        "application.yaml": f"service:\n  name: {app.name}\n  greeting: Grüß Gott\ncache:\n  ttl: 60s\n",
        "flags": "beta=false",
    }
    return app_object(
        factory, app, name, kind="ConfigMap", api_version="v1", created=created, content={"data": data}
    )


def root_authority(factory: ObjectFactory, namespace: str, *, created: str) -> Json:
    """The ConfigMap that the controller manager puts into every namespace, and every pod mounts."""
    meta = metadata(
        factory,
        "kube-root-ca.crt",
        created=created,
        namespace=namespace,
        annotations={"kubernetes.io/description": _ABOUT_CA},
    )
    owned = {
        "f:data": {".": {}, "f:ca.crt": {}},
        "f:metadata": fields_of({"annotations": meta["annotations"]}),
    }
    meta["managedFields"] = [managed(CONTROLLER, "v1", created, owned)]
    data = {"ca.crt": _CA.format("A" * 160)}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": data}


def secret(
    factory: ObjectFactory,
    app: AppIdentity,
    name: str,
    *,
    created: str,
    type: str = "Opaque",
    keys: tuple[str, ...],
) -> Json:
    """A Secret whose values are all the canary. If kubectl applied it, an annotation has them, too."""
    data = {key: encoded(CANARY) for key in keys}
    content = {"data": data, "type": type}
    made = app_object(factory, app, name, kind="Secret", api_version="v1", created=created, content=content)
    if app.release is None:
        identity = {"name": name, "namespace": app.namespace, "labels": app.labels}
        clear = {"stringData": dict.fromkeys(keys, CANARY), "type": type}
        made["metadata"]["annotations"][APPLIED] = last_applied("Secret", "v1", identity, clear)
    return made


def release_secret(
    factory: ObjectFactory, release: HelmRelease, *, revision: int, status: str, created: str
) -> Json:
    """The Secret in which Helm keeps a revision of a release. status: deployed, superseded, failed..."""
    labels = {
        "modifiedAt": str(1_700_000_000 + factory.rng.randrange(10_000_000)),
        "name": release.name,
        "owner": "helm",
        "status": status,
        "version": str(revision),
    }
    name = f"sh.helm.release.v1.{release.name}.v{revision}"
    meta = metadata(factory, name, created=created, namespace=release.namespace, labels=labels)
    owned = {"f:data": {".": {}, "f:release": {}}, "f:metadata": fields_of({"labels": labels}), "f:type": {}}
    meta["managedFields"] = [managed("helm", "v1", created, owned)]
    data = {"release": encoded(encoded(f"{CANARY} {release.chart_label} {_noise(factory.rng)}"))}
    return {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": meta,
        "data": data,
        "type": "helm.sh/release.v1",
    }


def service_account(
    factory: ObjectFactory, app: AppIdentity, name: str, *, created: str, pull_secret: str = ""
) -> Json:
    """The account of a component."""
    content = {"imagePullSecrets": [{"name": pull_secret}]} if pull_secret else {}
    return app_object(
        factory, app, name, kind="ServiceAccount", api_version="v1", created=created, content=content
    )


def default_account(factory: ObjectFactory, namespace: str, *, created: str) -> Json:
    """The account that the controller manager puts into every namespace."""
    meta = metadata(factory, "default", created=created, namespace=namespace)
    return {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": meta}


def namespace_object(factory: ObjectFactory, name: str, *, team: str, created: str) -> Json:
    labels = {"kubernetes.io/metadata.name": name, "team": team}
    annotations = {"example.com/description": f"Everything of {team} – für den Betrieb"}
    meta = metadata(factory, name, created=created, labels=labels, annotations=annotations)
    owned = {"f:metadata": fields_of({"annotations": annotations, "labels": labels})}
    meta["managedFields"] = [managed("kubectl-create", "v1", created, owned)]
    return {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": meta,
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _noise(rng: random.Random) -> str:
    """Text that looks like compressed data."""
    return f"{rng.getrandbits(1600):x}"
