"""Incidents in a real control plane: each word and count is that of the API server's own printer."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.api import Api
from tests.cluster.observer import observed
from tests.cluster.printer import Printer
from tests.cluster.stage import NODE, KubeletStage
from tests.support.kubectl import Kubectl

Json = dict[str, Any]

INCIDENTS = Path(__file__).parent / "incidents.yaml"
#: What they leave outside of their namespace.
OUTSIDE = [
    f"{each['kind'].lower()}/{each['metadata']['name']}"
    for each in yaml.safe_load_all(INCIDENTS.read_text())
    if "astrolabe" in each["metadata"]["name"]
]
READER = "astrolabe-test-reader"
TIME = "2026-01-01T00:00:00Z"

#: What is told of each, somewhere in its message: as the controller or the API server says it.
SAID = {
    "Deployment over-quota": "exceeded quota: team, requested: requests.cpu=15",
    "StatefulSet too-large": "maximum memory usage per Container is 1Gi",
    "Job no-account": 'serviceaccount "nosuch" not found',
    "Deployment refused": 'failed calling webhook "pods.astrolabe.test"',
    "HorizontalPodAutoscaler no-metrics": "unable to fetch metrics from resource metrics API",
    "HorizontalPodAutoscaler no-target": 'deployments.apps "nosuch" not found',
    "APIService v1.nosuch.astrolabe.test": 'service/nosuch in "astrolabe-test-a" is not present',
    "PersistentVolumeClaim no-volume": "nosuch",
    "ReplicationController old": "SchedulingGated",
    "ResourceQuota team": "",
    "ConfigMap held": "astrolabe.test/held",
}


@pytest.fixture
async def outside(kubectl: Kubectl, account: Kubectl, widgets: None) -> AsyncIterator[None]:
    """Room for what is in no namespace, and an account that may read roles and widgets."""
    remove = ("delete", "--ignore-not-found", "--wait=false")
    await kubectl(*remove, *OUTSIDE, f"clusterrole/{READER}", f"clusterrolebinding/{READER}")
    resources = "roles,rolebindings,clusterroles,clusterrolebindings,widgets.astrolabe.test"
    await kubectl("create", "clusterrole", READER, "--verb=list,watch", f"--resource={resources}")
    subject = "--serviceaccount=astrolabe-system:astrolabe"
    await kubectl("create", "clusterrolebinding", READER, f"--clusterrole={READER}", subject)
    yield
    await kubectl(*remove, *OUTSIDE, f"clusterrole/{READER}", f"clusterrolebinding/{READER}")


@pytest.mark.timeout(300)
async def test_refusals_of_a_control_plane_are_quoted(
    kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str], outside: None
) -> None:
    place = ("--namespace", namespaces[0])
    async with observed(kubectl, account, namespaces, "--kinds=+rbac", events=True, roles=True) as observer:
        await kubectl("apply", *place, "-f", INCIDENTS)
        await kubectl("create", "configmap", "held", *place)
        finalizer = '--patch={"metadata":{"finalizers":["astrolabe.test/held"]}}'
        await kubectl("patch", "configmap", "held", "--type=merge", finalizer, *place)
        await kubectl("delete", "configmap", "held", "--wait=false", *place)
        await observer.agrees()
        await observer.says(SAID)


#: Widgets: the condition Ready of each, as status and reason.
WIDGETS = {
    "well": ("True", "AllGood"),
    "broken": ("False", "ProvisioningFailed"),
    "waits": ("Unknown", "WaitingForDisk"),
    "new": None,
}


@pytest.mark.timeout(120)
async def test_custom_resources_match_their_printer_columns(
    kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str], admin: Api, outside: None
) -> None:
    group = "astrolabe.test/v1"
    async with (
        admin.session() as http,
        observed(kubectl, account, namespaces) as observer,
    ):
        stage = KubeletStage(admin, http, namespaces[0])
        for name, ready in WIDGETS.items():
            await stage.create("widgets", name, group, apiVersion=group, kind="Widget")
            if ready is not None:
                condition = {
                    "type": "Ready",
                    "status": ready[0],
                    "reason": ready[1],
                    "message": f"it is {name}",
                }
                condition["lastTransitionTime"] = TIME
                await stage.patch("widgets", f"{name}/status", group, status={"conditions": [condition]})
        told = {f"Widget {name}": f"it is {name}" for name, ready in WIDGETS.items() if ready is not None}
        nodes = await observer.says({**told, "Widget new": ""})
        printed = await Printer(admin.kubeconfig).tables(
            {"Widget": f"/apis/{group}/namespaces/{namespaces[0]}/widgets"}
        )
    columns = {row["Name"]: (row["Ready"], row["Reason"]) for row in printed["Widget"].values()}
    assert columns == {name: ready or (None, None) for name, ready in WIDGETS.items()}
    for name, (ready, reason) in columns.items():
        node = nodes[f"Widget {name}"]
        assert (node["status"] == "Ready") is (ready == "True"), node
        assert reason in (node["reason"], None) or ready == "True", node


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(3))
async def test_pods_in_any_state_are_printed_alike(
    kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str], admin: Api, node: str, seed: int
) -> None:
    rng = random.Random(seed)
    async with (
        admin.session() as http,
        observed(kubectl, account, namespaces) as observer,
    ):
        stage = KubeletStage(admin, http, namespaces[0])
        for number in range(60):
            await add_pod(stage, rng, f"p{number}")
        seen = await observer.agrees()
    reasons = {node["status"][1] for node in seen["nodes"].values() if node["node"].startswith("Pod ")}
    assert len(reasons) > 10, reasons


async def add_pod(stage: KubeletStage, rng: random.Random, name: str) -> None:
    """A Pod on the Node, in a state that a kubelet may write, or an odd one."""
    containers = [f"c{number}" for number in range(rng.randint(1, 3))]
    inits = [f"i{number}" for number in range(rng.choice([0, 0, 1, 2]))]
    spec: Json = {
        "containers": [{"name": each, "image": "registry.k8s.io/pause:3.10"} for each in containers],
        "initContainers": [
            {
                "name": each,
                "image": "registry.k8s.io/pause:3.10",
                **rng.choice([{}, {}, {"restartPolicy": "Always"}]),
            }
            for each in inits
        ],
        "restartPolicy": rng.choice(["Always", "Always", "OnFailure", "Never"]),
        "automountServiceAccountToken": False,
        "readinessGates": rng.choice([[], [], [{"conditionType": "astrolabe.test/gate"}]]),
    }
    if rng.random() < 0.9:
        spec["nodeName"] = NODE
    finalizers = ["astrolabe.test/held"] if rng.random() < 0.2 else []
    await stage.create("pods", name, metadata={"finalizers": finalizers}, spec=spec)
    if rng.random() < 0.95:
        status = {
            "phase": rng.choice(
                ["Pending", "Pending", "Running", "Running", "Running", "Succeeded", "Failed", "Unknown"]
            ),
            "conditions": conditions(rng),
            "containerStatuses": [status_of(rng, each) for each in containers if rng.random() < 0.9],
            "initContainerStatuses": [status_of(rng, each) for each in inits if rng.random() < 0.9],
        }
        if rng.random() < 0.15:
            status["reason"] = rng.choice(["Evicted", "NodeLost", "Shutdown", "DeadlineExceeded", "OutOfcpu"])
            status["message"] = "of the tests"
        await stage.patch("pods", f"{name}/status", status=status)
    if finalizers or rng.random() < 0.1:
        await stage.delete("pods", name)


def conditions(rng: random.Random) -> list[Json]:
    kinds = ["Initialized", "Ready", "ContainersReady", "PodScheduled", "DisruptionTarget"]
    return [
        {
            "type": each,
            "status": rng.choice(["True", "True", "False", "Unknown"]),
            "lastTransitionTime": TIME,
            "reason": rng.choice(["", "PodCompleted", "SchedulingGated", "Unschedulable"]),
        }
        for each in kinds
        if rng.random() < 0.6
    ]


def status_of(rng: random.Random, name: str) -> Json:
    words = [
        "",
        "CrashLoopBackOff",
        "ContainerCreating",
        "PodInitializing",
        "ErrImagePull",
        "ImagePullBackOff",
    ]
    end = {
        "exitCode": rng.choice([0, 0, 1, 137]),
        "signal": rng.choice([0, 0, 9]),
        "reason": rng.choice(["", "Completed", "Error", "OOMKilled", "ContainerCannotRun"]),
        "startedAt": TIME,
        "finishedAt": rng.choice([TIME, None]),
    }
    state = rng.choice(
        [
            {},
            {"waiting": {"reason": rng.choice(words)}},
            {"running": {"startedAt": TIME}},
            {"terminated": end},
        ]
    )
    return {
        "name": name,
        "image": "",
        "imageID": "",
        "ready": rng.random() < 0.5,
        "started": rng.choice([None, True, False]),
        "restartCount": rng.choice([0, 0, 1, 7]),
        "state": state,
        "lastState": rng.choice([{}, {"terminated": end}]),
    }
