"""What is told of a pod by its containers, as an operator would want to read it."""

from __future__ import annotations

import json

import pytest

from tests.field.pods import (
    EPOCH,
    RUNC,
    SIDECAR,
    back_off,
    conditions,
    end,
    ended,
    pod,
    running,
    waits,
)
from tests.field.test_workloads import T2, T3, Object, event, told

#: what it is → its objects, and status, reason and message of the pod
PODS: dict[str, tuple[list[Object], tuple[str, str, str]]] = {
    "a program that does not exist": (
        [pod(back_off("app", end(128, "StartError", message=RUNC, started=EPOCH), 4))],
        (
            "Error",
            "CrashLoopBackOff",
            f"container app cannot start: StartError (exit code 128), 4 restarts, last at {T2}: {RUNC}",
        ),
    ),
    "the same for the first time": (
        [pod(ended("app", end(128, "StartError", message=RUNC, started=EPOCH)))],
        (
            "Pending",
            "StartError",
            f"container app could not start: StartError (exit code 128), and is started again: {RUNC}",
        ),
    ),
    "the same while it waits": (
        [pod(waits("app", "RunContainerError", RUNC))],
        ("Error", "RunContainerError", RUNC),
    ),
    "the same of a pod that is not restarted": (
        [
            pod(
                ended("app", end(128, "StartError", message=RUNC, started=EPOCH)),
                phase="Failed",
                spec={"restartPolicy": "Never"},
            )
        ],
        ("Error", "StartError", f"container app could not start: StartError (exit code 128): {RUNC}"),
    ),
    "an init container, with Docker": (
        [
            pod(
                waits("app", "PodInitializing"),
                inits=(back_off("migrate", end(127, "ContainerCannotRun", message="no such file"), 3),),
                phase="Pending",
                conditions=conditions(initialized="False"),
            )
        ],
        (
            "Error",
            "Init:CrashLoopBackOff",
            f"init container migrate cannot start: ContainerCannotRun (exit code 127), 3 restarts, last at {T2}: no such file",
        ),
    ),
    "a node that was reset": (
        [
            pod(
                ended(
                    "app",
                    end(
                        137,
                        "ContainerStatusUnknown",
                        message="The container could not be located when the pod was terminated",
                    ),
                ),
                phase="Failed",
            )
        ],
        (
            "Error",
            "ContainerStatusUnknown",
            "container app terminated: ContainerStatusUnknown (exit code 137): The container could not be located when the pod was terminated",
        ),
    ),
    "two containers fail, and of one nobody knows how": (
        [
            pod(
                waits("app", "CrashLoopBackOff", "back-off 10s restarting failed container=app"),
                waits("web", "ImagePullBackOff", 'Back-off pulling image "web:9"'),
            )
        ],
        ("Error", "CrashLoopBackOff", 'container web: Back-off pulling image "web:9"'),
    ),
    "two containers fail, and kubectl prints the first": (
        [pod(back_off("app", end(1), 3), waits("web", "ImagePullBackOff", 'Back-off pulling image "web:9"'))],
        (
            "Error",
            "CrashLoopBackOff",
            f"container app keeps ending: Error (exit code 1), 3 restarts, last at {T2}",
        ),
    ),
    "two containers keep ending, one much more often": (
        [pod(back_off("app", end(1), 3), back_off("web", end(137, "OOMKilled"), 60))],
        (
            "Error",
            "CrashLoopBackOff",
            f"container web keeps ending: OOMKilled (exit code 137), 60 restarts, last at {T2}",
        ),
    ),
    "one has failed for good, another cannot be pulled": (
        [
            pod(
                ended("app", end(2)),
                waits("web", "ErrImagePull", "not found"),
                spec={"restartPolicy": "Never"},
            )
        ],
        ("Error", "Error", "container app terminated: Error (exit code 2)"),
    ),
    "a sidecar keeps ending beside a container that runs": (
        [pod(running("app"), inits=(back_off("proxy", end(1), 5),), spec=SIDECAR)],
        (
            "Error",
            "Init:CrashLoopBackOff",
            f"sidecar proxy keeps ending: Error (exit code 1), 5 restarts, last at {T2}",
        ),
    ),
    "a sidecar has not passed its startup probe": (
        [
            pod(
                waits("app", "PodInitializing"),
                inits=(running("proxy", ready=False, started=False),),
                phase="Pending",
                spec=SIDECAR,
                conditions=conditions(initialized="False"),
            ),
            event("Pod x", "Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 503"),
        ],
        ("Pending", "Init:0/1", "Startup probe failed: HTTP probe failed with statuscode: 503"),
    ),
    "a sidecar whose image does not exist": (
        [
            pod(
                waits("app", "PodInitializing"),
                inits=(waits("proxy", "ErrImagePull", 'failed to resolve reference "p:1": not found'),),
                phase="Pending",
                spec=SIDECAR,
                conditions=conditions(initialized="False"),
            )
        ],
        ("Error", "Init:ErrImagePull", 'sidecar proxy: failed to resolve reference "p:1": not found'),
    ),
    "an init container that needs too much memory": (
        [
            pod(
                waits("app", "PodInitializing"),
                inits=(ended("migrate", end(137, "OOMKilled"), restartCount=2),),
                phase="Pending",
                conditions=conditions(initialized="False"),
            )
        ],
        (
            "Error",
            "Init:OOMKilled",
            f"init container migrate keeps ending: OOMKilled (exit code 137), 2 restarts, last at {T2}",
        ),
    ),
    "it ended once, and runs again": (
        [pod(running("app", ready=False, restartCount=1, lastState=end(1)))],
        (
            "Pending",
            "Running",
            f"container app is not ready; before, it terminated: Error (exit code 1) at {T2}",
        ),
    ),
    "it could not start once, and runs": (
        [
            pod(
                running(
                    "app",
                    ready=False,
                    restartCount=1,
                    lastState=end(128, "StartError", message=RUNC, started=EPOCH),
                )
            )
        ],
        (
            "Pending",
            "Running",
            f"container app is not ready; before, it could not start: StartError (exit code 128) at {T2}: {RUNC}",
        ),
    ),
    "it ends well, and is to run for ever": (
        [pod(ended("app", end(0), restartCount=4))],
        (
            "Pending",
            "Completed",
            f"container app keeps ending: Completed (exit code 0), 4 restarts, last at {T2}",
        ),
    ),
    "the same once": (
        [pod(ended("app", end(0)))],
        ("Pending", "Completed", "container app terminated: Completed (exit code 0), and is started again"),
    ),
    "its work is done, and its sidecar is still there": (
        [pod(ended("app", end(0)), inits=(running("proxy"),), spec={**SIDECAR, "restartPolicy": "Never"})],
        ("Pending", "Completed", "container app has ended, proxy is still running"),
    ),
    "a hook of its start fails": (
        [pod(back_off("app", end(137), 4)), event("Pod x", "FailedPostStartHook", "PostStartHook failed")],
        (
            "Error",
            "CrashLoopBackOff",
            f"container app keeps ending: Error (exit code 137), 4 restarts, last at {T2}; PostStartHook failed",
        ),
    ),
    "the second init container fails": (
        [
            pod(
                waits("app", "PodInitializing"),
                inits=(ended("wait", end(0)), back_off("migrate", end(3), 7)),
                phase="Pending",
                conditions=conditions(initialized="False"),
            )
        ],
        (
            "Error",
            "Init:CrashLoopBackOff",
            f"init container migrate keeps ending: Error (exit code 3), 7 restarts, last at {T2}",
        ),
    ),
    "its liveness probe ends it again and again": (
        [
            pod(back_off("app", end(137), 6)),
            event("Pod x", "BackOff", "Back-off restarting failed container app in pod x_shop(u)"),
            event("Pod x", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"),
        ],
        (
            "Error",
            "CrashLoopBackOff",
            f"container app keeps ending: Error (exit code 137), 6 restarts, last at {T2}; Liveness probe failed: HTTP probe failed with statuscode: 500",
        ),
    ),
    "its liveness probe ends it, and it goes quietly": (
        [
            pod(back_off("app", end(0), 6)),
            event(
                "Pod x",
                "Unhealthy",
                "Liveness probe failed: dial tcp 10.0.0.7:80: connect: connection refused",
            ),
        ],
        (
            "Error",
            "CrashLoopBackOff",
            f"container app keeps ending: Completed (exit code 0), 6 restarts, last at {T2}; Liveness probe failed: dial tcp 10.0.0.7:80: connect: connection refused",
        ),
    ),
    "somebody asks it to end again and again": (
        [pod(back_off("app", end(143), 6))],
        (
            "Error",
            "CrashLoopBackOff",
            f"container app keeps ending: Error (exit code 143), 6 restarts, last at {T2}",
        ),
    ),
    "a key is missing in its Secret": (
        [
            pod(
                waits("app", "CreateContainerConfigError", "couldn't find key password in Secret shop/db"),
                phase="Pending",
            )
        ],
        ("Error", "CreateContainerConfigError", "couldn't find key password in Secret shop/db"),
    ),
    "why the image cannot be pulled": (
        [
            pod(
                waits("app", "ImagePullBackOff", 'Back-off pulling image "registry.example/a:1"'),
                phase="Pending",
            ),
            event("Pod x", "Failed", "Error: ImagePullBackOff", since=T3),
            event(
                "Pod x",
                "Failed",
                'Failed to pull image "registry.example/a:1": unexpected status from HEAD request: 401 Unauthorized',
                since=T2,
            ),
        ],
        (
            "Error",
            "ImagePullBackOff",
            'Back-off pulling image "registry.example/a:1"; Failed to pull image "registry.example/a:1": unexpected status from HEAD request: 401 Unauthorized',
        ),
    ),
    "which of two images cannot be pulled": (
        [
            pod(running("app"), waits("web", "ImagePullBackOff", 'Back-off pulling image "web:9"')),
            event("Pod x", "Failed", 'Failed to pull image "app:1": i/o timeout', since=T3),
            event("Pod x", "Failed", 'Failed to pull image "web:9": not found', since=T2),
        ],
        (
            "Error",
            "ImagePullBackOff",
            'container web: Back-off pulling image "web:9"; Failed to pull image "web:9": not found',
        ),
    ),
    "newer kubelets say it themselves": (
        [
            pod(
                waits("app", "ImagePullBackOff", 'Back-off pulling image "a:1": ErrImagePull: not found'),
                phase="Pending",
            ),
            event("Pod x", "Failed", 'Failed to pull image "a:1": not found'),
        ],
        ("Error", "ImagePullBackOff", 'Back-off pulling image "a:1": ErrImagePull: not found'),
    ),
    "a rule starts it again, though its policy would not": (
        [
            pod(
                ended("app", end(42)),
                running("web"),
                spec={
                    "restartPolicy": "Never",
                    "containers": [
                        {
                            "name": "app",
                            "restartPolicy": "Never",
                            "restartPolicyRules": [
                                {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
                            ],
                        },
                        {"name": "web"},
                    ],
                },
            )
        ],
        ("Pending", "Error", "container app terminated: Error (exit code 42), and is started again"),
    ),
    "a rule that does not hold": (
        [
            pod(
                ended("app", end(1)),
                running("web"),
                spec={
                    "restartPolicy": "Never",
                    "containers": [
                        {
                            "name": "app",
                            "restartPolicy": "Never",
                            "restartPolicyRules": [
                                {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
                            ],
                        },
                        {"name": "web"},
                    ],
                },
            )
        ],
        ("Error", "Error", "container app terminated: Error (exit code 1)"),
    ),
}


@pytest.mark.parametrize(("objects", "expected"), PODS.values(), ids=PODS)
def test_status_of_a_pod(objects: list[Object], expected: tuple[str, str, str]) -> None:
    nodes = told(objects)
    assert tuple(nodes["Pod x"][key] for key in ("status", "reason", "message")) == expected
    assert told(reversed(objects)) == nodes


def test_output_of_containers_appears_nowhere() -> None:
    state = end(1, message="cannot log in as admin with 7h15-15-s3cr37")
    for containers in ([back_off("app", state, 3)], [ended("app", state)]):
        assert "s3cr37" not in json.dumps(told([pod(*containers)]))
