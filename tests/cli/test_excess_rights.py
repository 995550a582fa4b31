"""What `astrolabe check` says of rights beyond the need."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from astrolabe.cli.check_finding import Finding
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.server import Simulator
from tests.cli.checking import found, store
from tests.support.kinds import WATCHED


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(store(), authorizer=Authorizer()) as simulator:
        yield simulator


ALL_READ = ["get", "list", "watch"]


@pytest.mark.parametrize(
    ("more", "settings", "beyond"),
    [
        # What the role of the original has, which may be left over.
        (
            {
                "": [
                    {"verbs": ALL_READ, "apiGroups": [""], "resources": ["secrets", "pods", "endpoints"]},
                    {"verbs": ALL_READ, "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"]},
                ]
            },
            {},
            "get on secrets and pods; get, list and watch on endpoints and roles.rbac.authorization.k8s.io",
        ),
        (
            {"default": [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]},
            {},
            "get on secrets in default",
        ),
        # In a namespace that is nobody's.
        (
            {"shop": [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]},
            {},
            "get on secrets in shop",
        ),
        (
            {"": [{"verbs": ["*"], "apiGroups": [""], "resources": ["*"]}]},
            {},
            "everything on every resource of the core group",
        ),
        (
            {
                "": [
                    {
                        "verbs": ["get"],
                        "apiGroups": [""],
                        "resources": ["secrets"],
                        "resourceNames": ["one", "two"],
                    }
                ]
            },
            {},
            "get on secrets (one,two)",
        ),
        # Of kinds that are not watched, and in namespaces that are not.
        (
            {"": [{"verbs": ["list"], "apiGroups": [""], "resources": ["secrets", "pods"]}]},
            {"kinds": ("Pod",)},
            "list on secrets (checked in default and kube-system)",
        ),
        (
            {
                "shop": [{"verbs": ["list", "watch"], "apiGroups": [""], "resources": ["pods"]}],
                "kube-system": [{"verbs": ["delete"], "apiGroups": ["apps"], "resources": ["deployments"]}],
            },
            {"kinds": ("Pod",), "namespaces": ("shop",)},
            "delete on deployments.apps in kube-system (checked in default, kube-system and shop)",
        ),
        (
            {"": [{"verbs": ["list", "watch"], "apiGroups": [""], "resources": ["pods"]}]},
            {"kinds": ("Pod",), "namespaces": ("shop",)},
            "list and watch on pods in default and kube-system (checked in default, kube-system and shop)",
        ),
    ],
)
async def test_rights_beyond_what_is_needed_are_named(
    more: dict[str, list[dict[str, list[str]]]], settings: dict[str, tuple[str, ...]], beyond: str
) -> None:
    authorizer = Authorizer()
    authorizer.more = more
    authorizer.restrict("Event", settings.get("namespaces", ()))
    for kind in WATCHED if settings else ():
        authorizer.restrict(kind.name, settings.get("namespaces", ()) if kind.name == "Pod" else ())
    if settings == {"kinds": ("Pod",)}:
        authorizer.allow("Pod")
    async with Simulator(store("shop"), authorizer=authorizer) as simulator:
        finding = (await found(simulator, **settings))["Rights"]
    assert finding == Finding(
        "Rights",
        "warning",
        f"more than Astrolabe needs: {beyond}; an earlier installation may have left a binding: "
        "kubectl get rolebindings,clusterrolebindings -A -o wide",
        about="rights of the account",
    )


async def test_rights_are_reviewed_in_a_limited_number_of_namespaces() -> None:
    authorizer, others = Authorizer(), [f"shop-{number:03}" for number in range(120)]
    read = [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]
    authorizer.more = {"kube-system": read, **dict.fromkeys(others, read)}
    async with Simulator(store(*others), authorizer=authorizer) as simulator:
        finding = (await found(simulator))["Rights"]
        asked = [each.path for each in simulator.request_log.requests if each.path.endswith("rulesreviews")]
    assert len(asked) == 100
    assert (
        "get on secrets in kube-system, shop-000, shop-001, shop-002, shop-003 and 94 more"
        " (checked in the first 100 namespaces);"
    ) in finding.advice


async def test_rights_are_reviewed_in_the_own_namespace_if_namespaces_cannot_be_listed() -> None:
    authorizer = Authorizer()
    authorizer.restrict("Event", ("shop",))
    for kind in WATCHED:
        authorizer.restrict(kind.name, ("shop",) if kind.name == "Pod" else ())
    async with Simulator(store("shop", "web"), authorizer=authorizer) as simulator:
        finding = (await found(simulator, kinds=("Pod",), namespaces=("shop",)))["Rights"]
    asked = "default, kube-system and shop"
    assert (finding.outcome, finding.about) == (
        "ok",
        f"list and watch only (checked in {asked})",
    )


async def test_an_administrator_is_summarized(simulator: Simulator) -> None:
    simulator.authorizer.more = {"": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}
    finding = (await found(simulator))["Rights"]
    assert (finding.outcome, finding.advice) == (
        "warning",
        "the account is an administrator; a server should have only the role in deploy/",
    )


@pytest.mark.parametrize(
    ("more", "outcome"),
    [([], "ok"), ([{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}], "warning")],
)
async def test_if_rights_cannot_be_listed_the_worst_are_reviewed(
    simulator: Simulator, more: list[dict[str, list[str]]], outcome: str
) -> None:
    simulator.authorizer.complete = False
    simulator.authorizer.more = {"": more}
    finding = (await found(simulator))["Rights"]
    assert finding.outcome == outcome
    assert ("get on secrets" in finding.advice) == bool(more)
