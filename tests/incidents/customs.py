"""Incidents: Of certificates, secret stores, and what applies objects."""

from __future__ import annotations

from typing import Any

from tests.incidents.made import (
    APP,
    JUST_NOW,
    MADE,
    MadeCluster,
    condition,
    running,
    waiting,
)
from tests.incidents.registry import case

Json = dict[str, Any]


_CRASH = {"exitCode": 1, "reason": "Error"}


_WEB = "Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web"


_HELM = "HelmRelease.helm.toolkit.fluxcd.io"


def _mounting_secret(c: MadeCluster, secret: str) -> None:
    spec = {"containers": [APP], "volumes": [{"name": "s", "secret": {"secretName": secret}}]}
    c.workload("web", waiting("ContainerCreating", spec=spec), template=spec)
    c.warn(
        "Pod/web-0", "FailedMount", f'MountVolume.SetUp failed for volume "s" : secret "{secret}" not found'
    )


def _certificate(c: MadeCluster, issuer_kind: str = "Issuer") -> None:
    why = "Issuing certificate as Secret does not exist"
    issuer = {"group": "cert-manager.io", "kind": issuer_kind, "name": "ca"}
    c.custom(
        "Certificate.cert-manager.io",
        "web",
        spec={"secretName": "web-tls", "issuerRef": issuer, "dnsNames": ["web.example"]},
        status={
            "conditions": [
                condition("Ready", "False", "DoesNotExist", why),
                condition("Issuing", "True", "DoesNotExist", why),
            ],
            "nextPrivateKeySecretName": "web-abc",
        },
    )
    c.custom(
        "CertificateRequest.cert-manager.io",
        "web-1",
        owner="Certificate/web",
        spec={"issuerRef": issuer},
        status={
            "conditions": [
                condition("Approved", "True", "cert-manager.io", "approved"),
                condition(
                    "Ready", "False", "Pending", "Referenced issuer does not have a Ready status condition"
                ),
            ]
        },
    )


@case(
    "Error NotFound: missing Secret ca-key-pair > Certificate web, CertificateRequest web-1, Deployment web, "
    "EndpointSlice web-x, Issuer ca, Pod web-0, ReplicaSet web-5d, Service web, missing Secret web-tls"
)
def secret_of_a_certificate_whose_issuer_lacks_its_key(c: MadeCluster) -> None:
    _mounting_secret(c, "web-tls")
    _certificate(c)
    said = 'Error getting keypair for CA issuer: secrets "ca-key-pair" not found'
    c.custom(
        "Issuer.cert-manager.io",
        "ca",
        spec={"ca": {"secretName": "ca-key-pair"}},
        status={"conditions": [condition("Ready", "False", "ErrGetKeyPair", said)]},
    )


@case(
    "Error ErrRegisterACMEAccount: ClusterIssuer ca > Certificate web, CertificateRequest web-1, "
    "Deployment web, EndpointSlice web-x, Pod web-0, ReplicaSet web-5d, Service web, missing Secret account, "
    "missing Secret web-tls"
)
def secret_of_a_certificate_whose_issuer_is_refused(c: MadeCluster) -> None:
    _mounting_secret(c, "web-tls")
    _certificate(c, "ClusterIssuer")
    said = "Failed to register ACME account: 403 urn:ietf:params:acme:error:unauthorized"
    c.custom(
        "ClusterIssuer.cert-manager.io",
        "ca",
        cluster=True,
        spec={"acme": {"server": "https://acme.example", "privateKeySecretRef": {"name": "account"}}},
        status={"conditions": [condition("Ready", "False", "ErrRegisterACMEAccount", said)]},
    )


