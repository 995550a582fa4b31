"""Who may read what: bearer tokens and, a kind at a time, the namespaces in which it may be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from astrolabe.kinds.kind import Kind
from astrolabe.sim.api.refusal import Refusal, refuse, unauthorized

_ANONYMOUS = "system:anonymous"
_READ = ("get", "list", "watch")


class Access:
    """The rules, changeable at any time.

    tokens: bearer token → user. While there are none, nobody is asked for one (as behind `kubectl proxy`).
    """

    def __init__(self, tokens: Mapping[str, str] | None = None) -> None:
        self.tokens = dict(tokens or {})
        self._granted: dict[str, frozenset[str]] = {}

    def restrict(self, kind: str, namespaces: Iterable[str] = ()) -> None:
        """Let a kind be read in these namespaces only; none: nowhere."""
        self._granted[kind] = frozenset(namespaces)

    def allow(self, kind: str) -> None:
        """Let a kind be read everywhere again."""
        self._granted.pop(kind, None)

    def user(self, authorization: str) -> str:
        """The user that an Authorization header names. Raises Refusal (401)."""
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

    def forbidden(self, user: str, verb: str, *, kind: Kind[Any], namespace: str) -> Refusal:
        """The 403 for a request that is not permitted."""
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        resource = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
        message = (
            f'{resource} is forbidden: User "{user}" cannot {verb} resource "{kind.plural}" '
            f'in API group "{kind.group}" {where}'
        )
        details = {**({"group": kind.group} if kind.group else {}), "kind": kind.plural}
        return refuse(403, "Forbidden", message, details=details)

    def review(self, user: str, request: Mapping[str, Any], kinds: Iterable[Kind[Any]]) -> dict[str, Any]:
        """The answer to a SelfSubjectAccessReview, from the same rules."""
        spec = request.get("spec") or {}
        asked = spec.get("resourceAttributes") or {}
        group, resource = asked.get("group", ""), asked.get("resource", "")
        names = [kind.name for kind in kinds if kind.group == group and kind.plural == resource]
        allowed = asked.get("verb") in _READ and all(
            self.permits(user, name, asked.get("namespace", "")) for name in names
        )
        return {
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {},
            "spec": spec,
            "status": {"allowed": allowed and bool(names)},
        }
