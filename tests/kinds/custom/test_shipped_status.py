"""What the rules that ship make of objects as their controllers write them, with the field that decided."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.entry import entry_of
from astrolabe.kinds.custom.rulebook import RuleBook
from tests.kinds.custom.support import Json
from tests.kinds.custom.test_operators import cond, said

BOOK = RuleBook.shipped()
FLUX_OK = cond(
    "Ready", reason="ReconciliationSucceeded", message="Applied revision: main@sha1:abc", observedGeneration=1
)

#: (kind, what is so, spec, status, level, reason)
CASES: list[tuple[str, str, Json, Json, str, str]] = [
    # cert-manager
    ("Certificate.cert-manager.io", "expired", {}, said(cond("Ready", "False", "Expired", "Certificate expired on 1 Jan 2026"), notAfter="2026-01-01T00:00:00Z"), "Error", "Expired"),
    ("Certificate.cert-manager.io", "renews in time", {}, said(cond("Ready", reason="Ready"), cond("Issuing", reason="Renewing")), "Pending", "Renewing"),
    ("Certificate.cert-manager.io", "first issuance", {}, said(cond("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"), cond("Issuing", reason="DoesNotExist")), "Pending", "DoesNotExist"),
    ("CertificateRequest.cert-manager.io", "approved and ready", {}, said(cond("Approved", reason="cert-manager.io"), cond("Ready", reason="Issued")), "Ready", "Issued"),
    ("CertificateRequest.cert-manager.io", "of before approvals", {}, said(cond("Ready", reason="Issued")), "Ready", "Issued"),
    ("CertificateRequest.cert-manager.io", "failed", {}, said(cond("Approved"), cond("Ready", "False", "Failed", "the order is invalid")), "Error", "Failed"),
    ("Issuer.cert-manager.io", "no key", {}, said(cond("Ready", "False", "ErrGetKeyPair", 'Error getting keypair for CA issuer: secret "ca" not found')), "Error", "ErrGetKeyPair"),
    ("Challenge.acme.cert-manager.io", "waits for DNS", {}, {"state": "pending", "presented": True, "processing": True, "reason": "Waiting for DNS-01 challenge propagation"}, "Pending", "Pending"),
    ("Challenge.acme.cert-manager.io", "not begun", {}, {}, "Pending", "NoStatus"),
    ("Order.acme.cert-manager.io", "invalid", {}, {"state": "invalid", "reason": "no such domain"}, "Error", "Invalid"),
    # Flux
    ("HelmRepository.source.toolkit.fluxcd.io", "of OCI", {"type": "oci", "url": "oci://x"}, {}, "Ready", "Static"),
    ("HelmRepository.source.toolkit.fluxcd.io", "of HTTP without a status", {"url": "https://x"}, {}, "Pending", "NoStatus"),
    ("GitRepository.source.toolkit.fluxcd.io", "no access", {}, said(cond("FetchFailed", reason="GitOperationFailed", message="authentication required"), cond("Ready", "False", "GitOperationFailed")), "Error", "GitOperationFailed"),
    ("OCIRepository.source.toolkit.fluxcd.io", "fine", {}, said(cond("Ready", reason="Succeeded"), cond("ArtifactInStorage")), "Ready", "Succeeded"),
    ("Kustomization.kustomize.toolkit.fluxcd.io", "fine", {}, said(FLUX_OK), "Ready", "ReconciliationSucceeded"),
    ("Kustomization.kustomize.toolkit.fluxcd.io", "a check fails", {}, said(cond("Ready", "False", "HealthCheckFailed", "timeout waiting for: [Deployment/shop/web status: 'InProgress']")), "Error", "HealthCheckFailed"),
    ("Kustomization.kustomize.toolkit.fluxcd.io", "cannot build", {}, said(cond("Ready", "False", "BuildFailed", "kustomization path not found")), "Error", "BuildFailed"),
    ("Kustomization.kustomize.toolkit.fluxcd.io", "suspended while failing", {"suspend": True}, said(cond("Ready", "False", "BuildFailed")), "Pending", "Suspended"),
    ("HelmRelease.helm.toolkit.fluxcd.io", "upgrade fails", {}, said(cond("Released", "False", "UpgradeFailed", "timed out"), cond("Ready", "False", "UpgradeFailed", "timed out")), "Error", "UpgradeFailed"),
    ("HelmRelease.helm.toolkit.fluxcd.io", "fine", {}, said(cond("Ready", reason="UpgradeSucceeded"), cond("Released", reason="UpgradeSucceeded")), "Ready", "UpgradeSucceeded"),
    # Argo
    ("Application.argoproj.io", "degraded, without a message", {}, {"health": {"status": "Degraded"}, "sync": {"status": "Synced"}, "resources": [{"kind": "Deployment", "name": "web", "health": {"status": "Degraded", "message": "exceeded its progress deadline"}}]}, "Error", "Degraded"),
    ("Application.argoproj.io", "syncs", {}, {"health": {"status": "Healthy"}, "operationState": {"phase": "Running", "message": "waiting for completion of hook"}}, "Pending", "Syncing"),
    ("Rollout.argoproj.io", "aborted", {"replicas": 3}, {"phase": "Degraded", "message": "RolloutAborted: Rollout aborted update to revision 2", "abort": True, "observedGeneration": "1"}, "Error", "Degraded"),
    ("CronWorkflow.argoproj.io", "stopped", {}, {"phase": "Stopped"}, "Pending", "Suspended"),
    # Gateway API
    ("Gateway.gateway.networking.k8s.io", "nobody programs it yet", {}, said(cond("Accepted", "Unknown", "Pending", "Waiting for controller"), cond("Programmed", "Unknown", "Pending", "Waiting for controller")), "Pending", "Pending"),
    ("Gateway.gateway.networking.k8s.io", "invalid", {}, said(cond("Accepted", "False", "InvalidParameters", "no such parameters")), "Error", "InvalidParameters"),
    ("HTTPRoute.gateway.networking.k8s.io", "no backend", {}, {"parents": [{"parentRef": {"name": "gw"}, "conditions": [cond("Accepted"), cond("ResolvedRefs", "False", "BackendNotFound", "service web not found")]}]}, "Error", "BackendNotFound"),
    ("HTTPRoute.gateway.networking.k8s.io", "one of two parents says nothing", {}, {"parents": [{"parentRef": {"name": "gw"}, "conditions": [cond("Accepted")]}, {"parentRef": {"name": "other"}, "conditions": []}]}, "Pending", "NoAccepted"),
    ("KafkaConnector.kafka.strimzi.io", "no worker has it", {}, said(cond("Ready"), connectorStatus={"connector": {"state": "UNASSIGNED"}, "tasks": []}), "Pending", "ConnectorNotRunning"),
    ("KafkaConnector.kafka.strimzi.io", "a task restarts", {}, said(cond("Ready"), connectorStatus={"connector": {"state": "RUNNING"}, "tasks": [{"state": "RESTARTING"}]}), "Pending", "TaskNotRunning"),
    ("ClusterPolicy.kyverno.io", "of Kyverno before conditions", {}, {"ready": False}, "Error", "NotReady"),
    ("GatewayClass.gateway.networking.k8s.io", "no controller", {}, said(cond("Accepted", "Unknown", "Pending", "Waiting for controller")), "Pending", "Pending"),
    # KEDA
    ("ScaledObject.keda.sh", "idle", {}, said(cond("Ready", reason="ScaledObjectReady"), cond("Active", "False", "ScalerNotActive"), cond("Fallback", "False", "NoFallbackFound"), cond("Paused", "Unknown")), "Ready", "ScaledObjectReady"),
    ("ScaledObject.keda.sh", "no trigger", {}, said(cond("Ready", "False", "TriggerError", "Triggers defined in ScaledObject are not working correctly")), "Error", "TriggerError"),
    ("ScaledObject.keda.sh", "a trigger fails", {}, said(cond("Ready"), health={"s0-prometheus": {"status": "Failing", "numberOfFailures": 3}}), "Error", "TriggerFailing"),
    ("ScaledJob.keda.sh", "ready", {}, said(cond("Ready", reason="ScaledJobReady"), cond("Active", "False")), "Ready", "ScaledJobReady"),
    # Knative
    ("Revision.serving.knative.dev", "idle", {}, said(cond("Active", "False", "NoTraffic"), cond("ContainerHealthy"), cond("Ready"), cond("ResourcesAvailable")), "Ready", "Ready"),
    ("Route.serving.knative.dev", "no revision", {}, said(cond("AllTrafficAssigned", "False", "RevisionMissing", "Configuration x does not have any ready Revision"), cond("Ready", "False", "RevisionMissing")), "Error", "RevisionMissing"),
    ("Configuration.serving.knative.dev", "being made", {}, said(cond("Ready", "Unknown")), "Pending", "ReadyUnknown"),
    # CloudNativePG
    ("Cluster.postgresql.cnpg.io", "a replica is being made", {"instances": 3}, said(cond("Ready", "False", "ClusterIsNotReady", "Cluster Is Not Ready"), phase="Creating a new replica", instances=2, readyInstances=2), "Pending", "CreatingANewReplica"),
    ("Cluster.postgresql.cnpg.io", "lacks disk", {}, said(phase="Not enough disk space", phaseReason="Insufficient disk space detected in one or more pods", instances=3, readyInstances=0), "Error", "NotEnoughDiskSpace"),
    ("Backup.postgresql.cnpg.io", "runs", {}, {"phase": "running"}, "Pending", "Running"),
    ("ScheduledBackup.postgresql.cnpg.io", "suspended", {"suspend": True}, {}, "Pending", "Suspended"),
    ("Pooler.postgresql.cnpg.io", "runs", {"instances": 2}, {"instances": 2}, "Ready", "Ready"),
    # Strimzi
    ("Kafka.kafka.strimzi.io", "warns", {}, said(cond("Warning", reason="DeprecatedFields"), cond("Ready")), "Ready", "Ready"),
    ("Kafka.kafka.strimzi.io", "being made", {}, said(cond("NotReady", reason="Creating", message="Kafka cluster is being deployed")), "Pending", "Creating"),
    ("KafkaUser.kafka.strimzi.io", "no cluster", {}, said(cond("NotReady", reason="InvalidResourceException", message="no cluster label")), "Error", "InvalidResourceException"),
    ("KafkaRebalance.kafka.strimzi.io", "has a proposal", {}, said(cond("ProposalReady")), "Pending", "ProposalReady"),
    # Crossplane
    ("Provider.pkg.crossplane.io", "unpacks", {}, said(cond("Installed", "False", "UnpackingPackage"), cond("Healthy", "Unknown", "UnknownPackageRevisionHealth")), "Pending", "UnpackingPackage"),
    ("Function.pkg.crossplane.io", "healthy", {}, said(cond("Installed", reason="ActivePackageRevision"), cond("Healthy", reason="HealthyPackageRevision")), "Ready", "ActivePackageRevision"),
    ("Configuration.pkg.crossplane.io", "cannot be resolved", {}, said(cond("Installed"), cond("Healthy", "False", "UnhealthyPackageRevision", "cannot resolve package dependencies")), "Error", "UnhealthyPackageRevision"),
    ("CompositeResourceDefinition.apiextensions.crossplane.io", "established", {}, said(cond("Established", reason="WatchingCompositeResource"), cond("Offered", reason="WatchingCompositeResourceClaim")), "Ready", "WatchingCompositeResource"),
    # Cluster API
    ("MachineDeployment.cluster.x-k8s.io", "scales", {"replicas": 3}, said(cond("Available", "False", "NotAvailable"), phase="ScalingUp", replicas=2, readyReplicas=1), "Pending", "ScalingUp"),
    ("MachineDeployment.cluster.x-k8s.io", "runs", {"replicas": 3}, said(cond("Available"), cond("Ready"), phase="Running", replicas=3, readyReplicas=3), "Ready", "Running"),
    ("MachineSet.cluster.x-k8s.io", "lacks machines", {"replicas": 3}, said(cond("Ready"), replicas=3, readyReplicas=1), "Pending", "ReplicasNotReady"),
    ("KubeadmControlPlane.controlplane.cluster.x-k8s.io", "available", {"replicas": 3}, said(cond("Available"), cond("Initialized"), replicas=3, readyReplicas=3), "Ready", "Available"),
    ("MachineHealthCheck.cluster.x-k8s.io", "too many are ill", {}, said(cond("RemediationAllowed", "False", "TooManyUnhealthy", "unhealthy: 3, max: 40%"), expectedMachines=5, currentHealthy=2), "Error", "TooManyUnhealthy"),
    # Prometheus operator
    ("Prometheus.monitoring.coreos.com", "unknown", {}, said(cond("Available", "Unknown", "StatefulSetNotFound"), cond("Reconciled")), "Unknown", "StatefulSetNotFound"),
    ("Alertmanager.monitoring.coreos.com", "in part", {}, said(cond("Available", "Degraded", "SomePodsNotReady"), cond("Reconciled")), "Error", "SomePodsNotReady"),
    ("ThanosRuler.monitoring.coreos.com", "paused", {"paused": True}, said(cond("Available")), "Pending", "Paused"),
    # Karpenter
    ("NodePool.karpenter.sh", "no class", {}, said(cond("NodeClassReady", "False", "NodeClassNotFound", "not found on cluster"), cond("ValidationSucceeded"), cond("Ready", "False", "NodeClassNotFound")), "Error", "NodeClassNotFound"),
    ("NodePool.karpenter.sh", "fine", {}, said(cond("NodeClassReady"), cond("ValidationSucceeded"), cond("NodeRegistrationHealthy", "Unknown", "AwaitingReconciliation"), cond("Ready")), "Ready", "Ready"),
    ("NodeClaim.karpenter.sh", "drifted and ready", {}, said(cond("Launched"), cond("Registered"), cond("Initialized"), cond("Drifted", reason="NodePoolDrifted"), cond("Consolidatable"), cond("Ready")), "Ready", "Ready"),
    # Snapshots, Velero, Sealed Secrets
    ("VolumeSnapshot.snapshot.storage.k8s.io", "fails", {}, {"readyToUse": False, "error": {"message": "no such volume", "time": "2026-01-01T00:00:00Z"}}, "Error", "SnapshotFailed"),
    ("Backup.velero.io", "expires", {}, {"phase": "Deleting"}, "Pending", "Deleting"),
    ("Backup.velero.io", "failed in part", {}, {"phase": "PartiallyFailed", "errors": 2, "warnings": 1}, "Error", "PartiallyFailed"),
    ("Restore.velero.io", "invalid", {}, {"phase": "FailedValidation", "validationErrors": ["an existing backup schedule must be named"]}, "Error", "FailedValidation"),
    ("Schedule.velero.io", "not read yet", {}, {"phase": "New"}, "Pending", "New"),
    ("BackupStorageLocation.velero.io", "away", {}, {"phase": "Unavailable", "message": "403"}, "Error", "Unavailable"),
    ("SealedSecret.bitnami.com", "not read yet", {}, {}, "Pending", "NoStatus"),
    # External Secrets
    ("SecretStore.external-secrets.io", "nobody can tell", {}, said(cond("Ready", reason="ValidationUnknown", message="store validation unknown")), "Unknown", "ValidationUnknown"),
    ("SecretStore.external-secrets.io", "no access", {}, said(cond("Ready", "False", "InvalidProviderConfig", "unable to log in")), "Error", "InvalidProviderConfig"),
    ("ExternalSecret.external-secrets.io", "no key", {}, said(cond("Ready", "False", "SecretSyncedError", "could not get secret data from provider")), "Error", "SecretSyncedError"),
    # Kyverno, ExternalDNS
    ("ClusterPolicy.kyverno.io", "ready", {}, said(cond("Ready", reason="Succeeded")), "Ready", "Succeeded"),
    ("ClusterPolicy.kyverno.io", "not ready", {}, said(cond("Ready", "False", "Failed", "no such variable")), "Error", "Failed"),
    ("DNSEndpoint.externaldns.k8s.io", "read", {}, {"observedGeneration": 1}, "Ready", "Ready"),
]  # fmt: skip


def facts(kind: str, spec: Json, status: Json) -> Any:
    name, _, group = kind.partition(".")
    rule = next(rule for rule in BOOK if (rule.id.kind, rule.id.group) == (name, group))
    entry = entry_of(
        Definition(
            group=group,
            kind=name,
            plural=f"{name.lower()}s",
            versions=(ServedVersion((rule.versions or ("v1",))[0]),),
            namespaced=not rule.cluster_scoped,
        ),
        BOOK,
    )
    meta = {
        "name": "x",
        "uid": "u",
        "generation": 1,
        **({} if rule.cluster_scoped else {"namespace": "shop"}),
    }
    manifest = {"metadata": meta, "spec": spec, **({"status": status} if status else {})}
    return entry.facts(entry.decoder.decode(msgspec.json.encode(manifest)))


@pytest.mark.parametrize(
    ("kind", "so", "spec", "status", "level", "reason"), CASES, ids=[f"{case[0]} {case[1]}" for case in CASES]
)
def test_status(kind: str, so: str, spec: Json, status: Json, level: str, reason: str) -> None:
    found = facts(kind, spec, status)
    by = found.metadata.get("decidedBy")
    assert (found.status.severity, found.status.reason) == (level, reason), f"{so}: {found.status} by {by}"


def test_a_degraded_application_names_what_is_degraded() -> None:
    found = facts(*next(case[:1] + case[2:4] for case in CASES if case[1] == "degraded, without a message"))
    assert found.status.message == "Deployment web is degraded: exceeded its progress deadline"


def test_an_annotation_without_a_value_pauses_a_cluster() -> None:
    """Cluster API asks only whether `cluster.x-k8s.io/paused` is there."""
    rule = next(rule for rule in BOOK if rule.id.key == "Cluster.cluster.x-k8s.io")
    definition = Definition(
        group=rule.id.group, kind=rule.id.kind, plural="clusters", versions=(ServedVersion("v1beta2"),)
    )
    entry = entry_of(definition, BOOK)
    meta = {"name": "x", "namespace": "shop", "uid": "u", "annotations": {"cluster.x-k8s.io/paused": ""}}
    manifest = {"metadata": meta, "status": said(cond("Available", "False", "NotAvailable"))}
    found = entry.facts(entry.decoder.decode(msgspec.json.encode(manifest)))
    assert (found.status.severity, found.status.reason) == ("Pending", "Paused")
