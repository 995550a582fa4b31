"""Asks the API server who a user is (TokenReview) and what they may do (SubjectAccessReview)."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import msgspec

from astrolabe.kube.client import Cluster
from astrolabe.kube.errors import ApiError, ClusterError, ConnectionBroken, RequestFailed, forget_frames
from astrolabe.users import Question, ReviewUnavailable, User, extra_of

_AUTHENTICATION = "authentication.k8s.io/v1"
#: Most attempts of a review, after 429, 5xx and broken connections.
TRIES = 3
#: Most seconds to wait before the second attempt, and whatever an answer asks for.
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
#: Seconds for one answer.
ANSWER_SECONDS = 8.0


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
    """Implements `users.Reviewer`."""

    def __init__(self, cluster: Cluster, *, random: Random | None = None) -> None:
        self._cluster = cluster
        self._random = random or Random()

    async def identify(self, token: str) -> User | None:
        answer = await self._ask("TokenReview", {"token": token}, _TokenReview, group=_AUTHENTICATION)
        status, known = answer.status, answer.status.user
        if not status.authenticated or not known.username:
            return None
        groups = tuple(sorted(known.groups or ()))
        return User(known.username, groups, known.uid, extra_of(known.extra or {}))

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
        """The answer. Raises ReviewUnavailable, of whose texts only the detail quotes the API server."""
        reloaded = False
        for attempt in range(1, TRIES + 1):
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await self._cluster.review(kind, spec, type, **options)
            except TimeoutError:
                raise ReviewUnavailable(f"{kind}: no answer within {ANSWER_SECONDS:.0f} s") from None
            except RequestFailed as error:
                forget_frames(error)
                why = _unavailable(kind, error)
                if _needs_credentials(error) and not reloaded:
                    reloaded = True
                    await self._reload(why)
                elif attempt == TRIES or not _is_passing(error):
                    raise why from error
                else:
                    await asyncio.sleep(self._pause(error, attempt))
        raise ReviewUnavailable(f"{kind}: the credentials are refused")

    async def _reload(self, why: ReviewUnavailable) -> None:
        try:
            await self._cluster.reload()
        except ClusterError as error:
            raise ReviewUnavailable(str(why), f"{why.detail}; {error}") from error

    def _pause(self, error: RequestFailed, attempt: int) -> float:
        """Seconds: what the answer asks for, or twice as long as before; never the same for all."""
        asked = error.retry_after if isinstance(error, ApiError) else None
        longest = FIRST_WAIT * 2.0**attempt
        return min(asked or 0.0, LONGEST_WAIT) + self._random.uniform(0.0, longest)


def _needs_credentials(error: RequestFailed) -> bool:
    return (isinstance(error, ApiError) and error.code == 401) or (
        isinstance(error, ConnectionBroken) and error.tls
    )


def _is_passing(error: RequestFailed) -> bool:
    """Whether the same review may be answered a moment later. A connection that was kept open may have been
    closed by an API server that restarts."""
    return isinstance(error, ConnectionBroken) or (
        isinstance(error, ApiError) and (error.code == 429 or error.code >= 500)
    )


def _unavailable(kind: str, error: RequestFailed) -> ReviewUnavailable:
    if isinstance(error, ApiError):
        return ReviewUnavailable(f"{kind} answers {error.code}", f"{kind} answers {error}")
    short = "the API server cannot be reached" if isinstance(error, ConnectionBroken) else "no valid answer"
    return ReviewUnavailable(f"{kind}: {short}", f"{kind}: {error}")
