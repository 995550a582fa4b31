"""What users of a real cluster see, on every door, compared with what its API server says that they may list.

A hundred service accounts get random roles and bindings. The oracle is a SubjectAccessReview for each of them, kind
and namespace: what `kubectl auth can-i` asks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from astrolabe.app import Application
from astrolabe.cli.check import check
from astrolabe.settings import Limits, Settings
from tests.cluster.account import account_of
from tests.cluster.api import Api
from tests.cluster.conftest import SYSTEM
from tests.support.documents import OVERLAYS
from tests.support.kubectl import Kubectl
from tests.support.tenants import Tenancy
from tests.support.walk import DOORS, STREAMS, get, listen, of_object, was_asked

Json = dict[str, Any]

#: Kinds that users are given rights to: group and plural of each.
KINDS = {
    "ConfigMap": ("", "configmaps"),
    "Secret": ("", "secrets"),
    "Service": ("", "services"),
    "ServiceAccount": ("", "serviceaccounts"),
    "Widget.astrolabe.test": ("astrolabe.test", "widgets"),
    "Namespace": ("", "namespaces"),
}
USERS, SEED = 100, 19
#: Questions that are under way.
ABREAST = 16
#: All that belongs to the cluster and not to a namespace.
LABEL = {"astrolabe.test/rights": "yes"}
RBAC = "rbac.authorization.k8s.io"
_VERBS = (["list"], ["get", "list", "watch"], ["*"], ["get"], ["watch", "get"])


class Roles:
    """Random roles and bindings of some service accounts, as manifests."""

    def __init__(self, seed: int, namespaces: tuple[str, str]) -> None:
        self._random = Random(f"roles {seed}")
        self._namespaces = namespaces
        self.users = [f"user-{number}" for number in range(USERS)]
        self.manifests: list[Json] = [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": self._meta(user, namespaces[0])}
            for user in self.users
        ]
        self.manifests += self._for_the_server()
        for number in range(2 * USERS):
            self._add(f"astrolabe-test-{number}")

    def _meta(self, name: str, namespace: str = "") -> Json:
        return {"name": name, "labels": LABEL, **({"namespace": namespace} if namespace else {})}

    def _for_the_server(self) -> list[Json]:
        """Its account may watch the kind that nobody knows."""
        meta = self._meta("astrolabe-test-widgets")
        rule = {"apiGroups": ["astrolabe.test"], "resources": ["widgets"], "verbs": ["list", "watch"]}
        role = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": meta, "rules": [rule]}
        named = {"apiGroup": RBAC, "kind": "ClusterRole", "name": meta["name"]}
        server = {"kind": "ServiceAccount", "name": "astrolabe", "namespace": SYSTEM}
        binding = {"roleRef": named, "subjects": [server], "metadata": meta}
        return [role, {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding", **binding}]

    def _add(self, name: str) -> None:
        """A role of one of many shapes, and a binding to some users."""
        random, place = self._random, self._random.choice((*self._namespaces, *self._namespaces, ""))
        shape = random.choice(("role", "cluster-role", "aggregated")) if place else "cluster-role"
        kind, where = ("Role", place) if shape == "role" else ("ClusterRole", "")
        meta, rules = self._meta(name, where), [self._rule() for _ in range(random.randint(1, 3))]
        role: Json = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": meta, "rules": rules}
        if shape == "aggregated":
            part = {**role, "metadata": self._meta(f"{name}-part")}
            part["metadata"]["labels"] = {**LABEL, f"astrolabe.test/{name}": "yes"}
            self.manifests.append(part)
            selector = {"matchLabels": {f"astrolabe.test/{name}": "yes"}}
            role = {**role, "aggregationRule": {"clusterRoleSelectors": [selector]}, "rules": []}
        subjects = [
            {"kind": "ServiceAccount", "name": user, "namespace": self._namespaces[0]}
            for user in random.sample(self.users, random.randint(1, 3))
        ]
        binding = {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding" if place else "ClusterRoleBinding",
            "metadata": self._meta(name, place),
            "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
            "subjects": subjects,
        }
        self.manifests += [role, binding]

    def _rule(self) -> Json:
        random = self._random
        chosen = [KINDS[kind] for kind in random.sample(sorted(KINDS), random.randint(1, 3))]
        groups, plurals = sorted({group for group, _ in chosen}), sorted({plural for _, plural in chosen})
        odds = random.random()
        if odds < 0.05:
            plurals = ["*"]
        elif odds < 0.12:
            plurals = [f"{each}/status" for each in plurals]
        rule: Json = {"apiGroups": groups, "resources": plurals, "verbs": random.choice(_VERBS)}
        if 0.12 < odds < 0.25:
            rule["resourceNames"] = [name_of("Secret", random.choice(self._namespaces))]
        return rule


def name_of(kind: str, namespace: str) -> str:
    """Of the object of this kind there, and of nothing else."""
    return f"thing-{kind.partition('.')[0].lower()}-of-{namespace[-1]}-7x3q9z"


def things(namespaces: tuple[str, str]) -> Iterator[Json]:
    """An object of each kind in each namespace."""
    for namespace in namespaces:
        for kind, (group, _) in KINDS.items():
            if kind == "Namespace":
                continue
            more: Json = {"spec": {"ports": [{"port": 80}]}} if kind == "Service" else {}
            yield {
                "apiVersion": f"{group}/v1" if group else "v1",
                "kind": kind.partition(".")[0],
                "metadata": {"name": name_of(kind, namespace), "namespace": namespace, "labels": LABEL},
                **more,
            }


class Oracle:
    """Says what the API server says, and asks each question once."""

    def __init__(self, api: Api, http: aiohttp.ClientSession, namespace: str) -> None:
        self._api, self._http, self._namespace = api, http, namespace
        self._answers: dict[tuple[str, ...], asyncio.Task[bool]] = {}
        self._abreast = asyncio.Semaphore(ABREAST)

    async def allows(
        self, user: str, verb: str, group: str, plural: str, namespace: str, name: str = ""
    ) -> bool:
        key = (user, verb, group, plural, namespace, name)
        if key not in self._answers:
            self._answers[key] = asyncio.create_task(self._ask(*key), name="review")
        return await self._answers[key]

    async def _ask(self, user: str, verb: str, group: str, plural: str, namespace: str, name: str) -> bool:
        asked = {"verb": verb, "group": group, "resource": plural, "namespace": namespace, "name": name}
        who = f"system:serviceaccount:{self._namespace}:{user}"
        groups = [
            "system:authenticated",
            "system:serviceaccounts",
            f"system:serviceaccounts:{self._namespace}",
        ]
        body = {"spec": {"user": who, "groups": groups, "resourceAttributes": asked}}
        async with self._abreast:
            path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
            answer = await self._api.call(self._http, "POST", path, body)
        return bool(answer["status"]["allowed"])

    async def token(self, user: str) -> str:
        path = f"/api/v1/namespaces/{self._namespace}/serviceaccounts/{user}/token"
        async with self._abreast:
            answer = await self._api.call(self._http, "POST", path, {"spec": {"expirationSeconds": 3600}})
        return str(answer["status"]["token"])


@asynccontextmanager
async def given(kubectl: Kubectl, roles: Roles, namespaces: tuple[str, str]) -> AsyncIterator[None]:
    """All of that is there."""
    await _forget(kubectl)
    listed = {"apiVersion": "v1", "kind": "List", "items": [*things(namespaces), *roles.manifests]}
    await kubectl("apply", "-f", "-", input=json.dumps(listed))
    await kubectl("create", "serviceaccount", "auditor", "--namespace", namespaces[0])
    auditor = f"--serviceaccount={namespaces[0]}:auditor"
    await kubectl(
        "create", "clusterrolebinding", "astrolabe-test-auditor", "--clusterrole=cluster-admin", auditor
    )
    try:
        yield
    finally:
        await kubectl("delete", "clusterrolebinding", "astrolabe-test-auditor")
        await _forget(kubectl)


async def _forget(kubectl: Kubectl) -> None:
    kinds = "clusterrolebindings,clusterroles"
    await kubectl("delete", kinds, "--selector=astrolabe.test/rights=yes", "--ignore-not-found")
    await kubectl("delete", "clusterrolebinding", "astrolabe-test-auditor", "--ignore-not-found")


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("widgets")
async def test_users_see_what_the_api_server_says_that_they_may_list(
    kubectl: Kubectl, namespaces: tuple[str, str], account: Kubectl, tmp_path: Path
) -> None:
    await kubectl("apply", "-k", OVERLAYS / "kubernetes-rights")
    roles = Roles(SEED, namespaces)
    async with given(kubectl, roles, namespaces):
        auditor = await account_of(kubectl, namespaces[0], "auditor", tmp_path / "auditor")
        api = Api(auditor.kubeconfig)
        async with api.session() as asking, served(account) as site:
            oracle = Oracle(api, asking, namespaces[0])
            tokens = await asyncio.gather(*[oracle.token(user) for user in roles.users])
            everything = await everything_of(site, await oracle.token("auditor"), namespaces)
            found = 0
            for user, token in zip(roles.users, tokens, strict=True):
                found += await compare(site, oracle, user, token, everything)
            assert found > USERS, "hardly anybody sees anything"


@asynccontextmanager
async def served(account: Kubectl) -> AsyncIterator[Tenancy]:
    settings = Settings(
        in_cluster=False,
        kubeconfig=account.kubeconfig,
        host="127.0.0.1",
        port=0,
        label_selector="",
        auth="kubernetes",
        limits=Limits(max_visibilities=2 * USERS),
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
            yield Tenancy(None, application, http)  # type: ignore[arg-type]
    finally:
        await application.stop()


async def everything_of(site: Tenancy, token: str, namespaces: tuple[str, str]) -> dict[str, Json]:
    """All nodes by uid, once those that the test made are there, with the group and plural of each."""
    wanted = {name_of(kind, place) for kind in KINDS if kind != "Namespace" for place in namespaces}
    async with asyncio.timeout(60):
        while True:
            graph = await site.json(token, "/api/v1/graph")
            if wanted <= {node["name"] for node in graph["nodes"]}:
                break
            await asyncio.sleep(0.2)
    kinds = {each["kind"]: each for each in await site.json(token, "/api/v1/kinds")}
    found = {}
    for node in graph["nodes"]:
        group = node["apiVersion"].rpartition("/")[0]
        kind = kinds.get(f"{node['kind']}.{group}") or kinds[node["kind"]]
        found[node["uid"]] = {**node, "key": kind["kind"], "of": (kind["group"], kind["plural"])}
    return found


async def compare(site: Tenancy, oracle: Oracle, user: str, token: str, everything: dict[str, Json]) -> int:
    """Walk all doors as this user. How many objects they see."""
    places = {(*node["of"], node.get("namespace", "")) for node in everything.values()}
    listed = dict(
        zip(
            places,
            await asyncio.gather(*[oracle.allows(user, "list", *each) for each in places]),
            strict=True,
        )
    )
    visible = {uid for uid, node in everything.items() if listed[(*node["of"], node.get("namespace", ""))]}
    graph = await site.json(token, "/api/v1/graph")
    seen = {node["uid"] for node in graph["nodes"]} & everything.keys()
    assert seen == visible, user
    named = json.dumps([everything[uid] for uid in visible])
    hidden = [uid for uid in everything.keys() - visible if uid not in named]
    ours = [uid for uid in hidden if "7x3q9z" in everything[uid]["name"]]
    words = [*hidden, *[name for uid in ours if (name := everything[uid]["name"]) not in named]]
    paths = [*DOORS]
    for uid in (*sorted(visible)[:1], *sorted(ours)[:3]):
        paths += of_object(uid, everything[uid], (sorted(visible) or [uid])[0])
    for path in dict.fromkeys(paths):
        answer, text = await get(site, token, path), ""
        text = answer.text + answer.headers
        uid = path.removeprefix("/api/v1/resources/")
        if uid in everything:
            node = everything[uid]
            asked = (user, "get", *node["of"], node.get("namespace", ""), node["name"])
            may_get = uid in visible or await oracle.allows(*asked)
            assert answer.status == (200 if may_get else 404), (user, path)
            text = text.replace(uid, "").replace(node["name"], "") if may_get else text
        judge(user, path, text, words)
    for path in STREAMS:
        judge(user, path, await listen(site, token, path), words)
    return len(visible)


def judge(user: str, path: str, text: str, words: list[str]) -> None:
    """Nothing that may not be told is there, unless it was asked for by that word."""
    found = [word for word in words if word in text and not was_asked(word, path)]
    assert found == [], (user, path, text[:1000])
