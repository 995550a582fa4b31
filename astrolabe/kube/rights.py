"""What the credentials may do, as the API server lists it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from astrolabe.kube.client import Cluster

#: Asking this is what everyone may do.
_ASKING = ("authorization.k8s.io", "authentication.k8s.io")


class Right(NamedTuple):
    """One thing that may be done; `*` is everything. names: of the only objects, with commas; "": all."""

    verb: str
    group: str
    resource: str
    names: str = ""


class _Rule(msgspec.Struct, rename="camel"):
    verbs: list[str] = []
    api_groups: list[str] | None = None
    resources: list[str] | None = None
    resource_names: list[str] | None = None


class _Status(msgspec.Struct, rename="camel"):
    resource_rules: list[_Rule] | None = None
    incomplete: bool = False


class _RulesReview(msgspec.Struct):
    """authorization.k8s.io/v1, SelfSubjectRulesReview, as it is answered."""

    status: _Status


async def rights_in(cluster: Cluster, namespace: str) -> tuple[frozenset[Right], bool]:
    """What may be done in a namespace and, by a ClusterRoleBinding, in all of them; and whether that is all.

    An API server that asks others than its own roles does not know all. Raises RequestFailed.
    """
    answer = await cluster.review("SelfSubjectRulesReview", {"namespace": namespace}, _RulesReview)
    rules = answer.status.resource_rules or []
    return frozenset(right for rule in rules for right in _rights(rule)), not answer.status.incomplete


def _rights(rule: _Rule) -> Iterator[Right]:
    names = ",".join(rule.resource_names or ())
    for group in rule.api_groups or ():
        for resource in rule.resources or ():
            if group in _ASKING and resource.startswith("selfsubject"):
                continue
            for verb in rule.verbs:
                yield Right(verb, group, resource, names)
