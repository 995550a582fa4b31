"""A simulated cluster with users: roles, bindings, tokens, and what an independent reading of them permits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import aiohttp

from astrolabe.app import Application
from astrolabe.settings import Settings
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore

_GROUP = "rbac.authorization.k8s.io"
#: The token of Astrolabe itself.
OWN = "astrolabe-itself"
READ = ("get", "list", "watch")


def role(name: str, *rules: dict[str, list[str]], namespace: str = "") -> tuple[str, dict[str, Any]]:
    """A Role, or without a namespace a ClusterRole, and its kind."""
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return ("Role" if namespace else "ClusterRole"), {"metadata": meta, "rules": list(rules)}


def rule(*resources: str, group: str = "", verbs: Iterable[str] = READ, **more: Any) -> dict[str, Any]:
    """What a role grants. resources: plurals."""
    return {"apiGroups": [group], "resources": [*resources], "verbs": [*verbs], **more}


def binding(
    name: str, role: str, *subjects: str, namespace: str = "", kind: str = "ClusterRole"
) -> tuple[str, dict[str, Any]]:
    """A RoleBinding, or without a namespace a ClusterRoleBinding, and its kind.

    subjects: `User/jane`, `Group/team`, `ServiceAccount/namespace/name`.
    """
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    named = [_subject(*each.split("/", 1)) for each in subjects]
    return ("RoleBinding" if namespace else "ClusterRoleBinding"), {
        "metadata": meta,
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": role},
        "subjects": named,
    }


def _subject(kind: str, name: str) -> dict[str, str]:
    namespace, _, account = name.rpartition("/")
    return (
        {"kind": kind, "name": account, "namespace": namespace} if namespace else {"kind": kind, "name": name}
    )


def grant(store: ObjectStore, *objects: tuple[str, dict[str, Any]]) -> None:
    """Create them, or replace those of the same name."""
    for kind, manifest in objects:
        meta = manifest["metadata"]
        if store.get(kind, meta.get("namespace", ""), meta["name"]) is None:
            store.create(kind, manifest)
        else:
            store.update(kind, manifest)


def aggregated(name: str, selects: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """A ClusterRole that has the rules of those with these labels, once `aggregate` was called."""
    rule = {"clusterRoleSelectors": [{"matchLabels": selects}]}
    return "ClusterRole", {"metadata": {"name": name}, "aggregationRule": rule, "rules": []}


def aggregate(store: ObjectStore) -> None:
    """Do what kube-controller-manager does: fill in the rules of aggregated ClusterRoles."""
    roles = list(store.manifests("ClusterRole"))
    for each in roles:
        selectors = each.get("aggregationRule", {}).get("clusterRoleSelectors", ())
        wanted = [selector["matchLabels"].items() for selector in selectors]
        rules = [
            rule
            for other in roles
            for labels in wanted
            if labels <= other["metadata"].get("labels", {}).items()
            for rule in other.get("rules") or ()
        ]
        if wanted and rules != each.get("rules"):
            store.update("ClusterRole", {**each, "rules": rules})


def withdraw(store: ObjectStore, *objects: tuple[str, dict[str, Any]]) -> None:
    """Delete them."""
    for kind, manifest in objects:
        store.delete(kind, {"metadata": manifest["metadata"]})


@dataclass
class Tenancy:
    """A served cluster. tokens: of users are their names."""

    simulator: Simulator
    application: Application
    http: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> ObjectStore:
        return self.simulator.store

    def url(self, path: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.application.port}{path}"

    async def ask(self, user: str, path: str) -> tuple[int, Any]:
        """The status and document of an answer; user: "" for nobody."""
        headers = {"Authorization": f"Bearer {user}"} if user else {}
        async with self.http.get(self.url(path), headers=headers) as answer:
            document = (
                await answer.json() if answer.content_type == "application/json" else await answer.text()
            )
            return answer.status, document

    async def json(self, user: str, path: str) -> Any:
        """The document of a 200 answer."""
        status, document = await self.ask(user, path)
        assert status == 200, document
        return document

    async def names(self, user: str) -> set[tuple[str, str, str]]:
        """What the user sees: kind, namespace, name."""
        graph = await self.json(user, "/api/v1/graph")
        return {(node["kind"], node["namespace"], node["name"]) for node in graph["nodes"]}


@asynccontextmanager
async def tenancy(
    store: ObjectStore,
    *users: str,
    readable: Mapping[str, Iterable[str]] = MappingProxyType({}),
    **settings: Any,
) -> AsyncIterator[Tenancy]:
    """Serve the store with `--auth=kubernetes`; each user's token is their name.

    readable: the namespaces in which the server itself may read a kind; one that is not in it, everywhere.
    """
    authorizer = Authorizer(
        {OWN: "system:serviceaccount:astrolabe:astrolabe", **{user: user for user in users}}
    )
    for kind, namespaces in readable.items():
        authorizer.restrict(kind, namespaces)
    async with Simulator(store, authorizer=authorizer) as simulator:
        with kubeconfig_file(simulator.url, user={"token": OWN}) as path:
            given = {"in_cluster": False, "kubeconfig": path, "host": "127.0.0.1", "port": 0}
            application = Application(
                Settings(**{**given, "label_selector": "", "auth": "kubernetes", **settings})
            )
            await application.start()
            try:
                await application.ready()
                async with aiohttp.ClientSession() as http:
                    yield Tenancy(simulator, application, http)
            finally:
                await application.stop()