def _external_secret(c: MadeCluster, said: str) -> None:
    c.workload(
        "web",
        waiting("CreateContainerConfigError", 'secret "db" not found', spec=_reading("db")),
        template=_reading("db"),
    )
    c.warn("Pod/web-0", "Failed", 'Error: secret "db" not found')
    c.custom(
        "ExternalSecret.external-secrets.io",
        "db",
        spec={"secretStoreRef": {"kind": "SecretStore", "name": "vault"}, "target": {"name": "db"}},
        status={"conditions": [condition("Ready", "False", "SecretSyncedError", said)]},
    )


def _reading(secret: str) -> Json:
    env = [{"name": "P", "valueFrom": {"secretKeyRef": {"name": secret, "key": "p"}}}]
    return {"containers": [{**APP, "env": env}]}


@case(
    "Error InvalidProviderConfig: SecretStore vault > Deployment web, EndpointSlice web-x, ExternalSecret db, "
    "Pod web-0, ReplicaSet web-5d, Service web, missing Secret db"
)
def secret_of_a_store_that_is_refused(c: MadeCluster) -> None:
    _external_secret(c, "could not get provider client: unable to log in to auth method: permission denied")
    said = "unable to validate store: unable to log in to auth method: permission denied"
    c.custom(
        "SecretStore.external-secrets.io",
        "vault",
        spec={"provider": {"vault": {"server": "https://vault.example"}}},
        status={"conditions": [condition("Ready", "False", "InvalidProviderConfig", said)]},
    )


@case(
    "Error SecretSyncedError: ExternalSecret db > Deployment web, EndpointSlice web-x, Pod web-0, "
    "ReplicaSet web-5d, Service web, missing Secret db"
)
def secret_that_its_store_has_not(c: MadeCluster) -> None:
    _external_secret(c, "could not get secret data from provider: Secret does not exist")
    c.custom(
        "SecretStore.external-secrets.io",
        "vault",
        spec={"provider": {"vault": {"server": "https://vault.example"}}},
        status={"conditions": [condition("Ready", "True", "Valid", "store validated")]},
    )


@case(
    "Error NotFound: missing SecretStore.external-secrets.io vault > Deployment web, EndpointSlice web-x, "
    "ExternalSecret db, Pod web-0, ReplicaSet web-5d, Service web, missing Secret db"
)
def secret_of_a_store_that_does_not_exist(c: MadeCluster) -> None:
    c.custom(
        "SecretStore.external-secrets.io",
        "other",
        spec={},
        status={"conditions": [condition("Ready", "True", "Valid", "store validated")]},
    )
    _external_secret(
        c, 'could not get SecretStore "vault", SecretStore.external-secrets.io "vault" not found'
    )


@case(
    "Error NotSynced: SealedSecret db > Deployment web, EndpointSlice web-x, Pod web-0, ReplicaSet web-5d, "
    "Service web, missing Secret db"
)
def sealed_secret_of_another_key(c: MadeCluster) -> None:
    c.workload(
        "web",
        waiting("CreateContainerConfigError", 'secret "db" not found', spec=_reading("db")),
        template=_reading("db"),
    )
    c.custom(
        "SealedSecret.bitnami.com",
        "db",
        version="v1alpha1",
        spec={"template": {"metadata": {"name": "db"}}},
        status={
            "conditions": [
                {
                    "type": "Synced",
                    "status": "False",
                    "message": "no key could decrypt secret (p)",
                    "lastTransitionTime": MADE,
                    "lastUpdateTime": MADE,
                }
            ]
        },
    )


