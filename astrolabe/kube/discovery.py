"""What the API server says about itself and our rights: version, served resources, permissions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from astrolabe.kube.client import VERIFY_TIMEOUT, Cluster
from astrolabe.kube.errors import UNDECODABLE, ApiError, RequestFailed


class _Version(msgspec.Struct):
    """apimachinery's version.Info."""

    git_version: str = msgspec.field(name="gitVersion")


class _ListedResource(msgspec.Struct):
    name: str


class _Resources(msgspec.Struct):
    """metav1.APIResourceList."""

    resources: list[_ListedResource]


async def version_of(cluster: Cluster) -> str:
    """The version, such as `v1.33.1`; "" if it is unknown."""
    try:
        body = await cluster.read("/version", {}, read_timeout=VERIFY_TIMEOUT)
        return msgspec.json.decode(body, type=_Version).git_version
    except (RequestFailed, *UNDECODABLE):
        return ""


async def served_resources(cluster: Cluster, api_version: str) -> frozenset[str] | None:
    """The plurals that it serves of a group and version (`v1`, `apps/v1`); None if that is unknown."""
    root = "/apis" if "/" in api_version else "/api"
    try:
        body = await cluster.read(f"{root}/{api_version}", {}, read_timeout=VERIFY_TIMEOUT)
        return frozenset(each.name for each in msgspec.json.decode(body, type=_Resources).resources)
    except ApiError as error:
        return frozenset() if error.code == 404 else None
    except (RequestFailed, *UNDECODABLE):
        return None


#: Groups of the reviews that every user may ask for.
_ASKING = ("authorization.k8s.io", "authentication.k8s.io")


class Right(NamedTuple):
    """One permission; `*` means everything.

    names: of the only permitted objects, separated by commas; "" for all objects.
    """

    verb: str
    group: str
    resource: str
    names: str = ""


class _Rule(msgspec.Struct, rename="camel"):
    verbs: list[str] = []
    api_groups: list[str] | None = None
    resources: list[str] | None = None
    resource_names: list[str] | None = None


class _RulesStatus(msgspec.Struct, rename="camel"):
    resource_rules: list[_Rule] | None = None
    incomplete: bool = False


class _RulesReview(msgspec.Struct):
    """The answer to a SelfSubjectRulesReview of authorization.k8s.io/v1."""

    status: _RulesStatus


async def rights_in(cluster: Cluster, namespace: str) -> tuple[frozenset[Right], bool]:
    """The permissions in a namespace, with those of ClusterRoleBindings, and whether the list is complete.

    It is incomplete if the API server also asks authorizers other than RBAC. Raises RequestFailed.
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
