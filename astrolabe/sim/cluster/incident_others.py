"""Incidents around pods: Services, Ingresses, quotas, webhooks, autoscalers, Jobs."""

from __future__ import annotations

from typing import Any

from astrolabe.sim.cluster import batch, network, scaling
from astrolabe.sim.cluster.factory import DAY, HOUR, MINUTE
from astrolabe.sim.cluster.incident_parts import IncidentSpace
from astrolabe.sim.cluster.meta import app_object
from astrolabe.sim.cluster.pods import job_pod, placed
from astrolabe.sim.cluster.podstatus import Timestamps, finished, running
from astrolabe.sim.cluster.workloads import with_status

Json = dict[str, Any]

_METRICS = (
    "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from "
    "resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
)


def selector(space: IncidentSpace) -> None:
    """A Service selects nothing, because of a typo."""
    space.deployment("reviews", space.spec("reviews"))
    space.service("reviews", [], selects="revews")
    _ingress(space, "reviews", "reviews")


def ingress_port(space: IncidentSpace) -> None:
    """An Ingress sends requests to a port that the Service does not have."""
    space.served("pricing", space.spec("pricing"))
    _ingress(space, "pricing", "pricing", port={"number": 8443})


def certificate(space: IncidentSpace) -> None:
    """The Secret of an Ingress is missing, as the issuer of its Certificate does not exist."""
    space.served("www", space.spec("www"))
    _ingress(space, "www", "www", tls="www-tls")
    spec = {
        "dnsNames": ["www.example.com"],
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "letsencrypt-prod"},
        "secretName": "www-tls",
    }
    why = {"reason": "DoesNotExist", "message": "Issuing certificate as Secret does not exist"}
    times = {"lastTransitionTime": space.broken, "observedGeneration": 1}
    conditions = [
        {"type": "Ready", "status": "False", **why, **times},
        {"type": "Issuing", "status": "True", **why, **times},
    ]
    status = {"conditions": conditions, "nextPrivateKeySecretName": "www-x7k2p"}
    api = "cert-manager.io/v1"
    space.other("Certificate", api, "www", created=space.broken, spec=spec, status=status)


def quota(space: IncidentSpace) -> None:
    """A quota leaves room for one pod of three."""
    one = {"pods": "1"}
    space.other("ResourceQuota", "v1", "team-budget", spec={"hard": one}, status={"hard": one, "used": one})
    refused = (
        'pods "cart-wmhmd" is forbidden: exceeded quota: team-budget, requested: pods=1, used: pods=1, '
        "limited: pods=1"
    )
    space.served("cart", space.spec("cart"), replicas=3, made=1, refused=refused)


def webhook(space: IncidentSpace) -> None:
    """A webhook that must allow every pod has been scaled to zero."""
    rules, service = "pod-rules", f"https://pod-rules.{space.name}.svc:443/validate?timeout=2s"
    space.served(rules, space.spec(rules), replicas=0)
    client = {"service": {"namespace": space.name, "name": rules, "path": "/validate", "port": 443}}
    scope = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
    hook = {
        "name": "pods.rules.example",
        "clientConfig": client,
        "rules": [{**scope, "scope": "*"}],
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space.name}},
        "sideEffects": "None",
        "timeoutSeconds": 2,
        "admissionReviewVersions": ["v1"],
    }
    kind, api = "ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1"
    space.other(kind, api, f"{rules}.{space.name}.example", cluster=True, webhooks=[hook])
    refused = (
        'Internal error occurred: failed calling webhook "pods.rules.example": failed to call webhook: '
        f'Post "{service}": no endpoints available for service "{rules}"'
    )
    space.served("checkout", space.spec("checkout"), made=0, refused=refused)


def namespace(space: IncidentSpace) -> None:
    """A namespace is stuck in Terminating, because a finalizer holds an object in it."""
    told = space.manifests[0]
    space.manifests[1:] = []  # its other objects are gone
    told["metadata"]["deletionTimestamp"] = space.broken
    remain = "Some resources are remaining: configmaps. has 1 resource instances"
    held = (
        "Some content in the namespace has finalizers remaining: backup.example.com/hold in 1 resource "
        "instances"
    )
    conditions = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        ("NamespaceContentRemaining", "True", "SomeResourcesRemain", remain),
        ("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", held),
    ]
    told["status"] = {
        "phase": "Terminating",
        "conditions": [
            {
                "type": type,
                "status": status,
                "lastTransitionTime": space.broken,
                "reason": reason,
                "message": why,
            }
            for type, status, reason, why in conditions
        ],
    }
    lock = app_object(
        space.factory,
        space.app("backup"),
        "lock",
        kind="ConfigMap",
        api_version="v1",
        created=space.created,
        content={"data": {"holder": "backup-7"}},
        finalizers=["backup.example.com/hold"],
        deletionTimestamp=space.broken,
    )
    space.add(lock)


