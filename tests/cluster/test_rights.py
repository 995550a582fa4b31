"""What users of a real cluster see, compared with what `kubectl auth can-i` says that they may list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import aiohttp

from astrolabe.app import Application
from astrolabe.cli.check import check
from astrolabe.settings import Settings
from tests.cluster.conftest import SYSTEM
from tests.support.documents import OVERLAYS
from tests.support.kubectl import Kubectl
from tests.support.tenants import Tenancy

#: Kinds that users are given rights to, by plural.
KINDS = {
    "configmaps": "ConfigMap",
    "secrets": "Secret",
    "services": "Service",
    "serviceaccounts": "ServiceAccount",
    "namespaces": "Namespace",
}
USERS = 4

Place = tuple[str, str]


async def test_users_see_what_kubectl_auth_can_i_allows(
    kubectl: Kubectl, namespaces: tuple[str, str], account: Kubectl, tmp_path: Path
) -> None:
    await kubectl("apply", "-k", OVERLAYS / "kubernetes-rights")
    first, _ = namespaces
    for namespace in namespaces:
        for kind in ("configmap", "secret generic", "service clusterip"):
            more = ("--tcp=80:80",) if kind.startswith("service") else ()
            await kubectl("create", *kind.split(), "thing", *more, "--namespace", namespace)
    random, tokens = Random(19), dict[str, str]()
    given: list[str] = []
    try:
        for number in range(USERS):
            name = f"user-{number}"
            await kubectl("create", "serviceaccount", name, "--namespace", first)
            given += [each async for each in grant(kubectl, random, name, namespaces)]
            tokens[name] = await kubectl("create", "token", name, "--namespace", first, "--duration=1h")
        await compare(kubectl, account, namespaces, tokens)
    finally:
        if given:
            await kubectl("delete", *given, "--ignore-not-found")


async def grant(
    kubectl: Kubectl, random: Random, name: str, namespaces: tuple[str, str]
) -> AsyncIterator[str]:
    """Some rights in single namespaces, and some everywhere. Yields what belongs to the cluster."""
    who = f"--serviceaccount={namespaces[0]}:{name}"
    for namespace in random.sample(namespaces, random.randint(0, 2)):
        place = ("--namespace", namespace)
        resources = ",".join(random.sample(sorted(KINDS), random.randint(1, 3)))
        await kubectl("create", "role", name, "--verb=list", f"--resource={resources}", *place)
        await kubectl("create", "rolebinding", name, f"--role={name}", who, *place)
    if random.random() < 0.5:
        everywhere = f"astrolabe-test-{name}"
        for kind in ("clusterrolebinding", "clusterrole"):
            await kubectl("delete", kind, everywhere, "--ignore-not-found")
        (resource,) = random.sample(sorted(KINDS), 1)
        await kubectl("create", "clusterrole", everywhere, "--verb=list", f"--resource={resource}")
        await kubectl("create", "clusterrolebinding", everywhere, f"--clusterrole={everywhere}", who)
        yield f"clusterrolebinding/{everywhere}"
        yield f"clusterrole/{everywhere}"


async def compare(
    kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str], tokens: dict[str, str]
) -> None:
    settings = Settings(
        in_cluster=False,
        kubeconfig=account.kubeconfig,
        host="127.0.0.1",
        port=0,
        label_selector="",
        auth="kubernetes",
    )
    findings = {each.subject: each for each in await check(settings)}
    account_name = f"system:serviceaccount:{SYSTEM}:astrolabe"
    assert findings["Token reviews"].about.endswith(f"tried: this is {account_name}")
    assert (findings["Access reviews"].outcome, findings["Roles"].outcome) == ("ok", "ok")
    application = Application(settings)
    await application.start()
    try:
        await application.ready()
        async with aiohttp.ClientSession() as http:
            site = Tenancy(None, application, http)  # type: ignore[arg-type]
            for name, token in tokens.items():
                who = f"system:serviceaccount:{namespaces[0]}:{name}"
                seen = {(kind, namespace) for kind, namespace, _ in await site.names(token.strip())}
                assert seen & {*places(namespaces)} == await allowed(kubectl, who, namespaces), name
                # Nothing of any other kind or namespace, unless they may list it everywhere.
                for kind, namespace in seen - {*places(namespaces)}:
                    plural = next(plural for plural, each in KINDS.items() if each == kind)
                    assert await can_i(kubectl, who, plural, namespace), (name, kind, namespace)
    finally:
        await application.stop()


def places(namespaces: tuple[str, str]) -> Iterator[Place]:
    """Where there is something that a user may see."""
    for kind in KINDS.values():
        if kind != "Namespace":
            yield from [(kind, namespace) for namespace in namespaces]
    yield "Namespace", ""


async def allowed(kubectl: Kubectl, who: str, namespaces: tuple[str, str]) -> set[Place]:
    plurals = {kind: plural for plural, kind in KINDS.items()}
    return {
        (kind, namespace)
        for kind, namespace in places(namespaces)
        if await can_i(kubectl, who, plurals[kind], namespace)
    }


async def can_i(kubectl: Kubectl, who: str, plural: str, namespace: str) -> bool:
    where = ("--namespace", namespace) if namespace else ("--all-namespaces",)
    code, printed, said = await kubectl.attempt("auth", "can-i", "list", plural, "--as", who, *where)
    answer = printed.strip()
    assert (code, answer) in ((0, "yes"), (1, "no")), said
    return answer == "yes"
