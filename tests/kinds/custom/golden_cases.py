"""What the golden files of custom kinds are made of: `python -m tests.kinds.custom.golden_cases` writes them.

Each kind has an object with something wherever its rule looks, and what its controller says in a few cases.
Read what changed in `golden/` line by line before you commit it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from astrolabe.kinds.custom.entry import CustomKind
from tests.kinds.custom import oracle
from tests.kinds.custom.entries import entry
from tests.kinds.custom.oracle import Json
from tests.kinds.support import show, target

FOLDER = Path(__file__).parent / "golden"


def cond(type: str, status: str = "True", reason: str = "", message: str = "") -> Json:
    found = {"type": type, "status": status, "reason": reason, "message": message}
    return {**found, "lastTransitionTime": "2026-01-02T00:00:00Z"}


def said(*conditions: Json, **more: Any) -> Json:
    return {"status": {"conditions": list(conditions), **more}}


READY = said(cond("Ready", reason="Ready", message="all is well"))
NOT_READY = said(cond("Ready", "False", "Failed", "it does not work"))
FLUX = {
    "ready": READY,
    "stalled": said(
        cond("Stalled", reason="InvalidURL", message="the URL is none"), cond("Ready", "False", "InvalidURL")
    ),
    "reconciling": said(cond("Reconciling", reason="Progressing"), cond("Ready", "Unknown", "Progressing")),
    "suspended": {"spec": {"suspend": True}, **READY},
}
PARENT = {
    "parentRef": {"name": "gw"},
    "conditions": [cond("Accepted", reason="Accepted"), cond("ResolvedRefs")],
}
BAD_PARENT = {
    "parentRef": {"name": "other"},
    "conditions": [
        cond("Accepted"),
        cond("ResolvedRefs", "False", "BackendNotFound", "service web not found"),
    ],
}
ROUTE = {
    "accepted": {"status": {"parents": [PARENT]}},
    "one bad parent": {"status": {"parents": [PARENT, BAD_PARENT]}},
    "no parent": {"status": {"parents": []}},
}
STRIMZI = {
    "ready": READY,
    "not ready": said(cond("NotReady", reason="FatalProblem", message="no brokers")),
    "creating": said(cond("NotReady", reason="Creating")),
    "paused": said(cond("ReconciliationPaused")),
}
ISTIO = {
    "no status": {},
    "invalid": {"status": {"validationMessages": [{"level": "ERROR", "type": {"code": "IST0101"}}]}},
}
CAPI = {
    "fine": said(cond("Available"), cond("Ready"), phase="Running", replicas=3, readyReplicas=3),
    "failed": said(phase="Failed", failureMessage="no quota"),
}
OPERATED = {
    "available": said(cond("Available"), cond("Reconciled")),
    "degraded": said(
        cond("Available", "Degraded", "SomePodsNotReady", "shard 0: 1 of 2 pods"), cond("Reconciled")
    ),
    "not reconciled": said(
        cond("Available"), cond("Reconciled", "False", "ReconciliationFailed", "bad secret")
    ),
}
VELERO = {
    "completed": {"status": {"phase": "Completed"}},
    "partly failed": {"status": {"phase": "PartiallyFailed", "errors": 2, "warnings": 1}},
    "in progress": {"status": {"phase": "InProgress"}},
}
PHASES = {
    "successful": {"status": {"phase": "Successful"}},
    "failed": {"status": {"phase": "Failed", "message": "metric error-rate failed"}},
    "running": {"status": {"phase": "Running"}},
}
LISTENER = {
    "name": "https",
    "attachedRoutes": 0,
    "conditions": [cond("Accepted"), cond("Programmed"), cond("ResolvedRefs")],
}
BAD_LISTENER = {
    **LISTENER,
    "conditions": [cond("ResolvedRefs", "False", "InvalidCertificateRef", "Secret certs/tls not found")],
}
GATEWAY = {
    "programmed": said(cond("Accepted"), cond("Programmed", reason="Programmed"), listeners=[LISTENER]),
    "no address yet": said(cond("Accepted"), cond("Programmed", "False", "AddressNotAssigned", "no address")),
    "bad listener": said(cond("Accepted"), cond("Programmed"), listeners=[LISTENER, BAD_LISTENER]),
}
CONNECTOR = {
    "connector": {"state": "RUNNING"},
    "tasks": [{"state": "RUNNING"}, {"state": "FAILED", "trace": "no route"}],
}

#: What a controller says, by kind; of all others it says `READY` and `NOT_READY`.
CASES: dict[str, dict[str, Json]] = {
    "Certificate.cert-manager.io": {
        "ready": READY,
        "issuing": said(cond("Issuing", reason="Renewing", message="renewing"), cond("Ready")),
        "issuing fails": {
            "status": {
                "failedIssuanceAttempts": 3,
                "lastFailureTime": "2026-01-02T00:00:00Z",
                "conditions": [cond("Issuing"), cond("Ready", "False", "Failed", "the order is invalid")],
            }
        },
        "issuing failed and waits": {
            "status": {
                "failedIssuanceAttempts": 3,
                "lastFailureTime": "2026-01-02T00:00:00Z",
                "conditions": [
                    cond("Issuing", "False", "Failed", "the order is invalid"),
                    cond("Ready", "False", "DoesNotExist", "Secret does not exist"),
                ],
            }
        },
    },
    "CertificateRequest.cert-manager.io": {
        "waits": said(cond("Ready", "False", "Pending", "waiting for the order")),
        "denied": said(cond("Denied", reason="Policy", message="no policy allows it")),
        "not approved": said(),
    },
    "Order.acme.cert-manager.io": {
        "valid": {"status": {"state": "valid"}},
        "errored": {"status": {"state": "errored", "reason": "429: too many certificates"}},
        "pending": {"status": {"state": "pending"}},
    },
    "Gateway.gateway.networking.k8s.io": GATEWAY,
    "ListenerSet.gateway.networking.k8s.io": GATEWAY,
    "HTTPRoute.gateway.networking.k8s.io": ROUTE,
    "ServiceImport.multicluster.x-k8s.io": {
        "imported": {"status": {"clusters": [{"cluster": "east"}, {"cluster": "west"}]}},
        "nobody exports it": {"status": {}},
        "no status": {},
        "conflict": said(cond("Conflict", reason="PortConflict", message="ports differ"), clusters=[{"cluster": "east"}]),
    },
    "ServiceExport.multicluster.x-k8s.io": {
        "valid": said(cond("Valid")),
        "invalid": said(cond("Valid", "False", "NoService", "service web does not exist")),
        "conflict": said(cond("Valid"), cond("Conflict", reason="TypeConflict", message="types differ")),
        "not seen yet": {},
    },
    "GRPCRoute.gateway.networking.k8s.io": ROUTE,
    "TLSRoute.gateway.networking.k8s.io": ROUTE,
    "TCPRoute.gateway.networking.k8s.io": ROUTE,
    "UDPRoute.gateway.networking.k8s.io": ROUTE,
    "GatewayClass.gateway.networking.k8s.io": {
        "accepted": said(cond("Accepted", reason="Accepted")),
        "waiting": said(cond("Accepted", "Unknown", "Waiting", "waiting for a controller")),
        "unsupported": said(cond("Accepted", "False", "InvalidParameters", "no such parameters")),
    },
    "Kustomization.kustomize.toolkit.fluxcd.io": {
        **FLUX,
        "dependency": said(cond("Ready", "False", "DependencyNotReady", "flux-system/infra is not ready")),
    },
    "HelmRelease.helm.toolkit.fluxcd.io": {
        **FLUX,
        "rolled back": said(cond("Remediated", reason="RollbackSucceeded", message="to v3"), cond("Ready", "False", "UpgradeFailed")),
        "test failed": said(cond("Ready"), cond("TestSuccess", "False", "TestFailed", "hook failed")),
    },
    "Application.argoproj.io": {
        "healthy": {"status": {"health": {"status": "Healthy"}, "sync": {"status": "OutOfSync"}}},
        "degraded": {"status": {"health": {"status": "Degraded", "message": "web: no pods"}}},
        "sync failed": {"status": {"health": {"status": "Healthy"}, "operationState": {"phase": "Failed", "message": "denied"}}},
        "bad manifest": {"status": {"health": {"status": "Healthy"}, "conditions": [{"type": "ComparisonError", "message": "no such path"}]}},
        "missing": {"status": {"health": {"status": "Missing"}}},
        "suspended": {"status": {"health": {"status": "Suspended"}}},
    },
    "Rollout.argoproj.io": {
        "healthy": {"status": {"phase": "Healthy", "currentPodHash": "a"}},
        "paused": {"status": {"phase": "Paused", "message": "CanaryPauseStep"}},
        "degraded": {"status": {"phase": "Degraded", "message": "ProgressDeadlineExceeded"}},
        "progressing": {"status": {"phase": "Progressing", "message": "more replicas"}},
    },
    "AnalysisRun.argoproj.io": PHASES,
    "Experiment.argoproj.io": PHASES,
    "Workflow.argoproj.io": {
        "succeeded": {"status": {"phase": "Succeeded"}},
        "failed": {"status": {"phase": "Failed", "message": "step a failed"}},
        "running": {"status": {"phase": "Running"}},
    },
    "CronWorkflow.argoproj.io": {"fine": {}, "bad": said(cond("SubmissionError", message="no such template"))},
    "ScaledObject.keda.sh": {
        "ready and idle": said(cond("Ready"), cond("Active", "False", "ScalerNotActive")),
        "paused": said(cond("Ready"), cond("Paused")),
        "falls back": said(cond("Ready"), cond("Fallback", reason="FallbackExists")),
        "no metrics": said(cond("Ready"), cond("HPAActive", "False", "FailedGetExternalMetric", "no answer")),
    },
    "VirtualService.networking.istio.io": ISTIO,
    "DestinationRule.networking.istio.io": ISTIO,
    "Cluster.postgresql.cnpg.io": {
        "healthy": {"status": {"phase": "Cluster in healthy state", "instances": 3, "readyInstances": 3}},
        "setting up": {"status": {"phase": "Setting up primary", "instances": 3}},
        "failing over": {"status": {"phase": "Failing over", "phaseReason": "primary is gone", "instances": 3}},
        "archiving fails": said(cond("ContinuousArchiving", "False", "ContinuousArchivingFailing", "403"), phase="Cluster in healthy state"),
        "hibernated": {"metadata": {"annotations": {"cnpg.io/hibernation": "on"}}, **READY},
    },
    "Backup.postgresql.cnpg.io": {"completed": {"status": {"phase": "completed"}}, "failed": {"status": {"phase": "failed", "error": "no space"}}},
    "Database.postgresql.cnpg.io": {"applied": {"status": {"applied": True}}, "not applied": {"status": {"applied": False, "message": "role x does not exist"}}},
    "Kafka.kafka.strimzi.io": STRIMZI,
    "KafkaTopic.kafka.strimzi.io": STRIMZI,
    "KafkaConnector.kafka.strimzi.io": {**STRIMZI, "task failed": said(cond("Ready"), connectorStatus=CONNECTOR)},
    "Provider.pkg.crossplane.io": {
        "healthy": said(cond("Installed"), cond("Healthy", reason="HealthyPackageRevision")),
        "unhealthy": said(cond("Installed"), cond("Healthy", "False", "UnhealthyPackageRevision", "no pods")),
    },
    "Cluster.cluster.x-k8s.io": {
        "provisioned": said(cond("Available"), phase="Provisioned"),
        "probe fails": said(cond("RemoteConnectionProbe", "False", "ProbeFailed", "no answer"), phase="Provisioned"),
        "paused": {"spec": {"paused": True}, **said(phase="Provisioned")},
    },
    "Machine.cluster.x-k8s.io": CAPI,
    "MachineSet.cluster.x-k8s.io": CAPI,
    "MachineDeployment.cluster.x-k8s.io": {**CAPI, "scaling": said(phase="ScalingUp")},
    "Prometheus.monitoring.coreos.com": OPERATED,
    "Alertmanager.monitoring.coreos.com": OPERATED,
    "ServiceMonitor.monitoring.coreos.com": {
        "no status": {},
        "rejected": {"status": {"bindings": [{"name": "main", "conditions": [cond("Accepted", "False", "InvalidConfiguration", "no such secret")]}]}},
    },
    "NodeClaim.karpenter.sh": {
        "ready": said(cond("Launched"), cond("Registered"), cond("Initialized"), cond("Ready")),
        "launched": said(cond("Launched"), cond("Registered", "Unknown", "NodeNotFound")),
        "not launched": said(cond("Launched", "False", "LaunchFailed", "insufficient capacity")),
    },
    "VolumeSnapshot.snapshot.storage.k8s.io": {
        "ready": {"status": {"readyToUse": True}},
        "taking": {"status": {"readyToUse": False}},
        "failed": {"status": {"readyToUse": False, "error": {"message": "no such volume"}}},
    },
    "Backup.velero.io": VELERO,
    "Restore.velero.io": VELERO,
    "Schedule.velero.io": {"enabled": {"status": {"phase": "Enabled"}}, "paused": {"spec": {"paused": True}}},
    "BackupStorageLocation.velero.io": {"available": {"status": {"phase": "Available"}}, "away": {"status": {"phase": "Unavailable", "message": "403"}}},
    "SealedSecret.bitnami.com": {"synced": said(cond("Synced")), "no key": said(cond("Synced", "False", message="no key could decrypt"))},
    "DNSRecord.externaldns.k8s.io": {
        "programmed": said(cond("Ready", reason="Programmed")),
        "accepted": said(cond("Ready", "False", "Accepted")),
        "failed": said(cond("Ready", "False", "Failed", "no zone")),
    },
    "DNSEndpoint.externaldns.k8s.io": {"read": {"status": {"observedGeneration": 1}}, "not read": {"status": {}}},
    "IngressRoute.traefik.io": {"no status": {}},
    "PolicyReport.wgpolicyk8s.io": {"no status": {}},
}  # fmt: skip


def merged(first: Any, second: Any) -> Any:
    """Two manifests as one; the second has the last word."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {key: merged(first.get(key), second.get(key)) for key in {**first, **second}}
    return first if second is None else second