_IN_HELM = {
    "labels": {
        "app.kubernetes.io/managed-by": "Helm",
        "helm.toolkit.fluxcd.io/name": "web",
        "helm.toolkit.fluxcd.io/namespace": "shop",
    },
    "annotations": {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"},
}


def _of_helm(c: MadeCluster, *kinds: str) -> None:
    """What Helm applied says so."""
    for each in c.manifests():
        if each["kind"] in kinds and each["metadata"]["name"] == "web":
            for key, value in _IN_HELM.items():
                each["metadata"][key] = {**each["metadata"].get(key, {}), **value}


def _helm_release(c: MadeCluster, reason: str, said: str, **status: Any) -> None:
    c.custom(
        _HELM,
        "web",
        version="v2",
        spec={"chart": {"spec": {"chart": "web", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}},
        status={
            "conditions": [
                condition("Ready", "False", reason, said),
                condition("Released", "False", reason, said),
            ],
            **status,
        },
    )
    c.custom(
        "HelmRepository.source.toolkit.fluxcd.io",
        "charts",
        spec={},
        status={"conditions": [condition("Ready", "True", "Succeeded", "stored artifact")]},
    )


_TIMEOUT = (
    "Helm install failed for release shop/web with chart web@1.2.3: timeout waiting for: "
    "[Deployment/shop/web status: 'InProgress']"
)


def _revision(c: MadeCluster, status: str = "failed", name: str = "web") -> None:
    labels = {"owner": "helm", "name": name, "version": "1", "status": status}
    c.add("Secret", f"sh.helm.release.v1.{name}.v1", type="helm.sh/release.v1", meta={"labels": labels})


@case(
    "Error CrashLoopBackOff: Pod web-0 > Deployment web, EndpointSlice web-x, HelmRelease web, "
    "ReplicaSet web-5d, Secret sh.helm.release.v1.web.v1, Service web"
)
def helm_release_that_waited_for_a_pod(c: MadeCluster) -> None:
    c.crashing()
    _of_helm(c, "Deployment", "Service")
    entries = [{"id": "shop_web_apps_Deployment", "v": "v1"}, {"id": "shop_web__Service", "v": "v1"}]
    _helm_release(c, "InstallFailed", _TIMEOUT, inventory={"entries": entries})
    _revision(c)


@case(
    "Error CrashLoopBackOff: Pod web-0 > Deployment web, EndpointSlice web-x, HelmRelease web, "
    "ReplicaSet web-5d, Secret sh.helm.release.v1.web.v1, Service web"
)
def helm_release_without_an_inventory(c: MadeCluster) -> None:
    c.crashing()
    _of_helm(c, "Deployment", "Service")
    _helm_release(c, "InstallFailed", _TIMEOUT)
    _revision(c)


@case("Error InstallFailed: HelmRelease web > Secret sh.helm.release.v1.web.v1")
def helm_release_that_cannot_be_rendered(c: MadeCluster) -> None:
    c.workload("other", running())
    said = "Helm install failed for release shop/web with chart web@1.2.3: execution error at (web/templates/d.yaml:3:4): image.tag is required"
    _helm_release(c, "InstallFailed", said)
    _revision(c)


def _application(c: MadeCluster, **status: Any) -> None:
    resources = [
        {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "web"},
        {"version": "v1", "kind": "Service", "namespace": "shop", "name": "web"},
    ]
    c.custom(
        "Application.argoproj.io",
        "shop",
        version="v1alpha1",
        spec={
            "project": "default",
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "source": {"repoURL": "https://git.example/shop", "path": "."},
        },
        status={"resources": resources, **status},
    )
    c.custom("AppProject.argoproj.io", "default", version="v1alpha1", spec={})


@case(f"Error CrashLoopBackOff: Pod web-0 > Application shop, {_WEB}")
def application_degraded_by_a_pod(c: MadeCluster) -> None:
    c.crashing()
    _application(c, health={"status": "Degraded", "lastTransitionTime": MADE}, sync={"status": "Synced"})


@case(
    "Error CrashLoopBackOff: Pod rules-0 > Application shop, Deployment rules, EndpointSlice rules-x, "
    "ReplicaSet rules-5d, Service rules, ValidatingWebhookConfiguration rules"
)
def application_not_synced_for_want_of_a_webhook(c: MadeCluster) -> None:
    c.workload("web", running())
    said = (
        'one or more objects failed to apply, reason: Internal error occurred: failed calling webhook "v.rules": '
        'failed to call webhook: Post "https://rules.infra.svc:443/validate?timeout=10s": no endpoints available '
        'for service "rules"'
    )
    _application(
        c,
        health={"status": "Healthy"},
        sync={"status": "OutOfSync"},
        operationState={"phase": "Failed", "message": said},
    )
    c.into("infra")
    webhook(c)
    c.crashing("rules")


def webhook(c: MadeCluster, policy: str = "Fail") -> None:
    """A webhook whose Service is `rules` of this namespace."""
    called = {"service": {"namespace": c.namespace, "name": "rules", "path": "/validate"}}
    c.add(
        "ValidatingWebhookConfiguration",
        "rules",
        webhooks=[{"name": "v.rules", "failurePolicy": policy, "clientConfig": called}],
    )


def _kustomization(c: MadeCluster, name: str, reason: str, said: str, *entries: str, **spec: Any) -> None:
    kind = "Kustomization.kustomize.toolkit.fluxcd.io"
    c.custom(
        kind,
        name,
        spec={"sourceRef": {"kind": "GitRepository", "name": "repo"}, **spec},
        status={
            "conditions": [condition("Ready", "False", reason, said)],
            "inventory": {"entries": [{"id": each, "v": "v1"} for each in entries]},
        },
    )
    if "repo" not in [each["metadata"]["name"] for each in c.manifests()]:
        c.custom(
            "GitRepository.source.toolkit.fluxcd.io",
            "repo",
            spec={},
            status={"conditions": [condition("Ready", "True", "Succeeded", "stored artifact")]},
        )


@case(
    "Error CrashLoopBackOff: Pod web-0 > Deployment web, EndpointSlice web-x, Kustomization apps, "
    "ReplicaSet web-5d, Service web"
)
def kustomization_that_waits_for_a_pod(c: MadeCluster) -> None:
    c.crashing()
    said = "timeout waiting for: [Deployment/shop/web status: 'InProgress']"
    _kustomization(c, "apps", "HealthCheckFailed", said, "shop_web_apps_Deployment", "shop_web__Service")


@case("Error BuildFailed: Kustomization base > Kustomization apps")
def kustomization_whose_dependency_fails(c: MadeCluster) -> None:
    _kustomization(c, "base", "BuildFailed", "kustomize build failed: accumulating resources: no such file")
    _kustomization(
        c, "apps", "DependencyNotReady", "dependency 'shop/base' is not ready", dependsOn=[{"name": "base"}]
    )


@case("Error ReconciliationFailed: Kustomization apps")
def kustomization_that_the_api_server_refuses(c: MadeCluster) -> None:
    c.workload("web", running())
    said = 'Deployment/shop/web dry-run failed (Invalid): Deployment.apps "web" is invalid: spec.selector: field is immutable'
    _kustomization(c, "apps", "ReconciliationFailed", said, "shop_web_apps_Deployment")


@case()
def well_certificate_that_is_renewed(c: MadeCluster) -> None:
    c.add("Secret", "web-tls", type="kubernetes.io/tls")
    c.custom(
        "Certificate.cert-manager.io",
        "web",
        spec={"secretName": "web-tls", "issuerRef": {"kind": "Issuer", "name": "ca"}},
        status={
            "conditions": [
                condition("Ready", "True", "Ready", "Certificate is up to date and has not expired"),
                condition(
                    "Issuing", "True", "Renewing", "Renewing certificate as renewal was scheduled", JUST_NOW
                ),
            ]
        },
    )
    c.custom(
        "Issuer.cert-manager.io",
        "ca",
        spec={"selfSigned": {}},
        status={"conditions": [condition("Ready", "True", "IsReady", "")]},
    )


@case()
def well_flux_suspended(c: MadeCluster) -> None:
    _kustomization(c, "apps", "ReconciliationFailed", "failed before it was suspended", suspend=True)
