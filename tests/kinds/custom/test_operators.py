"""What operators without a rule write, in the shapes of their own API types, and what it means.

The reason is the one a reader sees; decidedBy is the field that decided.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.entry import entry_of
from astrolabe.kinds.custom.rulebook import RuleBook
from tests.kinds.custom.support import Json


def cond(type: str, status: str = "True", reason: str = "", message: str = "", **more: Any) -> Json:
    return {"type": type, "status": status, "reason": reason, "message": message, **more}


def said(*conditions: Json, **more: Any) -> Json:
    return {"conditions": list(conditions), **more}


#: (kind, what is so, status, level)
CASES: list[tuple[str, str, Json, str]] = [
    # Rook
    ("CephCluster.ceph.rook.io", "healthy", said(cond("Ready", reason="ClusterCreated"), phase="Ready", state="Created", ceph={"health": "HEALTH_OK"}), "Ready"),
    ("CephCluster.ceph.rook.io", "warns", said(cond("Ready", reason="ClusterCreated"), phase="Ready", ceph={"health": "HEALTH_WARN"}), "Pending"),
    ("CephCluster.ceph.rook.io", "is broken", said(cond("Ready", reason="ClusterCreated"), phase="Ready", ceph={"health": "HEALTH_ERR"}), "Error"),
    ("CephBlockPool.ceph.rook.io", "failed", {"phase": "Failure"}, "Error"),
    # Longhorn
    ("Volume.longhorn.io", "attached", said(cond("Scheduled"), cond("TooManySnapshots", "False"), state="attached", robustness="healthy"), "Ready"),
    ("Volume.longhorn.io", "degraded", said(cond("Scheduled"), state="attached", robustness="degraded"), "Error"),
    ("Volume.longhorn.io", "faulted", said(cond("Scheduled"), state="detached", robustness="faulted"), "Error"),
    ("Volume.longhorn.io", "detached", said(cond("Scheduled"), state="detached", robustness="unknown"), "Unknown"),
    # ECK, MongoDB, Redis, RabbitMQ
    ("Kibana.kibana.k8s.elastic.co", "red", {"health": "red", "availableNodes": 0, "associationStatus": "Established"}, "Error"),
    ("Kibana.kibana.k8s.elastic.co", "waits for Elasticsearch", {"health": "green", "associationStatus": "Pending"}, "Pending"),
    ("MongoDBCommunity.mongodbcommunity.mongodb.com", "runs", {"phase": "Running", "currentMongoDBMembers": 3}, "Ready"),
    ("MongoDBCommunity.mongodbcommunity.mongodb.com", "failed", {"phase": "Failed", "message": "no such secret"}, "Error"),
    ("RedisFailover.databases.spotahome.com", "not healthy", {"state": "NotHealthy"}, "Error"),
    ("RedisCluster.redis.redis.opstreelabs.in", "bootstraps", {"state": "Bootstrap", "reason": "RedisCluster is bootstrapping"}, "Pending"),
    ("RabbitmqCluster.rabbitmq.com", "works", said(cond("AllReplicasReady", reason="AllPodsAreReady"), cond("ClusterAvailable"), cond("NoWarnings"), cond("ReconcileSuccess", reason="Success")), "Ready"),
    ("RabbitmqCluster.rabbitmq.com", "cannot be reconciled", said(cond("AllReplicasReady"), cond("ClusterAvailable"), cond("ReconcileSuccess", "False", "Error", "no such secret")), "Error"),
    # Vault
    ("VaultAuth.secrets.hashicorp.com", "valid", {"valid": True, "error": ""}, "Ready"),
    ("VaultAuth.secrets.hashicorp.com", "invalid", {"valid": False, "error": "role is empty"}, "Error"),
    # Networks
    ("CiliumNetworkPolicy.cilium.io", "valid", said(cond("Valid")), "Ready"),
    ("CiliumNetworkPolicy.cilium.io", "invalid", said(cond("Valid", "False", message="rule 0: no such entity")), "Error"),
    ("CiliumLoadBalancerIPPool.cilium.io", "conflicts", said(cond("cilium.io/PoolConflict", reason="cidr_overlap")), "Error"),
    ("TigeraStatus.operator.tigera.io", "degraded", said(cond("Available"), cond("Degraded", reason="PodFailure"), cond("Progressing", "False")), "Error"),
    ("TigeraStatus.operator.tigera.io", "available", said(cond("Available"), cond("Degraded", "False"), cond("Progressing", "False")), "Ready"),
    ("IPAddressPool.metallb.io", "counts only", {"assignedIPv4": 3, "availableIPv4": 252}, "Unknown"),
    # Batch
    ("PipelineRun.tekton.dev", "runs", said(cond("Succeeded", "Unknown", "Running")), "Pending"),
    ("PipelineRun.tekton.dev", "failed", said(cond("Succeeded", "False", "Failed", "Tasks Completed: 2 (Failed: 1)")), "Error"),
    ("PipelineRun.tekton.dev", "cancelled", said(cond("Succeeded", "False", "Cancelled")), "Error"),
    ("PipelineRun.tekton.dev", "done", said(cond("Succeeded", reason="Completed")), "Ready"),
    ("PyTorchJob.kubeflow.org", "runs", said(cond("Created", reason="PyTorchJobCreated"), cond("Running", reason="PyTorchJobRunning")), "Pending"),
    ("PyTorchJob.kubeflow.org", "done", said(cond("Created"), cond("Running", "False", "PyTorchJobSucceeded"), cond("Succeeded", reason="PyTorchJobSucceeded")), "Ready"),
    ("PyTorchJob.kubeflow.org", "failed", said(cond("Created"), cond("Running", "False"), cond("Failed", reason="PyTorchJobFailed")), "Error"),
    ("Experiment.kubeflow.org", "runs", said(cond("Created", reason="ExperimentCreated"), cond("Running", reason="ExperimentRunning")), "Pending"),
    ("ScheduledSparkApplication.sparkoperator.k8s.io", "scheduled", {"scheduleState": "Scheduled", "lastRun": None}, "Ready"),
    ("ScheduledSparkApplication.sparkoperator.k8s.io", "invalid", {"scheduleState": "FailedValidation", "reason": "no such schedule"}, "Error"),
    ("FlinkSessionJob.flink.apache.org", "stable", {"jobStatus": {"state": "RUNNING"}, "lifecycleState": "STABLE", "reconciliationStatus": {"state": "DEPLOYED"}}, "Ready"),
    ("RayCluster.ray.io", "ready", said(cond("HeadPodReady", reason="HeadPodRunningAndReady"), cond("RayClusterProvisioned", reason="AllPodRunningAndReadyFirstTime"), state="ready"), "Ready"),
    ("RayCluster.ray.io", "cannot make Pods", said(cond("RayClusterReplicaFailure", reason="FailedCreateHeadPod", message="quota"), state=""), "Error"),
    ("RayJob.ray.io", "runs", {"jobStatus": "RUNNING", "jobDeploymentStatus": "Running"}, "Pending"),
    ("RayJob.ray.io", "failed", {"jobStatus": "FAILED", "jobDeploymentStatus": "Failed", "reason": "AppFailed"}, "Error"),
    ("Job.batch.volcano.sh", "runs", {"state": {"phase": "Running"}, "running": 2, "minAvailable": 2}, "Pending"),
    ("PodGroup.scheduling.volcano.sh", "waits", {"phase": "Inqueue"}, "Pending"),
    ("Workload.kueue.x-k8s.io", "waits for quota", said(cond("QuotaReserved", "False", "Pending", "couldn't assign flavors")), "Pending"),
    ("Workload.kueue.x-k8s.io", "reserved, not admitted", said(cond("QuotaReserved")), "Pending"),
    ("Workload.kueue.x-k8s.io", "admitted", said(cond("QuotaReserved"), cond("Admitted"), cond("PodsReady")), "Ready"),
    ("ClusterQueue.kueue.x-k8s.io", "lacks a flavor", said(cond("Active", "False", "FlavorNotFound", "references missing ResourceFlavor")), "Error"),
    # OpenShift
    ("ClusterOperator.config.openshift.io", "fine", said(cond("Available"), cond("Progressing", "False"), cond("Degraded", "False"), cond("Upgradeable", "False", "AdminAckRequired")), "Ready"),
    ("ClusterOperator.config.openshift.io", "degraded", said(cond("Available"), cond("Progressing", "False"), cond("Degraded", reason="OAuthServerConfigObservation_Error")), "Error"),
    ("ClusterVersion.config.openshift.io", "fine", said(cond("Available"), cond("Failing", "False"), cond("Progressing", "False"), cond("RetrievedUpdates", "False", "NoChannel"), cond("Upgradeable", "False")), "Ready"),
    ("MachineConfigPool.machineconfiguration.openshift.io", "updated", said(cond("Updated"), cond("Updating", "False"), cond("Degraded", "False"), cond("NodeDegraded", "False")), "Ready"),
    ("MachineConfigPool.machineconfiguration.openshift.io", "updates", said(cond("Updated", "False"), cond("Updating"), cond("Degraded", "False")), "Pending"),
    ("CatalogSource.operators.coreos.com", "connected", {"connectionState": {"lastObservedState": "READY", "address": "x"}}, "Ready"),
    ("CatalogSource.operators.coreos.com", "fails", {"connectionState": {"lastObservedState": "TRANSIENT_FAILURE"}}, "Error"),
    ("InstallPlan.operators.coreos.com", "waits for a person", said(phase="RequiresApproval"), "Pending"),
    # Grafana, PostgreSQL
    ("GrafanaDashboard.grafana.integreatly.org", "synchronised", said(cond("DashboardSynchronized", reason="ApplySuccessful")), "Ready"),
    ("GrafanaDashboard.grafana.integreatly.org", "matches nothing", said(cond("NoMatchingInstance", reason="EmptyAPIReply")), "Error"),
    ("postgresql.acid.zalan.do", "runs", {"PostgresClusterStatus": "Running"}, "Ready"),
    ("postgresql.acid.zalan.do", "cannot sync", {"PostgresClusterStatus": "SyncFailed"}, "Error"),
    ("postgresql.acid.zalan.do", "creates", {"PostgresClusterStatus": "Creating"}, "Pending"),
    ("PerconaXtraDBCluster.pxc.percona.com", "ready", said(cond("initializing"), cond("ready"), state="ready", pxc={"status": "ready", "ready": 3, "size": 3}, haproxy={"status": "ready"}), "Ready"),
    ("PerconaXtraDBCluster.pxc.percona.com", "error", said(cond("error"), state="error", message=["no such secret"]), "Error"),
    ("PostgresCluster.postgres-operator.crunchydata.com", "lacks a replica", said(cond("PGBackRestReplicaRepoReady"), cond("ProxyAvailable"), instances=[{"name": "i", "readyReplicas": 1, "replicas": 2}]), "Pending"),
    ("PostgresCluster.postgres-operator.crunchydata.com", "ready", said(cond("PGBackRestReplicaRepoReady"), cond("ProxyAvailable"), instances=[{"name": "i", "readyReplicas": 2, "replicas": 2}]), "Ready"),
    # Clouds
    ("DBInstance.rds.services.k8s.aws", "synced", said(cond("ACK.ResourceSynced"), dbInstanceStatus="available"), "Ready"),
    ("DBInstance.rds.services.k8s.aws", "terminal", said(cond("ACK.ResourceSynced"), cond("ACK.Terminal", message="InvalidParameterValue")), "Error"),
    ("DBInstance.rds.services.k8s.aws", "being made", said(cond("ACK.ResourceSynced", "False", message="DB Instance is in creating state"), dbInstanceStatus="creating"), "Pending"),
    ("Bucket.s3.services.k8s.aws", "can recover", said(cond("ACK.ResourceSynced", "False"), cond("ACK.Recoverable", message="AccessDenied")), "Error"),
    ("ResourceGroup.resources.azure.com", "reconciles", said(cond("Ready", "False", "Reconciling", "in progress", severity="Info")), "Pending"),
    ("ResourceGroup.resources.azure.com", "fails", said(cond("Ready", "False", "AuthorizationFailed", "no right", severity="Error")), "Error"),
    ("SQLInstance.sql.cnrm.cloud.google.com", "up to date", said(cond("Ready", reason="UpToDate")), "Ready"),
    ("SQLInstance.sql.cnrm.cloud.google.com", "waits for another", said(cond("Ready", "False", "DependencyNotReady", "reference ComputeNetwork x is not ready")), "Pending"),
    ("SQLInstance.sql.cnrm.cloud.google.com", "cannot update", said(cond("Ready", "False", "UpdateFailed", "403")), "Error"),
    ("Instance.ec2.aws.upbound.io", "update fails", said(cond("Ready"), cond("Synced"), cond("LastAsyncOperation", "False", "AsyncUpdateFailure", "403")), "Error"),
    ("Instance.ec2.aws.upbound.io", "being made", said(cond("Ready", "False", "Creating"), cond("Synced", reason="ReconcileSuccess"), cond("LastAsyncOperation", reason="Finished")), "Pending"),
    ("Instance.ec2.aws.upbound.io", "only sent", said(cond("LastAsyncOperation", reason="Finished")), "Pending"),
    # Others
    ("Pipeline.numaflow.numaproj.io", "runs", said(cond("Configured", reason="Successful"), cond("Deployed", reason="Successful"), cond("VerticesHealthy", reason="Successful"), phase="Running"), "Ready"),
    ("Pipeline.numaflow.numaproj.io", "has an ill vertex", said(cond("Configured"), cond("Deployed"), cond("VerticesHealthy", "False", "VertexUnhealthy"), phase="Running"), "Error"),
    ("Cluster.management.cattle.io", "has waited", said(cond("Pending"), cond("Provisioned"), cond("Waiting"), cond("Connected"), cond("Ready")), "Ready"),
    ("DataVolume.cdi.kubevirt.io", "imports", said(cond("Bound"), cond("Ready", "False", "TransferRunning"), cond("Running"), phase="ImportInProgress", progress="12%"), "Pending"),
    ("DataVolume.cdi.kubevirt.io", "waits for its first user", said(cond("Bound", "False", "Pending"), cond("Ready", "False"), phase="WaitForFirstConsumer"), "Pending"),
    ("DataVolume.cdi.kubevirt.io", "done", said(cond("Bound"), cond("Ready"), cond("Running", "False", "Completed"), phase="Succeeded"), "Ready"),
    ("KeycloakRealmImport.k8s.keycloak.org", "done", said(cond("Done"), cond("Started", "False"), cond("HasErrors", "False")), "Ready"),
    ("KeycloakRealmImport.k8s.keycloak.org", "fails", said(cond("Done", "False"), cond("HasErrors", message="no realm")), "Error"),
    ("KongPlugin.configuration.konghq.com", "programmed", said(cond("Programmed", reason="Programmed")), "Ready"),
    ("Stream.jetstream.nats.io", "errored", said(cond("Ready", "False", "Errored", "stream name already in use")), "Error"),
    ("TidbCluster.pingcap.com", "a store is down", said(cond("Ready", "False", "TiKVStoreNotUp", "TiKV store(s) are not up"), tikv={"phase": "Normal", "stores": {"1": {"state": "Down"}}}), "Error"),
    ("TidbCluster.pingcap.com", "ready", said(cond("Ready", reason="Ready"), pd={"phase": "Normal"}, tikv={"phase": "Normal", "stores": {"1": {"state": "Up"}}}), "Ready"),
    ("K8ssandraCluster.k8ssandra.io", "a data center is down", said(cond("CassandraInitialized"), error="None", datacenters={"dc1": {"cassandra": {"cassandraOperatorProgress": "Ready", "conditions": [cond("Ready", "False", "Oops")]}}}), "Error"),
    ("K8ssandraCluster.k8ssandra.io", "only initialised", said(cond("CassandraInitialized"), error="None"), "Pending"),
    ("CassandraDatacenter.cassandra.datastax.com", "ready", said(cond("Healthy"), cond("Stopped", "False"), cond("ReplacingNodes", "False"), cond("Updating", "False"), cond("Ready"), cond("Initialized"), cond("Valid"), cassandraOperatorProgress="Ready"), "Ready"),
    ("EventSource.argoproj.io", "deployed", said(cond("Deployed"), cond("SourcesProvided")), "Ready"),
    ("ChaosResult.litmuschaos.io", "failed", {"experimentStatus": {"phase": "Completed", "verdict": "Fail"}}, "Error"),
    ("ClusterPolicy.nvidia.com", "not ready", {"state": "notReady"}, "Pending"),
    ("ReplicationSource.volsync.backube", "synchronises", said(cond("Synchronizing", reason="SyncInProgress")), "Pending"),
    ("ReplicationSource.volsync.backube", "its mover failed", said(cond("Synchronizing", "False", "WaitingForSchedule"), latestMoverStatus={"result": "Failed", "logs": "no space"}), "Error"),
    ("ConstraintTemplate.templates.gatekeeper.sh", "made", {"created": True, "byPod": [{"id": "a", "observedGeneration": 1}]}, "Ready"),
    ("ConstraintTemplate.templates.gatekeeper.sh", "has an error", {"created": True, "byPod": [{"id": "a", "errors": [{"code": "ingest_error", "message": "undefined variable"}]}]}, "Error"),
    ("OpenTelemetryCollector.opentelemetry.io", "one of two", {"scale": {"replicas": 2, "statusReplicas": "1/2"}, "version": "0.1"}, "Pending"),
    ("OpenTelemetryCollector.opentelemetry.io", "all", {"scale": {"replicas": 2, "statusReplicas": "2/2"}, "version": "0.1"}, "Ready"),
    ("Terraform.infra.contrib.fluxcd.io", "planned", said(cond("Ready", "Unknown", "TerraformPlannedWithChanges", "Plan generated")), "Pending"),
    ("Postgres.kubedb.com", "critical", said(cond("Ready", "False", "SomePodsNotReady"), phase="Critical"), "Error"),
    ("VerticalPodAutoscaler.autoscaling.k8s.io", "recommends", said(cond("RecommendationProvided")), "Ready"),
    ("SeldonDeployment.machinelearning.seldon.io", "available", said(cond("Ready"), cond("DeploymentsReady"), state="Available"), "Ready"),
    ("GitRepo.fleet.cattle.io", "applied in part", said(cond("Ready", "False", message="NotReady(1) [Bundle web]"), display={"state": "NotReady"}), "Pending"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "so", "status", "level"), CASES, ids=[f"{case[0]} {case[1]}" for case in CASES]
)
def test_status(kind: str, so: str, status: Json, level: str) -> None:
    name, _, group = kind.partition(".")
    entry = entry_of(
        Definition(group=group, kind=name, plural=f"{name.lower()}s", versions=(ServedVersion("v1"),)),
        RuleBook(),
    )
    manifest = {
        "metadata": {"name": "x", "namespace": "shop", "uid": "u", "generation": 1},
        "spec": {},
        "status": status,
    }
    facts = entry.facts(entry.decoder.decode(msgspec.json.encode(manifest)))
    found = f"{facts.status.severity} {facts.status.reason} by {facts.metadata.get('decidedBy')}"
    assert facts.status.severity == level, f"{so}: {found}"
