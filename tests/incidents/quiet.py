"""Incidents that are none: what is meant, over, young or of no consequence."""

from __future__ import annotations

from typing import Any

from tests.incidents.made import (
    APP,
    JUST_NOW,
    MADE,
    MadeCluster,
    condition,
    finished,
    mounting_data,
    running,
)
from tests.incidents.registry import case

Json = dict[str, Any]


@case()
def well_drained_node(c: MadeCluster) -> None:
    c.node(
        "n2",
        condition("Ready", "True", "KubeletReady", ""),
        unschedulable=True,
        taints=[{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}],
    )
    c.daemon_set(ready=2)
    c.pod("agent-a", running(), owner="DaemonSet/agent", labels={"app": "agent"})
    c.pod("agent-b", running(spec={"nodeName": "n2"}), owner="DaemonSet/agent", labels={"app": "agent"})
    c.workload("web", running())
    c.add(
        "PodDisruptionBudget",
        "web",
        spec={"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        status={
            "currentHealthy": 1,
            "desiredHealthy": 0,
            "expectedPods": 1,
            "disruptionsAllowed": 1,
            "conditions": [condition("DisruptionAllowed", "True", "SufficientPods", "")],
        },
    )


@case()
def well_budget_that_an_eviction_used_up(c: MadeCluster) -> None:
    c.workload(
        "web",
        running(),
        running(ready=False, since=JUST_NOW, created=JUST_NOW),
        replicas=2,
        conditions=[condition("Progressing", "True", "NewReplicaSetAvailable", "")],
    )
    c.add(
        "PodDisruptionBudget",
        "web",
        spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        status={
            "currentHealthy": 1,
            "desiredHealthy": 1,
            "expectedPods": 2,
            "disruptionsAllowed": 0,
            "conditions": [condition("DisruptionAllowed", "False", "InsufficientPods", "")],
        },
    )


@case()
def well_old_revision_that_lacks_what_was_deleted(c: MadeCluster) -> None:
    c.workload("web", running())
    labels = {"app": "web", "pod-template-hash": "old"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{**APP, "envFrom": [{"configMapRef": {"name": "old"}}]}]},
    }
    c.add(
        "ReplicaSet",
        "web-old",
        owner="Deployment/web",
        meta={"labels": labels, "annotations": {"deployment.kubernetes.io/revision": "0"}},
        spec={"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
        status={"replicas": 0},
    )


@case()
def well_suspended_without_its_secret(c: MadeCluster) -> None:
    env = [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "p"}}}]
    template = {"spec": {"containers": [{**APP, "env": env}]}}
    c.add(
        "CronJob",
        "nightly",
        spec={"schedule": "0 0 * * *", "suspend": True, "jobTemplate": {"spec": {"template": template}}},
        status={},
    )
    c.add(
        "Job",
        "once",
        spec={"suspend": True, "template": template},
        status={"conditions": [condition("Suspended", "True", "JobSuspended", "Job suspended")]},
    )
    c.workload("web", replicas=0, template=template["spec"], conditions=[])


@case()
def well_cron_job_without_history(c: MadeCluster) -> None:
    c.add(
        "CronJob",
        "nightly",
        spec={"schedule": "0 0 * * *", "successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0},
        status={"lastScheduleTime": MADE, "lastSuccessfulTime": "2026-01-01T00:41:00Z"},
    )


@case()
def well_balancer_that_waits_for_its_address(c: MadeCluster) -> None:
    c.workload("web", running(since=JUST_NOW), serve=False, created=JUST_NOW)
    c.service("web", [("web-0", True)], type="LoadBalancer")
    c.manifests()[-2]["metadata"]["creationTimestamp"] = JUST_NOW


@case()
def well_node_that_shuts_down_gracefully_and_is_back(c: MadeCluster) -> None:
    c.workload("web", running())
    c.leftover("Terminated", "Pod was terminated in response to imminent node shutdown.")


@case()
def well_claim_of_a_finished_run(c: MadeCluster) -> None:
    c.claim("data")
    c.add(
        "Job",
        "once",
        spec={"completions": 1},
        status={"succeeded": 1, "conditions": [condition("Complete", "True", "", "")]},
    )
    c.pod(
        "once-a",
        {**finished("Succeeded", code=0), "spec": mounting_data(node="n1", claim="data")},
        owner="Job/once",
    )


@case()
def well_resize_that_waits_for_the_pod(c: MadeCluster) -> None:
    c.claim("data")
    c.manifests()[-1]["status"]["conditions"] = [
        condition(
            "FileSystemResizePending",
            "True",
            "",
            "Waiting for user to (re-)start a pod to finish file system resize of volume on node.",
        )
    ]
    c.workload("web", running(spec=mounting_data(node="n1")))


@case()
def well_quota_that_is_used_up(c: MadeCluster) -> None:
    c.add(
        "ResourceQuota",
        "team",
        spec={"hard": {"pods": "1"}},
        status={"hard": {"pods": "1"}, "used": {"pods": "1"}},
    )
    c.workload("web", running())
