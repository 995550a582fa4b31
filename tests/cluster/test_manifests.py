"""What the guide tells a newcomer to apply, applied: the API server takes it, and has nothing to warn of."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from astrolabe.graph.state.identity import OWN_GROUPS
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.event import EVENT_ENTRIES
from tests.cluster.conftest import SYSTEM
from tests.support.documents import DEPLOYMENT, OVERLAYS, REDIS
from tests.support.kinds import WATCHED
from tests.support.kubectl import Kubectl
from tests.support.kustomize import render

WAYS: dict[str, tuple[str | Path, ...]] = {
    "one file": ("-f", DEPLOYMENT),
    "redis": ("-f", REDIS),
    **{path.name: ("-k", path) for path in sorted(OVERLAYS.iterdir())},
}


@pytest.mark.parametrize("way", WAYS)
async def test_the_manifests_apply_without_a_remaining_diff(
    kubectl: Kubectl, account: Kubectl, way: str
) -> None:
    await kubectl("apply", "--dry-run=server", *WAYS[way])
    await kubectl("apply", *WAYS[way])
    assert await kubectl("diff", *WAYS[way]) == ""


@pytest.mark.parametrize("overlay", ["in-memory", "persistent"])
async def test_pods_are_admitted_to_a_restricted_namespace(
    kubectl: Kubectl, account: Kubectl, overlay: str
) -> None:
    manifests = render(OVERLAYS / overlay)
    workloads = [each["spec"] for each in manifests if each["kind"] in ("Deployment", "StatefulSet")]
    assert workloads
    for workload in workloads:
        pod = {"apiVersion": "v1", "kind": "Pod", **workload["template"]}
        pod["metadata"] |= {"name": "admitted", "namespace": SYSTEM}
        claims = [each["metadata"]["name"] for each in workload.get("volumeClaimTemplates", ())]
        pod["spec"].setdefault("volumes", []).extend({"name": name, "emptyDir": {}} for name in claims)
        await kubectl("create", "--dry-run=server", "-f", "-", input=yaml.safe_dump(pod))


async def test_other_pods_are_not_admitted(kubectl: Kubectl, account: Kubectl) -> None:
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        await kubectl("run", "other", "--image=busybox", "--namespace", SYSTEM, "--dry-run=server")


async def test_the_account_may_list_and_watch_the_kinds_and_nothing_else(account: Kubectl) -> None:
    lines = (await account("auth", "can-i", "--list", "--no-headers")).splitlines()
    permitted = {line.split()[0]: line[line.rindex("[") :] for line in lines if not line.startswith(" ")}
    own = {name: verbs for name, verbs in permitted.items() if not name.startswith("selfsubject")}
    watched = [f"{kind.plural}.{kind.group}".rstrip(".") for kind in (*WATCHED, *EVENT_ENTRIES)]
    ruled = [group for group in RuleBook.shipped().groups if "." in group and group not in OWN_GROUPS]
    assert own == dict.fromkeys((*watched, *[f"*.{group}" for group in ruled]), "[list watch]")
