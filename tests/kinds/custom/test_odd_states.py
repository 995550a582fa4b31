"""What objects of kinds with a rule say in odd states: suspended, being deleted, paused, never reconciled, behind.

The objects have generation 2; `STALE` among the conditions speaks of the first.
"""

from __future__ import annotations

from typing import Any

import pytest

from astrolabe.cli.explain import Explainer
from astrolabe.cli.manifests import Document
from astrolabe.kinds.custom.rulebook import RuleBook
from tests.kinds.custom.support import Json
from tests.kinds.custom.test_operators import cond, said

GONE = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x/y"]}
R = "Ready"
P = "Pending"
E = "Error"
U = "Unknown"
READY = said(cond("Ready"))
STALE = said(cond("Ready", observedGeneration=1))
BEHIND = said(cond("Ready"), observedGeneration=1)


def suspended(**more: Any) -> Json:
    return {"suspend": True, **more}


#: (apiVersion, kind, what is so, spec, status, metadata, level)
CASES: list[tuple[str, str, str, Json, Json | None, Json, str]] = [
    ("cert-manager.io/v1", "Certificate", "ready", {"secretName": "s"}, READY, {}, R),
    ("cert-manager.io/v1", "Certificate", "never reconciled", {"secretName": "s"}, None, {}, P),
    ("cert-manager.io/v1", "Certificate", "being deleted", {"secretName": "s"}, READY, GONE, P),
    ("cert-manager.io/v1", "Certificate", "behind", {"secretName": "s"}, STALE, {}, P),
    ("cert-manager.io/v1", "Certificate", "issues", {"secretName": "s"}, said(cond("Ready", "False", "DoesNotExist"), cond("Issuing")), {}, P),
    ("cert-manager.io/v1", "Certificate", "failed", {"secretName": "s"}, said(cond("Ready", "False", "DoesNotExist"), cond("Issuing", "False", "Failed"), failedIssuanceAttempts=2), {}, E),
    ("cert-manager.io/v1", "CertificateRequest", "denied", {}, said(cond("Denied"), cond("Ready", "False", "Denied")), {}, E),
    ("cert-manager.io/v1", "CertificateRequest", "waits", {}, said(cond("Approved"), cond("Ready", "False", "Pending")), {}, P),
    ("cert-manager.io/v1", "Issuer", "fails", {}, said(cond("Ready", "False", "ErrRegisterACMEAccount")), {}, E),
    ("cert-manager.io/v1", "ClusterIssuer", "never reconciled", {}, None, {}, P),
    ("acme.cert-manager.io/v1", "Order", "valid", {}, {"state": "valid"}, {}, R),
    ("acme.cert-manager.io/v1", "Order", "errored", {}, {"state": "errored", "reason": "429"}, {}, E),
    ("acme.cert-manager.io/v1", "Challenge", "pending", {}, {"state": "pending", "presented": True, "processing": True}, {}, P),
    ("acme.cert-manager.io/v1", "Challenge", "expired", {}, {"state": "expired"}, {}, E),
    ("external-secrets.io/v1", "ExternalSecret", "ready", {}, said(cond("Ready", reason="SecretSynced")), {}, R),
    ("external-secrets.io/v1beta1", "ExternalSecret", "fails", {}, said(cond("Ready", "False", "SecretSyncedError")), {}, E),
    ("external-secrets.io/v1", "ExternalSecret", "never reconciled", {}, None, {}, P),
    ("external-secrets.io/v1", "SecretStore", "invalid", {}, said(cond("Ready", "False", "InvalidProviderConfig")), {}, E),
    ("source.toolkit.fluxcd.io/v1", "GitRepository", "suspended", suspended(), said(cond("Ready", "False", "GitOperationFailed"), observedGeneration=2), {}, P),
    ("source.toolkit.fluxcd.io/v1", "GitRepository", "ready", {}, said(cond("Ready", observedGeneration=2), observedGeneration=2), {}, R),
    ("source.toolkit.fluxcd.io/v1", "GitRepository", "behind", {}, BEHIND, {}, P),
    ("source.toolkit.fluxcd.io/v1", "GitRepository", "never reconciled", {}, {"observedGeneration": -1}, {}, P),
    ("source.toolkit.fluxcd.io/v1", "OCIRepository", "fetch failed", {}, said(cond("FetchFailed"), cond("Ready", "False", "OCIPullFailed"), observedGeneration=2), {}, E),
    ("source.toolkit.fluxcd.io/v1", "HelmRepository", "of type oci has no status", {"type": "oci"}, None, {}, R),
    ("source.toolkit.fluxcd.io/v1", "HelmChart", "ready", {}, said(cond("Ready"), observedGeneration=2), {}, R),
    ("source.toolkit.fluxcd.io/v1", "Bucket", "stalled", {}, said(cond("Stalled"), cond("Ready", "False"), observedGeneration=2), {}, E),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "suspended", suspended(), READY, {}, P),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "reconciles", {}, said(cond("Reconciling"), cond("Ready", "Unknown", "Progressing"), observedGeneration=2), {}, P),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "health check failed", {}, said(cond("Ready", "False", "HealthCheckFailed"), observedGeneration=2), {}, E),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "a dependency is not ready", {}, said(cond("Ready", "False", "DependencyNotReady"), observedGeneration=2), {}, P),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "released", {}, said(cond("Ready", reason="UpgradeSucceeded"), cond("Released"), observedGeneration=2), {}, R),
    ("helm.toolkit.fluxcd.io/v2beta2", "HelmRelease", "failed", {}, said(cond("Ready", "False", "InstallFailed"), cond("Released", "False", "InstallFailed"), observedGeneration=2), {}, E),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "suspended", suspended(), said(cond("Ready", "False", "InstallFailed"), observedGeneration=2), {}, P),
    ("argoproj.io/v1alpha1", "Application", "healthy", {}, {"health": {"status": "Healthy"}, "sync": {"status": "Synced"}}, {}, R),
    ("argoproj.io/v1alpha1", "Application", "degraded", {}, {"health": {"status": "Degraded"}, "sync": {"status": "Synced"}}, {}, E),
    ("argoproj.io/v1alpha1", "Application", "missing", {}, {"health": {"status": "Missing"}, "sync": {"status": "OutOfSync"}}, {}, P),
    ("argoproj.io/v1alpha1", "Application", "never reconciled", {}, None, {}, P),
    ("argoproj.io/v1alpha1", "Application", "being deleted", {}, {"health": {"status": "Healthy"}, "sync": {"status": "Synced"}}, GONE, P),
    ("argoproj.io/v1alpha1", "Application", "an unknown word", {}, {"health": {"status": "Flummoxed"}, "sync": {"status": "Synced"}}, {}, U),
    ("argoproj.io/v1alpha1", "Rollout", "paused by its strategy", {}, {"phase": "Paused", "observedGeneration": "2", "pauseConditions": [{"reason": "CanaryPauseStep"}]}, {}, P),
    ("argoproj.io/v1alpha1", "Rollout", "behind", {"replicas": 1}, {"phase": "Healthy", "observedGeneration": "1"}, {}, P),
    ("argoproj.io/v1alpha1", "Rollout", "degraded", {"replicas": 1}, {"phase": "Degraded", "observedGeneration": "2", "abort": True}, {}, E),
    ("argoproj.io/v1alpha1", "Workflow", "runs", {}, {"phase": "Running"}, {}, P),
    ("argoproj.io/v1alpha1", "Workflow", "suspended", suspended(), {"phase": "Running"}, {}, P),
    ("argoproj.io/v1alpha1", "Workflow", "failed", {}, {"phase": "Failed"}, {}, E),
    ("argoproj.io/v1alpha1", "Workflow", "done", {}, {"phase": "Succeeded"}, {}, R),
    ("argoproj.io/v1alpha1", "CronWorkflow", "suspended", suspended(schedule="* * * * *"), {}, {}, P),
    ("keda.sh/v1alpha1", "ScaledObject", "active", {}, said(cond("Ready", reason="ScaledObjectReady"), cond("Active"), cond("Fallback", "False"), cond("Paused", "Unknown")), {}, R),
    ("keda.sh/v1alpha1", "ScaledObject", "idle", {}, said(cond("Ready"), cond("Active", "False", "ScalerNotActive"), cond("Fallback", "False")), {}, R),
    ("keda.sh/v1alpha1", "ScaledObject", "paused", {}, said(cond("Ready"), cond("Paused")), {}, P),
    ("keda.sh/v1alpha1", "ScaledObject", "paused by its annotation", {}, said(cond("Ready", "False", "Failed")), {"annotations": {"autoscaling.keda.sh/paused": "true"}}, P),
    ("keda.sh/v1alpha1", "ScaledObject", "falls back", {}, said(cond("Ready"), cond("Fallback")), {}, E),
    ("keda.sh/v1alpha1", "ScaledJob", "fails", {}, said(cond("Ready", "False", "ScaledJobCheckFailed")), {}, E),
    ("serving.knative.dev/v1", "Service", "ready", {}, said(cond("Ready"), cond("ConfigurationsReady"), cond("RoutesReady"), observedGeneration=2), {}, R),
    ("serving.knative.dev/v1", "Service", "the revision is missing", {}, said(cond("Ready", "False", "RevisionMissing"), cond("ConfigurationsReady", "False", "RevisionFailed"), observedGeneration=2), {}, E),
    ("serving.knative.dev/v1", "Service", "comes up", {}, said(cond("Ready", "Unknown"), observedGeneration=2), {}, P),
    ("serving.knative.dev/v1", "Revision", "idle", {}, said(cond("Ready"), cond("Active", "False", "NoTraffic"), observedGeneration=2), {}, R),
    ("serving.knative.dev/v1", "Route", "behind", {}, BEHIND, {}, P),
    ("postgresql.cnpg.io/v1", "Cluster", "healthy", {"instances": 3}, {"phase": "Cluster in healthy state", "instances": 3, "readyInstances": 3, "conditions": [cond("Ready")]}, {}, R),
    ("postgresql.cnpg.io/v1", "Cluster", "one is not ready", {"instances": 3}, {"phase": "Waiting for the instances to become active", "instances": 3, "readyInstances": 2, "conditions": [cond("Ready", "False", "ClusterIsNotReady")]}, {}, P),
    ("postgresql.cnpg.io/v1", "Cluster", "hibernated", {"instances": 1}, {"phase": "Cluster in healthy state", "instances": 1, "readyInstances": 0, "conditions": [cond("cnpg.io/hibernation", "True", "Hibernated")]}, {"annotations": {"cnpg.io/hibernation": "on"}}, P),
    ("postgresql.cnpg.io/v1", "Cluster", "cannot be recovered", {"instances": 1}, {"phase": "Cluster is unrecoverable and needs manual intervention", "instances": 1}, {}, E),
    ("postgresql.cnpg.io/v1", "Backup", "failed", {}, {"phase": "failed", "error": "no bucket"}, {}, E),
    ("postgresql.cnpg.io/v1", "Backup", "runs", {}, {"phase": "running"}, {}, P),
    ("postgresql.cnpg.io/v1", "ScheduledBackup", "suspended", suspended(), {}, {}, P),
    ("postgresql.cnpg.io/v1", "Pooler", "has instances", {"instances": 1}, {"instances": 1}, {}, R),
    ("kafka.strimzi.io/v1beta2", "Kafka", "ready", {}, said(cond("Ready"), observedGeneration=2), {}, R),
    ("kafka.strimzi.io/v1beta2", "Kafka", "paused", {}, said(cond("ReconciliationPaused"), observedGeneration=2), {"annotations": {"strimzi.io/pause-reconciliation": "true"}}, P),
    ("kafka.strimzi.io/v1beta2", "Kafka", "not ready", {}, said(cond("NotReady", reason="FatalProblem"), observedGeneration=2), {}, E),
    ("kafka.strimzi.io/v1beta2", "KafkaTopic", "behind", {}, BEHIND, {}, P),
    ("kafka.strimzi.io/v1beta2", "KafkaUser", "never reconciled", {}, None, {}, P),
    ("kafka.strimzi.io/v1beta2", "KafkaConnector", "a task failed", {}, said(cond("NotReady", reason="Throwable"), observedGeneration=2), {}, E),
    ("pkg.crossplane.io/v1", "Provider", "healthy", {}, said(cond("Installed", reason="ActivePackageRevision"), cond("Healthy", reason="HealthyPackageRevision")), {}, R),
    ("pkg.crossplane.io/v1", "Provider", "unhealthy", {}, said(cond("Installed"), cond("Healthy", "False", "UnhealthyPackageRevision")), {}, E),
    ("apiextensions.crossplane.io/v1", "CompositeResourceDefinition", "offered", {}, said(cond("Established", reason="WatchingCompositeResource"), cond("Offered", reason="WatchingCompositeResourceClaim")), {}, R),
    ("cluster.x-k8s.io/v1beta1", "Cluster", "provisioned", {}, {"phase": "Provisioned", "conditions": [cond("Ready"), cond("ControlPlaneReady"), cond("InfrastructureReady")], "observedGeneration": 2}, {}, R),
    ("cluster.x-k8s.io/v1beta1", "Cluster", "paused", {"paused": True}, {"phase": "Provisioned", "conditions": [cond("Ready", "False", "Failed")], "observedGeneration": 2}, {}, P),
    ("cluster.x-k8s.io/v1beta1", "Machine", "failed", {}, {"phase": "Failed", "failureReason": "CreateError"}, {}, E),
    ("cluster.x-k8s.io/v1beta1", "Machine", "provisions", {}, {"phase": "Provisioning"}, {}, P),
    ("cluster.x-k8s.io/v1beta1", "MachineDeployment", "scales up", {"replicas": 3}, {"phase": "ScalingUp", "replicas": 3, "readyReplicas": 1, "observedGeneration": 2}, {}, P),
    ("monitoring.coreos.com/v1", "Prometheus", "available", {}, said(cond("Available", observedGeneration=2), cond("Reconciled", observedGeneration=2)), {}, R),
    ("monitoring.coreos.com/v1", "Prometheus", "degraded", {}, said(cond("Available", "Degraded", "SomePodsNotReady", observedGeneration=2), cond("Reconciled", observedGeneration=2)), {}, E),
    ("monitoring.coreos.com/v1", "Prometheus", "paused", {"paused": True}, said(cond("Available", observedGeneration=2)), {}, P),
    ("monitoring.coreos.com/v1", "Alertmanager", "cannot be reconciled", {}, said(cond("Available"), cond("Reconciled", "False", "ReconciliationFailed")), {}, E),
    ("karpenter.sh/v1", "NodePool", "ready", {}, said(cond("Ready"), cond("NodeClassReady"), cond("ValidationSucceeded")), {}, R),
    ("karpenter.sh/v1", "NodePool", "its class is not ready", {}, said(cond("Ready", "False", "UnhealthyDependents"), cond("NodeClassReady", "False", "NodeClassNotReady")), {}, E),
    ("karpenter.sh/v1", "NodeClaim", "is launched", {}, said(cond("Launched"), cond("Registered", "Unknown", "NodeNotFound"), cond("Ready", "Unknown", "ReconcilingDependents")), {}, P),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshot", "ready", {}, {"readyToUse": True}, {}, R),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshot", "not yet", {}, {"readyToUse": False}, {}, P),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshot", "failed", {}, {"readyToUse": False, "error": {"message": "no such volume"}}, {}, E),
    ("velero.io/v1", "Backup", "completed", {}, {"phase": "Completed"}, {}, R),
    ("velero.io/v1", "Backup", "failed in part", {}, {"phase": "PartiallyFailed", "errors": 2}, {}, E),
    ("velero.io/v1", "Backup", "is new", {}, {"phase": "New"}, {}, P),
    ("velero.io/v1", "Restore", "an unknown word is one of a run that is not over", {}, {"phase": "Flummoxed"}, {}, P),
    ("velero.io/v1", "Schedule", "paused", {"paused": True}, {"phase": "Enabled"}, {}, P),
    ("velero.io/v1", "BackupStorageLocation", "unavailable", {}, {"phase": "Unavailable"}, {}, E),
    ("bitnami.com/v1alpha1", "SealedSecret", "synced", {}, said(cond("Synced"), observedGeneration=2), {}, R),
    ("bitnami.com/v1alpha1", "SealedSecret", "cannot be opened", {}, said(cond("Synced", "False", message="no key could decrypt secret"), observedGeneration=2), {}, E),
    ("kyverno.io/v1", "ClusterPolicy", "ready", {}, said(cond("Ready", reason="Succeeded"), ready=True), {}, R),
    ("kyverno.io/v1", "ClusterPolicy", "not ready", {}, said(cond("Ready", "False", "Failed")), {}, E),
    ("externaldns.k8s.io/v1alpha1", "DNSEndpoint", "behind", {}, {"observedGeneration": 1}, {}, P),
    ("externaldns.k8s.io/v1alpha1", "DNSEndpoint", "observed", {}, {"observedGeneration": 2}, {}, R),
    ("gateway.networking.k8s.io/v1", "Gateway", "programmed", {}, said(cond("Accepted", observedGeneration=2), cond("Programmed", observedGeneration=2)), {}, R),
    ("gateway.networking.k8s.io/v1", "Gateway", "waits for a controller", {}, said(cond("Accepted", "Unknown", "Pending"), cond("Programmed", "Unknown", "Pending")), {}, P),
    ("gateway.networking.k8s.io/v1", "Gateway", "behind", {}, said(cond("Accepted", observedGeneration=1), cond("Programmed", observedGeneration=1)), {}, P),
    ("gateway.networking.k8s.io/v1beta1", "GatewayClass", "of a controller unknown", {}, said(cond("Accepted", "False", "Unsupported")), {}, E),
    ("gateway.networking.k8s.io/v1", "HTTPRoute", "has no parents", {}, {"parents": []}, {}, P),
    ("gateway.networking.k8s.io/v1", "HTTPRoute", "backend not found", {}, {"parents": [{"parentRef": {"name": "g"}, "conditions": [cond("Accepted"), cond("ResolvedRefs", "False", "BackendNotFound")]}]}, {}, E),
    ("networking.istio.io/v1", "VirtualService", "its hosts are judged, and are not in the file", {}, said(cond("Reconciled")), {}, U),
]  # fmt: skip

EXPLAINER = Explainer(RuleBook.shipped())


@pytest.mark.parametrize(("version", "kind", "so", "spec", "status", "meta", "level"), CASES)
def test_level(
    version: str, kind: str, so: str, spec: Json, status: Json | None, meta: Json, level: str
) -> None:
    manifest = {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "x", "namespace": "shop", "uid": "u", "generation": 2, **meta},
        "spec": spec,
    } | ({"status": status} if status is not None else {})
    found = EXPLAINER.explain(Document(1, manifest))
    assert found.rule
    assert found.status == level, f"{so}: {found.status} {found.reason} by {found.decided_by}"
