"""Whether the API server can be asked about users, for `astrolabe check`: what `--auth=kubernetes` needs."""

from __future__ import annotations

import asyncio

from astrolabe.cli.check_finding import UNREVIEWED, Finding
from astrolabe.cli.excess_rights import VERBS
from astrolabe.kinds.rbac import ROLE_BINDING
from astrolabe.kube.access_reviews import AccessReviews
from astrolabe.kube.client import Cluster
from astrolabe.kube.errors import RequestFailed
from astrolabe.kube.role_watch import TELLING_OF_RIGHTS, role_scopes
from astrolabe.settings import Settings
from astrolabe.users import Question, ReviewUnavailable, User

_TOKENS, _RIGHTS, _ROLES = "Token reviews", "Access reviews", "Roles"
_AUTHENTICATION, _AUTHORIZATION = "authentication.k8s.io", "authorization.k8s.io"
_EXAMPLE = "deploy/overlays/kubernetes-rights"
_DELEGATOR = f"bind the account to the ClusterRole system:auth-delegator, as {_EXAMPLE} does"


async def check_rights(cluster: Cluster, settings: Settings) -> list[Finding]:
    """Checks what `--auth` needs to identify users and their rights; empty without it."""
    if not settings.asks_for_rights:
        return []
    asks_for_tokens = "kubernetes" in settings.auth_modes
    return [
        *([await _check_tokens(cluster)] if asks_for_tokens else []),
        await _check_access_reviews(cluster),
        await _check_roles(cluster, settings),
    ]


async def _check_tokens(cluster: Cluster) -> Finding:
    about = "create on tokenreviews"
    lacking = await _lacking_review(cluster, _TOKENS, _AUTHENTICATION, "tokenreviews")
    if lacking is not None:
        return lacking
    token = await cluster.token()
    if not token:
        return Finding(_TOKENS, "ok", about=f"{about} (not tried: these credentials have no token)")
    try:
        user = await AccessReviews(cluster).identify(token)
    except ReviewUnavailable as error:
        return Finding(_TOKENS, "missing", f"nobody can be let in: {error.detail}", about=about)
    if user is None:
        advice = (
            "a TokenReview does not know the token that the API server takes from this account itself. "
            "Behind a proxy that checks tokens of its own, users' are not known either: use --auth=proxy"
        )
        return Finding(_TOKENS, "warning", advice, about=about)
    return Finding(_TOKENS, "ok", about=f"{about}; tried: this is {user.name}")


async def _check_access_reviews(cluster: Cluster) -> Finding:
    about = "create on subjectaccessreviews"
    lacking = await _lacking_review(cluster, _RIGHTS, _AUTHORIZATION, "subjectaccessreviews")
    if lacking is not None:
        return lacking
    try:
        await AccessReviews(cluster).permits(User("system:anonymous"), Question(resource="pods"))
    except ReviewUnavailable as error:
        return Finding(_RIGHTS, "missing", f"nobody would see anything: {error.detail}", about=about)
    return Finding(_RIGHTS, "ok", about=f"{about}; tried")


async def _lacking_review(cluster: Cluster, subject: str, group: str, plural: str) -> Finding | None:
    about = f"create on {plural}"
    try:
        if await cluster.permits("create", group=group, plural=plural, namespace=""):
            return None
    except RequestFailed as error:
        return Finding(subject, "missing", f"{UNREVIEWED}: {error}", about=about)
    consequence = "nobody can be let in" if subject == _TOKENS else "nobody would see anything"
    return Finding(
        subject, "missing", f"without create on {plural}.{group} {consequence}: {_DELEGATOR}", about=about
    )


async def _check_roles(cluster: Cluster, settings: Settings) -> Finding:
    """Whether changes of roles and bindings are noticed."""
    about = "list and watch on roles and bindings"
    scopes = role_scopes(settings.namespaces)
    try:
        answers = await asyncio.gather(
            *[
                cluster.permits(verb, group=kind.group, plural=kind.plural, namespace=namespace)
                for kind, namespace in scopes
                for verb in VERBS
            ]
        )
    except RequestFailed as error:
        return Finding(_ROLES, "optional", f"{UNREVIEWED}: {error}", about=about)
    may = [all(answers[at : at + len(VERBS)]) for at in range(0, len(answers), len(VERBS))]
    lacking = [scope for scope, permitted in zip(scopes, may, strict=True) if not permitted]
    if not lacking:
        return Finding(_ROLES, "ok", about=about)
    everywhere = (
        "about every namespace that has something in it, and "
        if any(kind is ROLE_BINDING for kind, _ in lacking)
        else ""
    )
    names = [kind.plural for kind in TELLING_OF_RIGHTS if any(kind is each for each, _ in lacking)]
    places = sorted({namespace for _, namespace in lacking} - {""})
    where = f" in {', '.join(places)}" if places else ""
    advice = (
        f"grant list and watch on {', '.join(names)} of {ROLE_BINDING.group}{where}, as {_EXAMPLE} does. "
        f"Without it, Astrolabe asks {everywhere}only once a minute: until then, users see what they saw "
        "before"
    )
    return Finding(_ROLES, "optional", advice, about=about)
