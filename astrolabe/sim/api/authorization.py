"""Bearer tokens, and for each kind the namespaces in which it may be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from astrolabe.kinds.kind import Kind
from astrolabe.sim.api.errors import StatusError, status_error, unauthorized

_ANONYMOUS = "system:anonymous"
_READ = ("list", "watch")
_AUTHORIZATION = "authorization.k8s.io"


class Authorizer:
    """The access rules. They can be changed at any time.

    tokens: bearer token → user. If empty, no token is needed (as behind `kubectl proxy`). groups: of users.
    more: additional rules to report, as in a Role, by namespace; "": everywhere.
    complete: whether rules reviews report all rules. open_reviews: whether everyone may create TokenReviews
        and SubjectAccessReviews. Otherwise that takes a rule of `more`.
    """

    def __init__(self, tokens: Mapping[str, str] | None = None) -> None:
        self.tokens = dict(tokens or {})
        self.groups: dict[str, list[str]] = {}
        self.more: dict[str, list[dict[str, list[str]]]] = {}
        self.complete = True
        self.open_reviews = True
        self._granted: dict[str, frozenset[str]] = {}

    def restrict(self, kind: str, namespaces: Iterable[str] = ()) -> None:
        """Allow reading a kind only in these namespaces; none: nowhere."""
        self._granted[kind] = frozenset(namespaces)

    def allow(self, kind: str) -> None:
        """Allow reading a kind everywhere again."""
        self._granted.pop(kind, None)

    def user(self, authorization: str) -> str:
        """The user that an Authorization header names. Raises StatusError (401)."""
        if not self.tokens:
            return "kubernetes-admin"
        if not authorization:
            return _ANONYMOUS
        token = authorization.removeprefix("Bearer ").strip()
        if token not in self.tokens:
            raise unauthorized()
        return self.tokens[token]

    def permits(self, user: str, kind: str, namespace: str) -> bool:
        """Whether a user may read a kind in a namespace ("": in all of them, or it is cluster-scoped)."""
        if user == _ANONYMOUS:
            return False
        return kind not in self._granted or (bool(namespace) and namespace in self._granted[kind])

    def check_review(self, user: str, group: str, resource: str) -> None:
        """Raise StatusError (403) unless the user may create such reviews about other users."""
        asked = {"verb": "create", "group": group, "resource": resource}
        reviewed = self.review(user, {"spec": {"resourceAttributes": asked}}, ())
        if not (self.open_reviews or reviewed["status"]["allowed"]):
            raise status_error(
                403,
                "Forbidden",
                f'{resource}.{group} is forbidden: User "{user}" cannot create resource "{resource}" in API '
                f'group "{group}" at the cluster scope',
                details={"group": group, "kind": resource},
            )

    def forbidden(self, user: str, verb: str, *, kind: Kind[Any], namespace: str) -> StatusError:
        """The 403 for a request that is not permitted."""
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        resource = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
        message = (
            f'{resource} is forbidden: User "{user}" cannot {verb} resource "{kind.plural}" '
            f'in API group "{kind.group}" {where}'
        )
        details = {**({"group": kind.group} if kind.group else {}), "kind": kind.plural}
        return status_error(403, "Forbidden", message, details=details)

    def review(self, user: str, request: Mapping[str, Any], kinds: Iterable[Kind[Any]]) -> dict[str, Any]:
        """The answer to a SelfSubjectAccessReview, from the same rules."""
        spec = request.get("spec") or {}
        asked = spec.get("resourceAttributes") or {}
        group, resource = asked.get("group", ""), asked.get("resource", "")
        verb, namespace = asked.get("verb", ""), asked.get("namespace", "")
        rules = self._rules(user, namespace, kinds)
        allowed = any(
            verb in rule["verbs"] and group in rule["apiGroups"] and resource in rule["resources"]
            for rule in rules
        )
        return answer("SelfSubjectAccessReview", spec, {"allowed": allowed})

    def rules(self, user: str, request: Mapping[str, Any], kinds: Iterable[Kind[Any]]) -> dict[str, Any]:
        """The answer to a SelfSubjectRulesReview, from the same rules."""
        spec = request.get("spec") or {}
        asking = {
            "verbs": ["create"],
            "apiGroups": [_AUTHORIZATION],
            "resources": ["selfsubjectrulesreviews"],
        }
        rules = self._rules(user, spec.get("namespace", ""), kinds) if self.complete else []
        status = {"resourceRules": [asking, *rules], "nonResourceRules": [], "incomplete": not self.complete}
        return answer("SelfSubjectRulesReview", spec, status)

    def _rules(self, user: str, namespace: str, kinds: Iterable[Kind[Any]]) -> list[dict[str, list[str]]]:
        """The rules that apply in a namespace ("": in all)."""
        return [
            *(
                {"verbs": [*_READ], "apiGroups": [kind.group], "resources": [kind.plural]}
                for kind in kinds
                if self.permits(user, kind.key, namespace)
            ),
            *self.more.get("", ()),
            *(self.more.get(namespace, ()) if namespace else ()),
        ]


def answer(kind: str, spec: Any, status: dict[str, Any], *, group: str = _AUTHORIZATION) -> dict[str, Any]:
    """A review with its answer."""
    return {
        "kind": kind,
        "apiVersion": f"{group}/v1",
        "metadata": {},
        "spec": spec,
        "status": status,
    }
