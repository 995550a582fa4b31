"""Token and access reviews: whose a token is, and what the cluster's roles and bindings grant a user.

They follow Kubernetes' RBAC authorizer: rules are additive, `*` means all, and a RoleBinding grants the rules
of a ClusterRole in one namespace. Aggregation of ClusterRoles is not simulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from astrolabe.sim.api.authorization import Authorizer, answer
from astrolabe.sim.store import ObjectStore

Json = dict[str, Any]
_ALL = "*"
_SERVICE_ACCOUNT = "system:serviceaccount:"


class Reviews:
    """Answers TokenReviews and SubjectAccessReviews. authorizer: has the tokens. store: has the roles."""

    def __init__(self, authorizer: Authorizer, store: ObjectStore) -> None:
        self._authorizer = authorizer
        self._store = store
        #: The decoded objects by kind, with the newest revision at the time of decoding.
        self._decoded: dict[str, tuple[int, list[Json]]] = {}

    def token(self, request: Mapping[str, Any]) -> Json:
        """The answer to a TokenReview."""
        spec = request.get("spec") or {}
        name = self._authorizer.tokens.get(spec.get("token", ""))
        status: Json = {"user": {}, "error": "invalid bearer token"}
        if name is not None:
            status = {"authenticated": True, "user": {"username": name, "groups": self.groups_of(name)}}
        return answer("TokenReview", {}, status, group="authentication.k8s.io")

    def access(self, request: Mapping[str, Any]) -> Json:
        """The answer to a SubjectAccessReview."""
        spec = request.get("spec") or {}
        user, groups = spec.get("user", ""), spec.get("groups") or []
        if "nonResourceAttributes" in spec:
            asked = spec["nonResourceAttributes"]
            allowed = self.permits_path(user, groups, asked.get("verb", ""), asked.get("path", ""))
        else:
            allowed = self.permits(user, groups, spec.get("resourceAttributes") or {})
        return answer("SubjectAccessReview", spec, {"allowed": allowed})

    def groups_of(self, name: str) -> list[str]:
        """The groups that the token of a user proves."""
        groups = [*self._authorizer.groups.get(name, ()), "system:authenticated"]
        if name.startswith(_SERVICE_ACCOUNT):
            namespace = name.removeprefix(_SERVICE_ACCOUNT).partition(":")[0]
            groups += ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
        return groups

    def permits(self, user: str, groups: Iterable[str], asked: Mapping[str, Any]) -> bool:
        """Whether the roles grant this; asked: ResourceAttributes."""
        who = {f"User/{user}", *[f"Group/{group}" for group in groups]}
        return any(_grants(rule, asked) for rule in self._rules(who, asked.get("namespace", "")))

    def permits_path(self, user: str, groups: Iterable[str], verb: str, path: str) -> bool:
        """Whether the ClusterRoles grant access to a non-resource path."""
        who = {f"User/{user}", *[f"Group/{group}" for group in groups]}
        return any(
            _has(rule.get("verbs"), verb)
            and any(
                url == path or (url.endswith(_ALL) and path.startswith(url[:-1]))
                for url in rule.get("nonResourceURLs") or ()
            )
            for rule in self._rules(who, "")
        )

    def _rules(self, who: set[str], namespace: str) -> Iterator[Json]:
        for binding in self._objects("ClusterRoleBinding"):
            if _names(binding, who, ""):
                yield from self._rules_of(binding, "")
        if namespace:
            for binding in self._objects("RoleBinding"):
                if binding["metadata"].get("namespace") == namespace and _names(binding, who, namespace):
                    yield from self._rules_of(binding, namespace)

    def _rules_of(self, binding: Json, namespace: str) -> Iterator[Json]:
        role = binding.get("roleRef") or {}
        if role.get("kind") not in ("Role", "ClusterRole"):
            return
        place = namespace if role["kind"] == "Role" else ""
        for each in self._objects(role["kind"]):
            meta = each["metadata"]
            if meta["name"] == role.get("name") and meta.get("namespace", "") == place:
                yield from each.get("rules") or ()

    def _objects(self, kind: str) -> list[Json]:
        collection = self._store.collections.get(kind)
        if collection is None:
            return []
        newest, known = self._decoded.get(kind, (-1, []))
        if newest != collection.newest:
            known = [msgspec.json.decode(item.body) for item in collection.items.values()]
            self._decoded[kind] = collection.newest, known
        return known


def _names(binding: Json, who: set[str], namespace: str) -> bool:
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name", "")
        if kind == "ServiceAccount":
            kind, name = "User", f"{_SERVICE_ACCOUNT}{subject.get('namespace') or namespace}:{name}"
        if f"{kind}/{name}" in who:
            return True
    return False


def _grants(rule: Json, asked: Mapping[str, Any]) -> bool:
    names = rule.get("resourceNames") or ()
    return (
        _has(rule.get("verbs"), asked.get("verb", ""))
        and _has(rule.get("apiGroups"), asked.get("group", ""))
        and _has(rule.get("resources"), asked.get("resource", ""))
        and (not names or asked.get("name", "") in names)
    )


def _has(values: Iterable[str] | None, value: str) -> bool:
    return any(each in (_ALL, value) for each in values or ())
