"""Asks the API server who somebody is (TokenReview) and what they may do (SubjectAccessReview)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from astrolabe.kube.client import Cluster
from astrolabe.kube.errors import ApiError, RequestFailed
from astrolabe.users import Question, ReviewUnavailable, User

_AUTHENTICATION = "authentication.k8s.io/v1"
#: Questions that are repeated after a 429, and seconds to wait if the answer names none.
TRIES, WAIT = 3, 1.0
#: Seconds to wait at most, whatever the answer asks for.
LONGEST_WAIT = 5.0


class _UserInfo(msgspec.Struct):
    """authentication.k8s.io/v1 UserInfo."""

    username: str = ""
    uid: str = ""
    groups: list[str] | None = None
    extra: dict[str, list[str]] | None = None


class _TokenStatus(msgspec.Struct):
    authenticated: bool = False
    user: _UserInfo = msgspec.field(default_factory=_UserInfo)


class _TokenReview(msgspec.Struct):
    status: _TokenStatus


class _AccessStatus(msgspec.Struct):
    allowed: bool = False
    denied: bool = False


class _AccessReview(msgspec.Struct):
    status: _AccessStatus


class AccessReviews:
    """Implements `http.access.reviews.Reviewer`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def identify(self, token: str) -> User | None:
        answer = await self._ask("TokenReview", {"token": token}, _TokenReview, group=_AUTHENTICATION)
        status, known = answer.status, answer.status.user
        if not status.authenticated or not known.username:
            return None
        extra = sorted((key, tuple(values)) for key, values in (known.extra or {}).items())
        return User(known.username, tuple(sorted(known.groups or ())), known.uid, tuple(extra))

    async def permits(self, user: User, question: Question) -> bool:
        spec: dict[str, Any] = {"user": user.name, "groups": list(user.groups)}
        if user.uid:
            spec["uid"] = user.uid
        if user.extra:
            spec["extra"] = {key: list(values) for key, values in user.extra}
        if question.path:
            spec["nonResourceAttributes"] = {"verb": question.verb, "path": question.path}
        else:
            asked = msgspec.structs.asdict(question)
            spec["resourceAttributes"] = {name: value for name, value in asked.items() if value}
        answer = await self._ask("SubjectAccessReview", spec, _AccessReview)
        return answer.status.allowed and not answer.status.denied

    async def _ask(self, kind: str, spec: dict[str, Any], type: type[Any], **options: Any) -> Any:
        for attempt in range(TRIES):
            try:
                return await self._cluster.review(kind, spec, type, **options)
            except ApiError as error:
                if error.code == 429 and attempt + 1 < TRIES:
                    await asyncio.sleep(min(error.retry_after or WAIT, LONGEST_WAIT))
                    continue
                if error.code == 401 and attempt == 0:
                    await self._cluster.reload()
                    continue
                raise ReviewUnavailable(f"{kind} answers {error}") from error
            except RequestFailed as error:
                raise ReviewUnavailable(f"{kind}: {error}") from error
        raise ReviewUnavailable(f"{kind}: too many requests")
