"""What watched roles and bindings say: who has rights where, and whom a change of them concerns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from astrolabe.graph.model.facts import Facts
from astrolabe.kinds.rbac import CLUSTER_ROLE_BINDING, ROLE_BINDING
from astrolabe.kube.known_roles import CLUSTER_ROLE, MOST_LISTED, ROLE, KnownRoles
from astrolabe.users import RightsChange, User
from tests.support.tenants import binding, role, rule

_KINDS = {
    kind.key.partition(".")[0]: kind for kind in (ROLE, CLUSTER_ROLE, ROLE_BINDING, CLUSTER_ROLE_BINDING)
}
JANE = User("jane", ("team", "system:authenticated"))
PODS, SECRETS, DEPLOYMENTS = ("", "pods"), ("", "secrets"), ("apps", "deployments")


def facts(kind: str, manifest: dict[str, Any]) -> Facts:
    entry = _KINDS[kind]
    meta = manifest["metadata"]
    told = {**manifest, "metadata": {**meta, "uid": f"{kind}/{meta.get('namespace', '')}/{meta['name']}"}}
    return entry.facts(entry.decoder.decode(json.dumps(told)))


def put(known: KnownRoles, *objects: tuple[str, dict[str, Any]]) -> list[RightsChange | None]:
    return [known.set(_KINDS[kind].key, facts(kind, manifest)) for kind, manifest in objects]


def take(known: KnownRoles, kind: str, manifest: dict[str, Any]) -> RightsChange | None:
    return known.drop(_KINDS[kind].key, facts(kind, manifest).uid)


def test_a_role_concerns_those_whom_bindings_name_for_it_and_what_it_permits_to_list() -> None:
    known = KnownRoles()
    put(
        known,
        role("reader", rule("pods", "secrets")),
        binding("team", "reader", "Group/team", namespace="shop"),
        binding("more", "reader", "User/jane", "Group/team", namespace="bank"),
        binding("wide", "reader", "User/john"),
        binding("else", "writer", "User/jack", namespace="bank"),
    )
    everybody = {"group team": {"shop", "bank"}, "user jane": {"bank"}, "user john": {""}}
    changes = put(
        known,
        role("reader", rule("pods")),
        role("reader", rule("pods"), rule("deployments", group="apps", verbs=["list"])),
        role("reader", rule("pods"), rule("deployments", group="apps", verbs=["*"])),
        role("reader", rule("pods"), rule("secrets", resourceNames=["one"])),
        role("reader", rule("pods", verbs=["get", "watch"])),
        role("reader", rule("pods", verbs=["get", "watch"])),
    )
    assert changes == [
        RightsChange(everybody, {SECRETS}),
        RightsChange(everybody, {DEPLOYMENTS}),
        RightsChange(everybody, set()),
        RightsChange(everybody, {DEPLOYMENTS}),
        RightsChange(everybody, {PODS}),
        None,
    ]
    put(known, role("reader", rule("pods")))
    assert take(known, *role("reader")) == RightsChange(everybody, {PODS})


def test_a_binding_concerns_those_whom_it_names_newly_or_no_more() -> None:
    known = KnownRoles()
    put(known, role("reader", rule("pods")))
    changes = put(
        known,
        binding("team", "reader", "Group/team", "User/john", namespace="shop"),
        binding("team", "reader", "Group/team", "User/jane", namespace="shop"),
        binding("team", "reader", "Group/team", "User/jane", namespace="shop"),
    )
    assert changes == [
        RightsChange({"group team": {"shop"}, "user john": {"shop"}}, {PODS}),
        RightsChange({"user john": {"shop"}, "user jane": {"shop"}}, {PODS}),
        None,
    ]
    assert known.namespaces_of(JANE) == {"shop"}
    assert known.bound_as(JANE) == {"user jane", "group team"}
    gone = take(known, *binding("team", "reader", namespace="shop"))
    assert gone == RightsChange({"group team": {"shop"}, "user jane": {"shop"}}, {PODS})
    assert known.namespaces_of(JANE) == set()
    assert known.bound_as(JANE) == set()


def test_a_binding_to_a_role_that_is_not_known_may_grant_anything_until_all_roles_are() -> None:
    known = KnownRoles()
    (change,) = put(known, binding("a", "later", "User/jane", namespace="shop"))
    assert change == RightsChange({"user jane": {"shop"}})
    known.complete = True
    (change,) = put(known, binding("b", "later", "User/jane", namespace="bank"))
    assert change == RightsChange({"user jane": {"bank"}}, set())
    (change,) = put(known, role("later", rule("pods")))
    assert change == RightsChange({"user jane": {"shop", "bank"}}, {PODS})


def test_a_role_of_a_namespace_is_another_one_than_that_of_the_same_name_elsewhere() -> None:
    known = KnownRoles()
    put(
        known,
        binding("here", "reader", "User/jane", namespace="shop", kind="Role"),
        binding("there", "reader", "User/john", namespace="bank", kind="Role"),
        binding("wide", "reader", "User/jack", namespace="bank"),
    )
    assert put(known, role("reader", rule("pods"), namespace="bank")) == [
        RightsChange({"user john": {"bank"}}, {PODS})
    ]


@pytest.mark.parametrize("count", [MOST_LISTED, MOST_LISTED + 1])
def test_a_role_with_too_many_rules_may_have_changed_in_any_way(count: int) -> None:
    known, half = KnownRoles(), MOST_LISTED // 4
    rules = [
        rule(*[f"r{number}" for number in range(at, min(at + half, count))]) for at in range(0, count, half)
    ]
    put(known, binding("team", "reader", "Group/team"))
    (change,) = put(known, role("reader", *rules))
    assert change is not None
    assert change.places == {"group team": {""}}
    assert (change.listed is None) is (count > MOST_LISTED)
    (change,) = put(known, role("reader", rule("pods")))
    assert change is not None
    assert (change.listed is None) is (count > MOST_LISTED)
