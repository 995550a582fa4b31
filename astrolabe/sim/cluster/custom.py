"""Custom resources of four projects: cert-manager, the Gateway API, Argo CD and CloudNativePG.

They refer to objects of a generated cluster: its Ingresses, Services, Deployments and Secrets.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from astrolabe.graph.state.identity import GroupKind
from astrolabe.sim.cluster import config, network
from astrolabe.sim.cluster.components import TLS
from astrolabe.sim.cluster.factory import DAY, HOUR, MINUTE, NOW, ObjectFactory
from astrolabe.sim.cluster.meta import AppIdentity, HelmRelease, app_object, metadata, owner_reference
from astrolabe.sim.cluster.nodes import NodePool
from astrolabe.sim.cluster.stateful import database
from astrolabe.sim.definitions import crd
from astrolabe.sim.store import ObjectStore

Json = dict[str, Any]

CERT_MANAGER, GATEWAY, ARGO, CNPG = (
    "cert-manager.io",
    "gateway.networking.k8s.io",
    "argoproj.io",
    "postgresql.cnpg.io",
)

#: Most Certificates, HTTPRoutes and Applications, and most resources of an Application.
_MOST, _MOST_MANAGED = 40, 60
#: One in this many fails.
_FAILING = 12

_ISSUER = "letsencrypt"

#: The labels of everything that the platform's own chart installs.
PLATFORM = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "platform"}


def definitions() -> Iterator[Json]:
    """The CustomResourceDefinitions, with the columns that kubectl shows."""
    ready = {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'}
    secret = {"name": "Secret", "type": "string", "jsonPath": ".spec.secretName"}
    yield crd(
        "Certificate",
        CERT_MANAGER,
        short_names=("cert", "certs"),
        categories=("cert-manager",),
        columns=(ready, secret),
    )
    yield crd("ClusterIssuer", CERT_MANAGER, scope="Cluster", columns=(ready,))
    yield crd("GatewayClass", GATEWAY, plural="gatewayclasses", scope="Cluster", short_names=("gc",))
    yield crd("Gateway", GATEWAY, short_names=("gtw",), versions=("v1", "v1beta1"))
    yield crd("HTTPRoute", GATEWAY, versions=("v1", "v1beta1"))
    sync = {"name": "Sync Status", "type": "string", "jsonPath": ".status.sync.status"}
    yield crd(
        "Application", ARGO, short_names=("app",), versions=("v1alpha1",), columns=(sync,), status=False
    )
    yield crd("AppProject", ARGO, short_names=("appproj",), versions=("v1alpha1",), status=False)
    phase = {"name": "Status", "type": "string", "jsonPath": ".status.phase"}
    yield crd("Cluster", CNPG, columns=(phase,))


def install(store: ObjectStore, seed: int, *, now: datetime = NOW) -> None:
    """Add the definitions and their resources to a store with a generated cluster.

    The same store, seed and time give the same resources.
    """
    factory = ObjectFactory(random.Random(seed), now, stream=3)
    for manifest in definitions():
        manifest["metadata"] |= {"uid": factory.uid(), "creationTimestamp": factory.ago(90 * DAY)}
        store.define(manifest)
    for manifest in _Projects(store, factory).manifests():
        store.create(GroupKind.of(manifest["apiVersion"], manifest["kind"]).key, manifest)
    store.settle()


class _Projects:
    def __init__(self, store: ObjectStore, factory: ObjectFactory) -> None:
        self._store = store
        self._factory = factory
        self._created = factory.ago(60 * DAY)
        self._later = factory.ago(2 * HOUR)

    def manifests(self) -> Iterator[Json]:
        """All resources, and the built-in ones that their operators make."""
        yield from self._certificates()
        yield from self._gateway()
        yield from self._databases()
        yield from self._applications()

    def _sorted(self, kind: str) -> list[Json]:
        """All objects of a kind, in an order that does not depend on when they were created."""
        found = self._store.manifests(kind)
        return sorted(
            found, key=lambda each: (each["metadata"].get("namespace", ""), each["metadata"]["name"])
        )

    def _resource(
        self,
        kind: str,
        api_version: str,
        name: str,
        namespace: str,
        *,
        of: Json | None = None,
        **content: Any,
    ) -> Json:
        """of: an object of the application that installed it; by default, the platform's own chart did."""
        like = of["metadata"] if of is not None else {"labels": PLATFORM, "annotations": {}}
        helm = {key: text for key, text in like.get("annotations", {}).items() if "helm.sh/" in key}
        meta = metadata(
            self._factory,
            name,
            created=self._created,
            namespace=namespace,
            generation=1,
            labels=like.get("labels"),
            annotations=helm,
        )
        return {"kind": kind, "apiVersion": api_version, "metadata": meta, **content}

    def _condition(self, type: str, status: str, reason: str, message: str) -> Json:
        return {
            "type": type,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": self._later,
            "observedGeneration": 1,
        }

    # cert-manager

    def _certificates(self) -> Iterator[Json]:
        api = f"{CERT_MANAGER}/v1"
        registered = self._condition(
            "Ready", "True", "ACMEAccountRegistered", "The ACME account was registered"
        )
        acme = {"server": "https://acme-v02.api.letsencrypt.org/directory", "email": "ops@example.com"}
        acme["privateKeySecretRef"] = {"name": "letsencrypt-account"}  # type: ignore[assignment]
        yield self._resource(
            "ClusterIssuer", api, _ISSUER, "", spec={"acme": acme}, status={"conditions": [registered]}
        )
        seen = set()
        for number, ingress in enumerate(islice(self._sorted("Ingress"), _MOST)):
            name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
            fails = number % _FAILING == 1
            secret = TLS if namespace not in seen and not fails else f"{name}-tls"
            seen.add(namespace)
            yield self._certificate(api, ingress, secret=secret, fails=fails)
            if secret != TLS and not fails:
                app = AppIdentity(name, namespace)
                keys = ("tls.crt", "tls.key")
                yield config.secret(
                    self._factory, app, secret, created=self._created, type="kubernetes.io/tls", keys=keys
                )

    def _certificate(self, api: str, ingress: Json, *, secret: str, fails: bool) -> Json:
        name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
        spec = {
            "secretName": secret,
            "dnsNames": [f"{name}.example.com"],
            "issuerRef": {"name": _ISSUER, "kind": "ClusterIssuer", "group": CERT_MANAGER},
        }
        if fails:
            why = 'The certificate request has failed and will be retried: the order is in state "invalid"'
            status: Json = {
                "conditions": [
                    self._condition("Issuing", "False", "Failed", why),
                    self._condition(
                        "Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"
                    ),
                ],
                "failedIssuanceAttempts": 3,
                "lastFailureTime": self._later,
            }
        else:
            current = self._condition(
                "Ready", "True", "Ready", "Certificate is up to date and has not expired"
            )
            status = {
                "conditions": [current],
                "notBefore": self._factory.ago(30 * DAY),
                "notAfter": self._factory.ago(-60 * DAY),
                "renewalTime": self._factory.ago(-30 * DAY),
                "revision": 1,
            }
        return self._resource("Certificate", api, name, namespace, of=ingress, spec=spec, status=status)

    # Gateway API

    def _gateway(self) -> Iterator[Json]:
        api = f"{GATEWAY}/v1"
        accepted = self._condition("Accepted", "True", "Accepted", "")
        yield self._resource(
            "GatewayClass",
            api,
            "istio",
            "",
            spec={"controllerName": "istio.io/gateway-controller"},
            status={"conditions": [accepted]},
        )
        ingresses = self._sorted("Ingress")
        if not ingresses:
            return
        home = ingresses[0]["metadata"]["namespace"]
        yield self._entrance(api, home, routes=min(len(ingresses), _MOST))
        for number, ingress in enumerate(islice(ingresses, _MOST)):
            yield self._route(api, ingress, home, fails=number % _FAILING == 5)

    def _entrance(self, api: str, namespace: str, *, routes: int) -> Json:
        listener = {
            "name": "https",
            "port": 443,
            "protocol": "HTTPS",
            "hostname": "*.example.com",
            "tls": {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": TLS}]},
            "allowedRoutes": {"namespaces": {"from": "All"}},
        }
        fine = [
            self._condition(type, "True", reason, "")
            for type, reason in (
                ("Accepted", "Accepted"),
                ("Programmed", "Programmed"),
                ("ResolvedRefs", "ResolvedRefs"),
            )
        ]
        kinds = [{"group": GATEWAY, "kind": "HTTPRoute"}]
        status = {
            "conditions": fine[:2],
            "addresses": [{"type": "IPAddress", "value": "203.0.113.10"}],
            "listeners": [
                {"name": "https", "attachedRoutes": routes, "supportedKinds": kinds, "conditions": fine}
            ],
        }
        spec = {"gatewayClassName": "istio", "listeners": [listener]}
        return self._resource("Gateway", api, "public", namespace, spec=spec, status=status)

    def _route(self, api: str, ingress: Json, home: str, *, fails: bool) -> Json:
        name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
        service = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
        backend = {"name": f"{name}-gone" if fails else service["name"], "port": 8080}
        parent = {"name": "public", "namespace": home}
        resolved = (
            self._condition(
                "ResolvedRefs", "False", "BackendNotFound", f'backend "{backend["name"]}" not found'
            )
            if fails
            else self._condition("ResolvedRefs", "True", "ResolvedRefs", "")
        )
        parents = [
            {
                "parentRef": {"group": GATEWAY, "kind": "Gateway", **parent},
                "controllerName": "istio.io/gateway-controller",
                "conditions": [self._condition("Accepted", "True", "Accepted", ""), resolved],
            }
        ]
        spec = {
            "parentRefs": [parent],
            "hostnames": [f"{name}.example.com"],
            "rules": [
                {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [backend]}
            ],
        }
        status = {"parents": parents}
        return self._resource("HTTPRoute", api, name, namespace, of=ingress, spec=spec, status=status)

    # CloudNativePG

    def _databases(self) -> Iterator[Json]:
        namespaces = [each["metadata"]["namespace"] for each in self._sorted("Deployment")]
        pool = NodePool(self._factory, self._sorted("Node"))
        for name, namespace in zip(("orders-pg", "billing-pg"), dict.fromkeys(namespaces), strict=False):
            release = HelmRelease(name, namespace, "cnpg-cluster", "0.3.1", "17.2")
            yield from self._database(pool, AppIdentity(name, namespace, release))

    def _database(self, pool: NodePool, app: AppIdentity) -> Iterator[Json]:
        """A Cluster with the Pods, claims and Services that its operator makes, without a StatefulSet."""
        made = [each for each in database(pool, app, 3) if each["kind"] != "StatefulSet"]
        spec = {"instances": 3, "storage": {"size": "50Gi", "storageClass": "standard"}}
        spec["bootstrap"] = {"initdb": {"database": "app", "secret": {"name": f"{app.name}-credentials"}}}
        pods = [each for each in made if each["kind"] == "Pod"]
        status = {
            "phase": "Cluster in healthy state",
            "instances": 3,
            "readyInstances": 3,
            "currentPrimary": pods[0]["metadata"]["name"],
            "writeService": f"{app.name}-rw",
            "conditions": [self._condition("Ready", "True", "ClusterIsReady", "Cluster is Ready")],
        }
        cluster = app_object(
            self._factory,
            app,
            app.name,
            kind="Cluster",
            api_version=f"{CNPG}/v1",
            created=self._created,
            content={"spec": spec, "status": status},
            generation=1,
        )
        yield cluster
        owner = [owner_reference(cluster)]
        for each in made:
            if each["kind"] in ("Pod", "PersistentVolumeClaim"):
                each = {**each, "metadata": {**each["metadata"], "ownerReferences": owner}}
            yield each
        service = network.service(self._factory, app, f"{app.name}-rw", port=5432, created=self._created)
        yield {**service, "metadata": {**service["metadata"], "ownerReferences": owner}}
        endpoints = network.endpoints_of(pods, pool.zones)
        yield network.endpoint_slice(self._factory, service, endpoints, port=5432, created=self._created)

    # Argo CD

    def _applications(self) -> Iterator[Json]:
        api, home = f"{ARGO}/v1alpha1", "argocd"
        yield config.namespace_object(self._factory, home, team="platform", created=self._created)
        project = {"destinations": [{"namespace": "*", "server": "*"}], "sourceRepos": ["*"]}
        yield self._resource("AppProject", api, "default", home, spec=project)
        managed: dict[str, list[Json]] = {}
        for kind, api_version in (("Deployment", "apps/v1"), ("Service", "v1"), ("ConfigMap", "v1")):
            for each in self._sorted(kind):
                meta = each["metadata"]
                if "meta.helm.sh/release-name" not in meta.get("annotations", {}):
                    found = {"version": api_version.rpartition("/")[2], "kind": kind, "status": "Synced"}
                    found |= {"group": "apps"} if kind == "Deployment" else {}
                    found |= {"namespace": meta["namespace"], "name": meta["name"]}
                    managed.setdefault(meta["namespace"], []).append(found)
        for number, (namespace, resources) in enumerate(islice(managed.items(), _MOST)):
            yield self._application(api, namespace, home, resources, fails=number % _FAILING == 3)

    def _application(self, api: str, name: str, home: str, resources: list[Json], *, fails: bool) -> Json:
        health = "Degraded" if fails else "Healthy"
        status = {
            "health": {"status": health},
            "sync": {
                "status": "OutOfSync" if fails else "Synced",
                "revision": f"{self._factory.rng.getrandbits(160):040x}",
            },
            "operationState": {"phase": "Succeeded", "message": "successfully synced (all tasks run)"},
            "reconciledAt": self._factory.ago(5 * MINUTE),
            "resources": resources[:_MOST_MANAGED],
        }
        spec = {
            "project": "default",
            "source": {
                "repoURL": "https://git.example.com/platform/apps.git",
                "path": name,
                "targetRevision": "main",
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
        }
        return self._resource("Application", api, name, home, spec=spec, status=status)
