"""What an account may do beyond what serving needs: for `astrolabe check`, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from astrolabe.engine.readiness import Scope
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kube.client import Cluster
from astrolabe.kube.discovery import Right, rights_in

#: What an administrator may do.
EVERYTHING = "everything"

#: What a watch does.
VERBS = ("list", "watch")

#: A namespace of every cluster, in which nobody has a Role by accident.
ELSEWHERE = "kube-system"

#: Namespaces in which is asked, and how many questions wait for their answers at a time.
MOST_NAMESPACES = 100
_AT_A_TIME = 8

#: Namespaces that are told by name.
_FEW = 5

#: What is asked for one by one where the API server cannot list all: values of Secrets, and everything.
_TELLING = (Right("get", "", "secrets"), Right("*", "*", "*"))


class ExcessRights(NamedTuple):
    """rights: in one sentence; "" when there are none. asked: where, when that is not everywhere; else ""."""

    rights: str
    asked: str


async def excess(cluster: Cluster, scopes: Sequence[Scope], catalogue: Catalogue, home: str) -> ExcessRights:
    """What the account may do that these watches do not need, in every namespace that it may list.

    home: the namespace of the account. Raises RequestFailed.
    """
    namespaces, asked = await _choose(cluster, {home, *(scope.namespace for scope in scopes)} - {""})
    free = asyncio.Semaphore(_AT_A_TIME)

    async def ask(namespace: str) -> tuple[frozenset[Right], bool]:
        async with free:
            return await rights_in(cluster, namespace)

    listed = await asyncio.gather(*[ask(each) for each in namespaces])
    beyond = {
        namespace: rights - _needed(scopes, catalogue, namespace)
        for namespace, (rights, _) in zip(namespaces, listed, strict=True)
    }
    if not all(complete for _, complete in listed):
        told = await asyncio.gather(*[_has(cluster, right) for right in _TELLING])
        more = {right for right, has in zip(_TELLING, told, strict=True) if has}
        beyond = {namespace: rights | more for namespace, rights in beyond.items()}
    return ExcessRights(sentence(beyond), asked)


async def _choose(cluster: Cluster, own: set[str]) -> tuple[list[str], str]:
    """The namespaces in which to ask, its own and those that are watched first; and which, if not in all."""
    found = await cluster.namespaces(MOST_NAMESPACES + 1)
    first = sorted({*own, ELSEWHERE})
    namespaces = list(dict.fromkeys([*first, *found]))
    asked = sorted(namespaces[: max(MOST_NAMESPACES, len(first))])
    if not found:
        return asked, _named(asked)
    return asked, "" if len(asked) == len(namespaces) else f"the first {len(asked)} namespaces"


def sentence(beyond: Mapping[str, Collection[Right]]) -> str:
    """These rights, by namespace, for people; what holds in all of several namespaces has none named."""
    everywhere = frozenset.intersection(*map(frozenset, beyond.values()))
    places: dict[str, list[str]] = {}
    for namespace, rights in beyond.items():
        for phrase in _phrases(set(rights) - everywhere):
            places.setdefault(phrase, []).append(namespace)
    somewhere = [f"{phrase} in {_named(names)}" for phrase, names in places.items()]
    return "; ".join([*_phrases(everywhere), *somewhere])


def _named(namespaces: Sequence[str]) -> str:
    """`a and b`, or the first few and how many more."""
    if len(namespaces) <= _FEW:
        return _and(namespaces)
    return _and([*namespaces[:_FEW], f"{len(namespaces) - _FEW} more"])


def _needed(scopes: Iterable[Scope], catalogue: Catalogue, namespace: str) -> set[Right]:
    kinds = [catalogue[scope.kind] for scope in scopes if scope.namespace in ("", namespace)]
    return {Right(verb, kind.group, kind.plural) for kind in kinds for verb in VERBS}


async def _has(cluster: Cluster, right: Right) -> bool:
    return await cluster.permits(right.verb, group=right.group, plural=right.resource, namespace="")


def _phrases(rights: Collection[Right]) -> list[str]:
    """`get on pods and secrets`: the resources of which the same may be done, together."""
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
