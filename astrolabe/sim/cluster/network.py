"""Services and the slices of their endpoints, Ingresses, NetworkPolicies, IngressClasses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.managed_fields import fields_of, managed
from astrolabe.sim.cluster.meta import (
    APPLIED,
    CONTROLLER,
    AppIdentity,
    app_object,
    last_applied,
    metadata,
    owner_reference,
)
from astrolabe.sim.cluster.podstatus import has_ended, is_ready

Json = dict[str, Any]

NETWORKING = "networking.k8s.io/v1"
_SLICES = "discovery.k8s.io/v1"


def service(
    factory: ObjectFactory,
    app: AppIdentity,
    name: str,
    *,
    port: int,
    created: str,
    selects: bool = True,
    headless: bool = False,
) -> Json:
    """A Service for the pods of a part; without a selector when it does not select."""
    address = "None" if headless else f"172.20.{factory.rng.randrange(256)}.{factory.rng.randrange(1, 255)}"
    spec = {
        "ports": [{"name": "http", "protocol": "TCP", "port": port, "targetPort": "http"}],
        "selector": app.selector if selects else None,
        "clusterIP": address,
        "clusterIPs": [address],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }
    return _service(
        factory, app, name, spec={key: value for key, value in spec.items() if value}, created=created
    )


def external_service(factory: ObjectFactory, app: AppIdentity, name: str, *, host: str, created: str) -> Json:
    """A Service that is a name for a host elsewhere."""
    spec = {"type": "ExternalName", "sessionAffinity": "None", "externalName": host}
    return _service(factory, app, name, spec=spec, created=created)


def load_balancer(
    factory: ObjectFactory, app: AppIdentity, name: str, *, port: int, created: str, address: str
) -> Json:
    """A Service of type LoadBalancer; address "": it has none yet."""
    base = service(factory, app, name, port=port, created=created)
    spec = {**base["spec"], "type": "LoadBalancer", "externalTrafficPolicy": "Cluster"}
    given = {"ingress": [{"ip": address, "ipMode": "VIP"}]} if address else {}
    return {**base, "spec": spec, "status": {"loadBalancer": given}}


def _service(factory: ObjectFactory, app: AppIdentity, name: str, *, spec: Json, created: str) -> Json:
    content = {"spec": spec, "status": {"loadBalancer": {}}}
    annotations = {
        "prometheus.io/path": "/metrics",
        "prometheus.io/port": "http",
        "prometheus.io/scrape": "true",
    }
    return app_object(
        factory,
        app,
        name,
        kind="Service",
        api_version="v1",
        created=created,
        content=content,
        annotations=annotations,
    )


def endpoints_of(pods: Iterable[Json], zones: dict[str, str]) -> list[Json]:
    """The endpoints of a slice: pods with an address that have not ended. zones: node → its zone."""
    endpoints = []
    for pod in sorted(pods, key=_address):
        if not _address(pod) or has_ended(pod):
            continue
        ready, leaving = is_ready(pod), "deletionTimestamp" in pod["metadata"]
        node = pod["spec"]["nodeName"]
        endpoints.append(
            {
                "addresses": [_address(pod)],
                "conditions": {"ready": ready and not leaving, "serving": ready, "terminating": leaving},
                "targetRef": {
                    "kind": "Pod",
                    "namespace": pod["metadata"]["namespace"],
                    "name": pod["metadata"]["name"],
                    "uid": pod["metadata"]["uid"],
                },
                "nodeName": node,
                "zone": zones.get(node, ""),
            }
        )
    return endpoints


def _address(pod: Json) -> str:
    address: str = pod["status"].get("podIP", "")
    return address


def endpoint_slice(
    factory: ObjectFactory, service: Json, endpoints: list[Json], *, port: int, created: str
) -> Json:
    """The slice that the controller keeps for a Service (given with kind and apiVersion)."""
    of = service["metadata"]
    labels = {
        **of.get("labels", {}),
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": of["name"],
    }
    if service["spec"].get("clusterIP") == "None":
        labels["service.kubernetes.io/headless"] = ""
    prefix = f"{of['name']}-"
    meta = metadata(
        factory,
        prefix + factory.suffix(),
        generateName=prefix,
        namespace=of["namespace"],
        created=created,
        generation=1,
        labels=labels,
        annotations={"endpoints.kubernetes.io/last-change-trigger-time": created},
        ownerReferences=[owner_reference(service)],
    )
    owned = {
        "f:addressType": {},
        "f:endpoints": {},
        "f:metadata": fields_of({"labels": labels}),
        "f:ports": {},
    }
    meta["managedFields"] = [managed(CONTROLLER, _SLICES, created, owned)]
    return _slice(meta, endpoints, port)


def manual_slice(factory: ObjectFactory, service: Json, *, address: str, port: int, created: str) -> Json:
    """A slice made by hand, for a Service without a selector."""
    of = service["metadata"]
    meta = metadata(
        factory,
        f"{of['name']}-manual",
        namespace=of["namespace"],
        created=created,
        generation=1,
        labels={"kubernetes.io/service-name": of["name"]},
    )
    return _slice(meta, [{"addresses": [address], "conditions": {"ready": True}}], port)


def _slice(meta: Json, endpoints: list[Json], port: int) -> Json:
    return {
        "kind": "EndpointSlice",
        "apiVersion": _SLICES,
        "metadata": meta,
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "http", "protocol": "TCP", "port": port}],
    }


def ingress(
    factory: ObjectFactory,
    app: AppIdentity,
    *,
    host: str,
    backends: Sequence[tuple[str, str]],
    tls: str,
    ingress_class: str,
    created: str,
) -> Json:
    """An Ingress. backends: (path, Service). tls: a Secret or "". ingress_class "": by annotation."""
    paths = [
        {
            "path": path,
            "pathType": "Prefix",
            "backend": {"service": {"name": name, "port": {"name": "http"}}},
        }
        for path, name in backends
    ]
    spec: Json = {"ingressClassName": ingress_class} if ingress_class else {}
    if tls:
        spec["tls"] = [{"hosts": [host], "secretName": tls}]
    spec["rules"] = [{"host": host, "http": {"paths": paths}}]
    annotations = {
        "cert-manager.io/cluster-issuer": "letsencrypt-production",
        "external-dns.alpha.kubernetes.io/hostname": host,
        "nginx.ingress.kubernetes.io/cors-allow-origin": "https://*.example.com",
        "nginx.ingress.kubernetes.io/proxy-body-size": "8m",
        "nginx.ingress.kubernetes.io/proxy-read-timeout": "60",
        **({} if ingress_class else {"kubernetes.io/ingress.class": "nginx"}),
    }
    status = {"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}]}}
    return app_object(
        factory,
        app,
        app.name,
        kind="Ingress",
        api_version=NETWORKING,
        created=created,
        content={"spec": spec, "status": status},
        generation=1,
        annotations=annotations,
    )


def network_policy(
    factory: ObjectFactory, namespace: str, name: str, *, selector: Json, source: Json, created: str
) -> Json:
    """A NetworkPolicy that admits traffic from `source` (a peer), or none if that is empty."""
    spec = {
        "podSelector": {"matchLabels": selector} if selector else {},
        "ingress": [{"from": [source]}] if source else [],
        "policyTypes": ["Ingress"],
    }
    spec = {key: value for key, value in spec.items() if value or key == "podSelector"}
    applied = last_applied(
        "NetworkPolicy", NETWORKING, {"name": name, "namespace": namespace}, {"spec": spec}
    )
    meta = metadata(
        factory, name, created=created, namespace=namespace, generation=1, annotations={APPLIED: applied}
    )
    owned = {"f:metadata": fields_of({"annotations": meta["annotations"]}), "f:spec": fields_of(spec)}
    meta["managedFields"] = [managed("kubectl-client-side-apply", NETWORKING, created, owned)]
    return {"kind": "NetworkPolicy", "apiVersion": NETWORKING, "metadata": meta, "spec": spec}


def ingress_class(factory: ObjectFactory, name: str, *, default: bool, created: str) -> Json:
    annotations = {"ingressclass.kubernetes.io/is-default-class": "true"} if default else None
    meta = metadata(factory, name, created=created, generation=1, annotations=annotations)
    meta["managedFields"] = [managed("helm", NETWORKING, created, {"f:spec": {"f:controller": {}}})]
    controller = f"k8s.io/ingress-{name}"
    return {
        "kind": "IngressClass",
        "apiVersion": NETWORKING,
        "metadata": meta,
        "spec": {"controller": controller},
    }