def cases(rule: Json) -> list[tuple[str, Json]]:
    """The objects of a kind, each with what it is called."""
    given = CASES.get(rule["kind"], {"ready": READY, "not ready": NOT_READY})
    return [(name, merged(oracle.sample(rule), more)) for name, more in given.items()]


def gives(kind: CustomKind, manifest: Json) -> Json:
    """What becomes of an object, as plain values."""
    facts = kind.facts(kind.decoder.decode(msgspec.json.encode(manifest)))
    metadata = {key: value for key, value in facts.metadata.items() if key != "creationTimestamp"}
    status = [facts.status.severity, facts.status.reason, facts.status.message]
    links = [f"{link.type} {where(link)} ({link.field})" for link in facts.links]
    links += [
        f"{each.ref.type} {where(each.ref)} ({each.ref.field}) beside what it {each.beside}"
        for each in facts.beside
    ]
    return {"status": status, "metadata": metadata, "links": links}


def where(link: Any) -> str:
    """Where a link leads."""
    among = getattr(link, "among", None)
    text = target(link)
    if among is not None:
        text += f" in namespaces [{show(among)}]"
    return text + (" reverse" if getattr(link, "reverse", False) else "")


def golden() -> dict[str, Json]:
    """The content of the files, by name."""
    found: dict[str, Json] = {}
    for rule in oracle.documents():
        if rule["kind"] != "*":
            kind = entry(rule)
            listed = {
                name: {"manifest": manifest, "gives": gives(kind, manifest)} for name, manifest in cases(rule)
            }
            found.setdefault(rule["kind"].partition(".")[2].replace("*", "any"), {})[rule["kind"]] = listed
    return found


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in golden().items():
        (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
