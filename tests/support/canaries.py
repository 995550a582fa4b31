"""A cluster whose objects carry words that stand nowhere else, and what must not be told to a user of it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from astrolabe.graph.state.identity import GroupKind, qualified
from astrolabe.sim.cluster import custom
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.cluster.incidents import Incidents
from astrolabe.sim.definitions import crd
from astrolabe.sim.store import ObjectStore
from tests.support.random_roles import RandomRoles

Json = dict[str, Any]

#: Kinds that share their name with one of Kubernetes' own, or with each other: kind, group, scope.
NAMESAKES = (
    ("Secret", "vault.example.com", "Namespaced"),
    ("Service", "mesh.example.com", "Namespaced"),
    ("Node", "infra.example.com", "Cluster"),
    ("Event", "audit.example.com", "Namespaced"),
    ("Widget", "a.example.com", "Namespaced"),
    ("Widget", "b.example.com", "Namespaced"),
)
#: Namespaces whose names stand nowhere else, with an object of many kinds each.
SECRET_NAMESPACES = ("vault-x7q2k9", "vault-p4m8w1")
#: Names of this length that have a digit are of one object.
LONG_NAME = 12


def canary(*parts: str) -> str:
    return "c" + sha256("/".join(parts).encode()).hexdigest()[:20]


def a_cluster(name: str = "") -> ObjectStore:
    """Namespaces with all kinds, incidents, custom kinds, namesakes and releases; each object with its words.

    Every object has a word of its own in a label, in the messages of its conditions and, if it has containers, in
    their images and states. Events have a word of their namespace, and Helm's Secrets a release of that name.
    name: of the cluster, which makes the words of its objects its own: their names and uids are those of all.
    """
    store, now = ObjectStore(), datetime.now(UTC)
    load(store, 0.001, 7, now=now)
    custom.install(store, 7, now=now)
    Incidents(store, 7, now=now)
    for namespace in SECRET_NAMESPACES:
        _fill(store, namespace)
    for kind, group, scope in NAMESAKES:
        store.define(crd(kind, group, scope=scope))
        for place in _places(store) if scope == "Namespaced" else [""]:
            meta = {"name": f"{kind.lower()}-{canary(group, place)[:10]}"}
            store.create(
                f"{kind}.{group}",
                {"metadata": {**meta, **({"namespace": place} if place else {})}, "spec": {}},
            )
    for place in _places(store):
        _release(store, place, name)
    for kind in list(store.collections):
        for manifest in list(store.manifests(kind)):
            store.update(kind, _marked(kind, manifest, name))
    return store


def _places(store: ObjectStore) -> list[str]:
    return sorted(each["metadata"]["name"] for each in store.manifests("Namespace"))


def _fill(store: ObjectStore, namespace: str) -> None:
    """Objects that fail, so that much is said of them."""
    store.create("Namespace", {"metadata": {"name": namespace}})
    labels, tail = {"app": f"{namespace}-app"}, namespace[-6:]
    meta = {"namespace": namespace, "labels": labels}
    for kind in ("ConfigMap", "ServiceAccount", "Secret"):
        store.create(kind, {"metadata": {**meta, "name": f"{kind.lower()}-of-{tail}"}})
    container = {"name": "app", "image": "app:1", "env": [], "ports": [{"containerPort": 80}]}
    waiting = {"reason": "CrashLoopBackOff", "message": f"back-off restarting app of {tail}"}
    store.create(
        "Pod",
        {
            "metadata": {**meta, "name": f"web-of-{tail}"},
            "spec": {
                "containers": [container],
                "volumes": [{"name": "keys", "secret": {"secretName": f"missing-{tail}"}}],
            },
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "False", "message": "not ready"}],
                "containerStatuses": [
                    {"name": "app", "ready": False, "restartCount": 7, "state": {"waiting": waiting}}
                ],
            },
        },
    )
    spec = {"selector": labels, "ports": [{"port": 80}]}
    store.create("Service", {"metadata": {**meta, "name": f"front-of-{tail}"}, "spec": spec})


def _release(store: ObjectStore, namespace: str, cluster: str) -> None:
    """A release of which only Helm's Secret tells."""
    name = canary("Release", qualified(cluster, namespace))
    labels = {"owner": "helm", "name": name, "version": "1", "status": "deployed"}
    meta = {"name": f"sh.helm.release.v1.{name}.v1", "namespace": namespace, "labels": labels}
    store.create("Secret", {"metadata": meta})


