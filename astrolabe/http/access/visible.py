"""What users may see, for those parts of `http` that serve them.

The interface only, so that nobody who serves users depends on how rights are found out (`rights`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from astrolabe.graph.visible.visibility import Visibility
from astrolabe.http.errors import Refusal
from astrolabe.users import User

#: Changed rights: for each user, the visibility before and now.
RightsChanged = Callable[[Mapping[User, tuple[Visibility, Visibility]]], None]


class Rights(Protocol):
    """Knows what users may see, as the API server grants it."""

    async def of(self, user: User, namespaces: Collection[str] = (), /) -> Visibility:
        """What the user may see, at least in all namespaces where Kubernetes' own rights grant anything, and
        in these. Raises Refusal (503) while the API server cannot tell."""
        ...

    def known(self, user: User, /) -> Visibility | None:
        """What the user may see as far as it is known, for streams that are open; None: nothing is."""
        ...

    async def may_get(self, user: User, kind: str, namespace: str, name: str, uid: str, /) -> bool:
        """Whether the user may get this one object, as a rule with `resourceNames` grants. Raises Refusal.

        uid: by which they ask. It is asked about once, whether there is such an object or not.
        """
        ...

    async def may_read(self, user: User, path: str, /) -> bool:
        """Whether the user may get a path that is no resource, such as `/metrics`. Raises Refusal."""
        ...

    @property
    def users(self) -> int:
        """How many users are remembered."""
        ...

    def follow(self, listener: RightsChanged, /) -> None:
        """Call the listener with changes of the rights of users who came lately, or have streams."""
        ...

    def keep(self, streaming: Callable[[], Collection[User]], /) -> None:
        """Watch the rights of these users for as long as they are named here: they have open streams."""
        ...


def rights_unknown(why: str) -> Refusal:
    """What a request is refused with while the API server cannot say what its user may see."""
    return Refusal(
        503,
        "rights-unknown",
        f"the API server cannot say what you may see: {why}; try again later",
        headers={"Retry-After": "5"},
    )