def autoscaler(space: IncidentSpace) -> None:
    """An autoscaler gets no metrics."""
    space.served("api", space.spec("api"))
    made = scaling.autoscaler(space.factory, space.app("api"), lowest=2, highest=6, created=space.created)
    conditions = [
        (
            "AbleToScale",
            "True",
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        ),
        (
            "ScalingActive",
            "False",
            "FailedGetResourceMetric",
            f"the HPA was unable to compute the replica count: {_METRICS}",
        ),
    ]
    status = {
        "currentReplicas": 2,
        "desiredReplicas": 0,
        "currentMetrics": [{"type": ""}],
        "conditions": [
            {
                "type": type,
                "status": status,
                "lastTransitionTime": space.broken,
                "reason": reason,
                "message": why,
            }
            for type, status, reason, why in conditions
        ],
    }
    told = space.add(with_status(made, status, time=space.broken))
    space.warn(told, "FailedGetResourceMetric", _METRICS, "horizontal-pod-autoscaler", times=96)


def budget(space: IncidentSpace) -> None:
    """A budget allows no pod to be evicted, so that no node can be drained."""
    space.served("quorum", space.spec("quorum"), replicas=3)
    made = scaling.disruption_budget(space.factory, space.app("quorum"), created=space.created)
    made["spec"]["minAvailable"] = 3
    reported = scaling.budget_reported(made, healthy=3, expected=3, at=space.created)
    condition = {**reported["status"]["conditions"][0], "status": "False", "reason": "InsufficientPods"}
    reported["status"] |= {"disruptionsAllowed": 0, "desiredHealthy": 3, "conditions": [condition]}
    space.add(reported)


def cron_job(space: IncidentSpace) -> None:
    """The last run of a CronJob failed."""
    cron = batch.cron_job(
        space.factory,
        space.app("invoices"),
        space.spec("invoices", restartPolicy="Never"),
        schedule="15 2 * * *",
        created=space.created,
        kept=(3, 1),
    )
    minute = int(space.factory.now.timestamp() // MINUTE) - 25
    job = batch.scheduled_job(space.factory, cron, minute=minute, created=space.broken)
    status = batch.cron_job_status(scheduled=space.broken, successful=space.factory.ago(DAY), active=[])
    space.add(with_status(cron, status, time=space.broken))
    space.add(
        with_status(
            job, batch.job_status(started=space.broken, ended=space.broken, failed=True), time=space.broken
        )
    )
    for _ in range(3):
        pod, here = job_pod(space.factory, job, created=space.broken), space.pool.pick()
        told = finished(pod["spec"], Timestamps(space.broken, space.broken), here, code=3)
        space.add(placed(pod, here, told, time=space.broken))
    why = "Job has reached the specified backoff limit"
    space.warn(job, "BackoffLimitExceeded", why, "job-controller", times=1)


def retrying_job(space: IncidentSpace) -> None:
    """No incident: a Job whose first pod failed runs again."""
    spec = space.spec("import", restartPolicy="Never")
    job = batch.single_job(space.factory, space.app("import"), spec, created=space.broken)
    status = batch.job_status(started=space.broken)
    space.add(with_status(job, {**status, "failed": 1}, time=space.broken))
    times = Timestamps(space.broken, space.broken)
    first, second = (job_pod(space.factory, job, created=space.broken) for _ in range(2))
    here = space.pool.pick()
    space.add(placed(first, here, finished(first["spec"], times, here, code=1), time=space.broken))
    here = space.pool.pick()
    space.add(placed(second, here, running(second["spec"], times, here), time=space.broken))


def suspended(space: IncidentSpace) -> None:
    """No incident: a CronJob is suspended."""
    cron = batch.cron_job(
        space.factory,
        space.app("newsletter"),
        space.spec("newsletter", restartPolicy="Never"),
        schedule="0 7 * * 1",
        created=space.created,
        kept=(3, 1),
        suspend=True,
    )
    status = batch.cron_job_status(
        scheduled=space.factory.ago(9 * DAY), successful=space.factory.ago(9 * DAY - HOUR), active=[]
    )
    space.add(with_status(cron, status, time=space.factory.ago(9 * DAY)))


def scaled_to_zero(space: IncidentSpace) -> None:
    """No incident: a Deployment is scaled to zero on purpose."""
    space.served("loadtest", space.spec("loadtest"), replicas=0)


def _ingress(
    space: IncidentSpace, name: str, service: str, *, port: Json | None = None, tls: str = ""
) -> None:
    made = network.ingress(
        space.factory,
        space.app(name),
        host=f"{name}.{space.name}.example.com",
        backends=[("/", service)],
        tls=tls,
        ingress_class="nginx",
        created=space.created,
    )
    if port is not None:
        made["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = port
    space.add(made)