def _marked(kind: str, manifest: Json, cluster: str) -> Json:
    meta = manifest["metadata"]
    word = canary(qualified(cluster, meta["uid"]))
    if kind == "Event":
        word = canary("Event", qualified(cluster, meta["namespace"]))
        manifest["message"] = f"{manifest.get('message', '')} {word}"
        manifest["reason"] = f"{manifest.get('reason', '')}{word}"
        return manifest
    meta.setdefault("labels", {})["canary"] = word
    status = manifest.get("status") or {}
    told = [*(status.get("conditions") or ())] if isinstance(status, dict) else []
    if kind == "Pod":
        for container in manifest["spec"]["containers"]:
            container["image"] = f"registry/{word}:1"
        for each in status.get("containerStatuses") or ():
            told += [state for state in each.get("state", {}).values() if "message" in state]
        if "message" in status:
            told.append(status)
    for each in told:
        if isinstance(each, dict):
            each["message"] = f"{each.get('message', '')} {word}"
    return manifest


class Truth:
    """What there is, as somebody sees it who may see everything, and what must not be told to a user."""

    def __init__(self, store: ObjectStore, graph: Json, cluster: str = "") -> None:
        """cluster: the only one that counts."""
        self._cluster = cluster
        self.nodes = {node["uid"]: node for node in graph["nodes"] if node.get("cluster", "") == cluster}
        edges = [(edge["type"], edge["from"], edge["to"]) for edge in graph["edges"]]
        self.edges = {edge for edge in edges if self.nodes.keys() & edge[1:]}
        self.epoch = graph["epoch"]
        self._names = {kind.key: (kind.group, kind.plural) for kind in store.kinds}
        manifests = [each for kind in store.collections for each in store.manifests(kind)]
        self._manifests = {
            qualified(cluster, each["metadata"]["uid"]): json.dumps(each) for each in manifests
        }
        self._event_namespaces = {each["metadata"]["namespace"] for each in store.manifests("Event")}
        self.namespaces = _places(store)

    def key_of(self, node: Json) -> str:
        return GroupKind.of(node["apiVersion"], node["kind"]).key

    def visible(self, roles: RandomRoles, user: str) -> set[str]:
        return {
            uid
            for uid, node in self.nodes.items()
            if roles.sees(user, *self._names[self.key_of(node)], node.get("namespace", ""))
        }

    def hears(self, roles: RandomRoles, user: str, uid: str) -> bool:
        """Whether the user is told the Events of an object."""
        namespace = self.nodes[uid].get("namespace", "")
        return bool(namespace) and roles.sees(user, "", "events", namespace)

    def manifest(self, uid: str) -> str:
        """As JSON."""
        return self._manifests.get(uid, "")

    def counts(self, uids: set[str]) -> Counter[str]:
        """How many there are of each kind."""
        return Counter([self.key_of(self.nodes[uid]) for uid in uids])

    def may_get(self, roles: RandomRoles, user: str, uid: str) -> bool:
        node = self.nodes[uid]
        named = self._names[self.key_of(node)]
        return roles.gets(user, *named, node.get("namespace", ""), node["name"])

    def forbidden_words(self, roles: RandomRoles, user: str) -> list[str]:
        visible = self.visible(roles, user)
        # Such as the label by which a Pod names the uid of its Job.
        named = "".join(self._manifests.get(uid, "") for uid in visible)
        hidden = self.nodes.keys() - visible
        words = [word for uid in hidden for word in (uid, canary(uid)) if word not in named]
        names = {node["name"] for uid in hidden if (node := self.nodes[uid])["kind"] != "Namespace"}
        words += [name for name in sorted(names) if _is_telling(name) and name not in named]
        words += [place for place in SECRET_NAMESPACES if not self._knows(roles, user, place, named)]
        words += [
            canary("Event", qualified(self._cluster, namespace))
            for namespace in self._event_namespaces
            if not roles.sees(user, "", "events", namespace)
        ]
        return words + [
            canary("Release", qualified(self._cluster, namespace))
            for namespace in self.namespaces
            if not roles.sees(user, "", "secrets", namespace)
        ]

    def _knows(self, roles: RandomRoles, user: str, namespace: str, named: str) -> bool:
        """Whether the user may list anything there."""
        return namespace in named or roles.binds(user, namespace)


def _is_telling(name: str) -> bool:
    return len(name) >= LONG_NAME and any(letter.isdigit() for letter in name)


def leaks(text: str, words: list[str]) -> list[str]:
    return [word for word in words if word in text]
