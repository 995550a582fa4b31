"""The rights of an account beyond those that serving needs, for `astrolabe check`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from astrolabe.engine.inbox import Scope
from astrolabe.graph.state.identity import OWN_GROUPS
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.event import EVENT, EVENT_ENTRIES
from astrolabe.kube.client import Cluster
from astrolabe.kube.discovery import Right, rights_in
from astrolabe.kube.role_watch import TELLING_OF_RIGHTS

#: The rights of an administrator.
EVERYTHING = "everything"

#: The verbs that a watch needs.
VERBS = ("list", "watch")

#: A namespace that every cluster has, and in which nobody has a Role by accident.
ELSEWHERE = "kube-system"

#: Most namespaces to check, and most requests at a time.
MOST_NAMESPACES = 100
_AT_A_TIME = 8

#: Most namespaces to list by name.
_FEW = 5

#: Rights to check one by one if the API server cannot list all of them: values of Secrets, and everything.
_TELLING = (Right("get", "", "secrets"), Right("*", "*", "*"))

#: What `--helm-details` needs.
_FOR_HELM = frozenset((Right("get", "", "secrets"), Right("get", "", "configmaps")))


class ExcessRights(NamedTuple):
    """rights: in one phrase; "" if there are none. asked: where it was checked; "" if everywhere."""

    rights: str
    asked: str


#: What `--auth=kubernetes` and `--auth=proxy` need.
_FOR_USERS = frozenset(
    (
        Right("create", "authentication.k8s.io", "tokenreviews"),
        Right("create", "authorization.k8s.io", "subjectaccessreviews"),
        *[Right(verb, kind.group, kind.plural) for kind in TELLING_OF_RIGHTS for verb in VERBS],
    )
)


async def excess(
    cluster: Cluster,
    scopes: Sequence[Scope],
    catalogue: Catalogue,
    home: str,
    *,
    helm_details: bool = False,
    asks_for_rights: bool = False,
) -> ExcessRights:
    """The rights of the account that these watches do not need, in every namespace that it may list.

    Events need either of their API groups, so neither is in excess.

    home: the namespace of the account. helm_details: what Helm keeps is read, too. asks_for_rights: the API
    server is asked about users. Raises RequestFailed.
    """
    namespaces, asked = await _choose(cluster, {home, *(scope.namespace for scope in scopes)} - {""})
    free = asyncio.Semaphore(_AT_A_TIME)

    async def ask(namespace: str) -> tuple[frozenset[Right], bool]:
        async with free:
            return await rights_in(cluster, namespace)

    listed = await asyncio.gather(*[ask(each) for each in namespaces])
    beyond = {
        namespace: {each for each in rights if not _is_for_custom(each)}
        - _needed(scopes, catalogue, namespace)
        for namespace, (rights, _) in zip(namespaces, listed, strict=True)
    }
    if not all(complete for _, complete in listed):
        told = await asyncio.gather(*[_has(cluster, right) for right in _TELLING])
        more = {right for right, has in zip(_TELLING, told, strict=True) if has}
        beyond = {namespace: rights | more for namespace, rights in beyond.items()}
    if helm_details:
        beyond = {namespace: rights - _FOR_HELM for namespace, rights in beyond.items()}
    if asks_for_rights:
        beyond = {namespace: rights - _FOR_USERS for namespace, rights in beyond.items()}
    return ExcessRights(sentence(beyond), asked)


async def _choose(cluster: Cluster, own: set[str]) -> tuple[list[str], str]:
    """The namespaces to check, the account's own and the watched ones first; and their names, if not all."""
    found = await cluster.namespaces(MOST_NAMESPACES + 1)
    first = sorted({*own, ELSEWHERE})
    namespaces = list(dict.fromkeys([*first, *found]))
    asked = sorted(namespaces[: max(MOST_NAMESPACES, len(first))])
    if not found:
        return asked, _named(asked)
    return asked, "" if len(asked) == len(namespaces) else f"the first {len(asked)} namespaces"


def sentence(beyond: Mapping[str, Collection[Right]]) -> str:
    """The rights by namespace, for people. Rights in all namespaces are listed without one."""
    everywhere = frozenset.intersection(*map(frozenset, beyond.values()))
    places: dict[str, list[str]] = {}
    for namespace, rights in beyond.items():
        for phrase in _phrases(set(rights) - everywhere):
            places.setdefault(phrase, []).append(namespace)
    somewhere = [f"{phrase} in {_named(names)}" for phrase, names in places.items()]
    return "; ".join([*_phrases(everywhere), *somewhere])


def _named(namespaces: Sequence[str]) -> str:
    """`a and b`, or the first few and the number of the others."""
    if len(namespaces) <= _FEW:
        return _and(namespaces)
    return _and([*namespaces[:_FEW], f"{len(namespaces) - _FEW} more"])


def _needed(scopes: Iterable[Scope], catalogue: Catalogue, namespace: str) -> set[Right]:
    watched = [scope.kind for scope in scopes if scope.namespace in ("", namespace)]
    kinds = [catalogue[kind] for kind in watched if kind != EVENT]
    resources = [(kind.group, kind.plural) for kind in kinds]
    if EVENT in watched:
        resources += [(entry.group, entry.plural) for entry in EVENT_ENTRIES]
    return {Right(verb, group, plural) for group, plural in resources for verb in VERBS}


def _is_for_custom(right: Right) -> bool:
    """Whether this is reading custom resources. An account may have the right to read all of them."""
    return right.verb in VERBS and right.group not in OWN_GROUPS


async def _has(cluster: Cluster, right: Right) -> bool:
    return await cluster.permits(right.verb, group=right.group, plural=right.resource, namespace="")


def _phrases(rights: Collection[Right]) -> list[str]:
    """Phrases such as `get on pods and secrets`, which group resources with the same verbs."""
    if any((each.verb, each.group, each.resource) == ("*", "*", "*") for each in rights):
        return [EVERYTHING]
    verbs: dict[str, set[str]] = {}
    for right in rights:
        verbs.setdefault(_resource(right), set()).add(EVERYTHING if right.verb == "*" else right.verb)
    resources: dict[str, list[str]] = {}
    for resource, done in sorted(verbs.items(), key=lambda item: (item[0] != "secrets", item[0])):
        resources.setdefault(_and(sorted(done)), []).append(resource)
    return [f"{done} on {_and(names)}" for done, names in sorted(resources.items())]


def _resource(right: Right) -> str:
    name = "every resource" if right.resource == "*" else right.resource
    group = {"": "", "*": " of every group"}.get(right.group, f".{right.group}")
    if right.resource == "*" and right.group != "*":
        group = f" of {right.group or 'the core group'}"
    return f"{name}{group}{f' ({right.names})' if right.names else ''}"


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
