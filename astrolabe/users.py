"""Users, and the questions that the API server answers about them: shared by `kube` and `http`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from typing import Protocol

import msgspec


class User(msgspec.Struct, frozen=True):
    """A user as the API server knows them: authentication.k8s.io/v1 UserInfo.

    extra: as sorted pairs, so that users can be compared.
    mark: in a union, of the token by which they came, of which each cluster may say another thing; "" if
        all clusters know them by the same name. It proves nothing.
    """

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    mark: str = ""


#: Names the single token or certificate, for audit logs: the same user has another one with each
#: (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens).
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"

#: The user of a token of the token file. It has no rights in Kubernetes, and sees everything.
EVERYBODY = User("", ("astrolabe:everything",))


class Question(msgspec.Struct, frozen=True):
    """May somebody do this? ResourceAttributes of authorization.k8s.io/v1, or a path that is no resource.

    namespace: "" for all of them, or a cluster-scoped kind. name: "" for all objects. path: with
        `verb` alone.
    """

    verb: str = "list"
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class ReviewUnavailable(Exception):
    """The API server did not answer a review. The message says why, to anybody; detail: to operators."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail or message


class Reviewer(Protocol):
    """Asks the API server. Raises ReviewUnavailable."""

    async def identify(self, token: str, /) -> User | None:
        """The user of this token (TokenReview); None if the token is unknown."""
        ...

    async def permits(self, user: User, question: Question, /) -> bool:
        """Whether the user may do it (SubjectAccessReview)."""
        ...


class RightsChange(msgspec.Struct, frozen=True):
    """Roles or bindings have changed, and with them perhaps the answers to some questions. No others.

    places: whom it concerns (see `subjects_of`), and in which namespaces; "": everywhere. None: anybody,
        anywhere.
    listed: what may be listed now and could not be before, or the reverse: pairs of group and plural, of
        which each may be `*`. None: anything.
    """

    places: Mapping[str, Set[str]] | None = None
    listed: Set[tuple[str, str]] | None = None


class Grants(Protocol):
    """What the roles and bindings of the cluster say: where to ask, and when to ask again.

    They decide nothing.
    """

    def namespaces_of(self, user: User, /) -> Collection[str] | None:
        """The namespaces in which a RoleBinding names the user or a group of theirs; None: nobody knows."""
        ...

    def bound_as(self, user: User, /) -> frozenset[str] | None:
        """Those of `subjects_of` that a binding names; None: nobody knows."""
        ...

    def follow(self, listener: Callable[[RightsChange], None], /) -> None:
        """Call the listener with each change."""
        ...


def subjects_of(user: User) -> list[str]:
    """As whom bindings name the user: `user <name>` and `group <name>`."""
    return [f"user {user.name}", *[f"group {group}" for group in user.groups]]


def extra_of(values: Mapping[str, Iterable[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """`User.extra` from the values that came, without what names a single credential.

    The rest counts: an authorizer may decide by the Pod or the node of a service account's token.
    """
    return tuple(sorted((key, tuple(each)) for key, each in values.items() if key != CREDENTIAL_ID))
