"""`astrolabe check --auth=kubernetes` against a simulated API server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from astrolabe.cli.check import check
from astrolabe.cli.check_finding import Finding
from astrolabe.settings import Settings
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.faults import HttpStatus
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from tests.cli.checking import store

ACCOUNT = "system:serviceaccount:astrolabe-system:astrolabe"
Rule = dict[str, list[str]]


def creates(group: str, plural: str) -> Rule:
    return {"verbs": ["create"], "apiGroups": [group], "resources": [plural]}


TOKENS = creates("authentication.k8s.io", "tokenreviews")
RIGHTS = creates("authorization.k8s.io", "subjectaccessreviews")


def reads(*plurals: str) -> Rule:
    return {"verbs": ["list", "watch"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": [*plurals]}


ROLES = reads("roles", "rolebindings", "clusterroles", "clusterrolebindings")
ABOUT_ROLES = "list and watch on roles and bindings"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    authorizer = Authorizer({"its-own": ACCOUNT})
    authorizer.open_reviews = False
    async with Simulator(store("shop"), authorizer=authorizer) as simulator:
        yield simulator


async def found(
    simulator: Simulator, more: Mapping[str, list[Rule]], auth: str = "kubernetes", **settings: Any
) -> dict[str, Finding]:
    """What is found with these rights beside those to read all kinds."""
    simulator.authorizer.more = dict(more)
    with kubeconfig_file(simulator.url, user={"token": "its-own"}) as path:
        findings = await check(Settings(in_cluster=False, kubeconfig=path, auth=auth, **settings))
    return {finding.subject: finding for finding in findings}


async def test_all_rights_are_present_and_tried(simulator: Simulator) -> None:
    findings = await found(simulator, {"": [TOKENS, RIGHTS, ROLES]})
    assert [findings[name] for name in ("Token reviews", "Access reviews", "Roles", "Rights")] == [
        Finding("Token reviews", "ok", about=f"create on tokenreviews; tried: this is {ACCOUNT}"),
        Finding("Access reviews", "ok", about="create on subjectaccessreviews; tried"),
        Finding("Roles", "ok", about=ABOUT_ROLES),
        Finding("Rights", "ok", about="list and watch only"),
    ]
    assert {each.outcome for each in findings.values()} == {"ok"}
    # Without a way that needs them, they are too much.
    none = await found(simulator, {"": [TOKENS, RIGHTS, ROLES]}, auth="none")
    assert "Token reviews" not in none
    assert none["Rights"].advice.startswith("more than Astrolabe needs: create on subjectaccessreviews.auth")
    # A proxy says who users are.
    proxy = await found(simulator, {"": [RIGHTS, ROLES]}, auth="proxy")
    assert "Token reviews" not in proxy
    assert proxy["Access reviews"].outcome == "ok"


async def test_missing_rights_are_named_with_their_consequences(simulator: Simulator) -> None:
    findings = await found(simulator, {})
    binding = (
        "bind the account to the ClusterRole system:auth-delegator, as deploy/overlays/kubernetes-rights does"
    )
    assert findings["Token reviews"] == Finding(
        "Token reviews",
        "missing",
        f"without create on tokenreviews.authentication.k8s.io nobody can be let in: {binding}",
        about="create on tokenreviews",
    )
    assert findings["Access reviews"] == Finding(
        "Access reviews",
        "missing",
        f"without create on subjectaccessreviews.authorization.k8s.io nobody would see anything: {binding}",
        about="create on subjectaccessreviews",
    )
    assert findings["Roles"] == Finding(
        "Roles",
        "optional",
        "grant list and watch on rolebindings, clusterrolebindings, roles, clusterroles of "
        "rbac.authorization.k8s.io, as deploy/overlays/kubernetes-rights does. Without it, Astrolabe asks about "
        "every namespace that has something in it, and only once a minute: until then, users see what they saw "
        "before",
        about=ABOUT_ROLES,
    )


async def test_a_review_is_tried_not_only_permitted(simulator: Simulator) -> None:
    simulator.faults.add(HttpStatus(kind="TokenReview", verb="create", code=500, times=3))
    findings = await found(simulator, {"": [TOKENS, RIGHTS, ROLES]})
    assert findings["Token reviews"].outcome == "missing"
    assert findings["Token reviews"].advice.startswith("nobody can be let in: TokenReview answers 500")
    simulator.faults.add(HttpStatus(kind="SubjectAccessReview", verb="create", code=500, times=3))
    findings = await found(simulator, {"": [TOKENS, RIGHTS, ROLES]})
    assert findings["Access reviews"].advice.startswith(
        "nobody would see anything: SubjectAccessReview answers"
    )
    assert "its-own" not in str(findings)


async def test_in_single_namespaces_roles_and_cluster_roles_are_needed(
    simulator: Simulator,
) -> None:
    both = [TOKENS, RIGHTS, reads("clusterroles", "clusterrolebindings")]
    inside = reads("roles", "rolebindings")
    findings = await found(simulator, {"": both, "shop": [inside]}, namespaces=("shop",))
    assert findings["Roles"] == Finding("Roles", "ok", about=ABOUT_ROLES)
    lacking = await found(simulator, {"": both, "shop": [inside]}, namespaces=("shop", "bank"))
    assert lacking["Roles"].advice.startswith(
        "grant list and watch on rolebindings, roles of rbac.authorization.k8s.io in bank, as "
    )
    only_cluster = await found(simulator, {"": [*both, reads("rolebindings")]})
    assert only_cluster["Roles"].advice == (
        "grant list and watch on roles of rbac.authorization.k8s.io, as deploy/overlays/kubernetes-rights does. "
        "Without it, Astrolabe asks only once a minute: until then, users see what they saw before"
    )
