"""Finds out who sent a request: by the token of a file, by a token that the API server knows, or by the word
of an authenticating proxy."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import Context
from typing import NamedTuple, Protocol
from urllib.parse import unquote

from sanic.request import Request

from astrolabe.http.access.bearer import bearer_token
from astrolabe.http.access.certificate import ServerContext
from astrolabe.http.access.tokens import Tokens, digest_of
from astrolabe.http.errors import Refusal
from astrolabe.users import EVERYBODY, Reviewer, ReviewUnavailable, User, extra_of

#: Seconds for which a verdict of the API server on a token is kept: on a known token, and on an unknown one.
ACCEPTED_SECONDS, REFUSED_SECONDS = 60.0, 5.0
#: Known and unknown tokens that are remembered. With limits of their own, bad tokens displace no good one.
MOST_TOKENS, MOST_REFUSED = 5_000, 1_000
#: Reviews of tokens that run at a time, and tokens that may wait for one.
ABREAST, MOST_WAITING = 32, 1_000
#: Seconds for an answer. Bytes of a token: those of service accounts have 1 KB.
TIMEOUT, LONGEST_TOKEN = 10.0, 16 * 1024

#: Headers of an authenticating proxy, as the API server itself takes them
#: (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy).
USER_HEADER, GROUP_HEADER, UID_HEADER, EXTRA_PREFIX = (
    "x-remote-user",
    "x-remote-group",
    "x-remote-uid",
    "x-remote-extra-",
)
SECRET_HEADER = "x-astrolabe-proxy-secret"
#: Grafana forwards a user's access token as the bearer token, and the ID token here. An API server takes ID
#: tokens of OpenID Connect.
ID_TOKEN_HEADER = "x-id-token"

#: Headers that name the sender. If one comes twice, it is unclear which value the proxy has checked.
NAMING = ("authorization", USER_HEADER, UID_HEADER, SECRET_HEADER, ID_TOKEN_HEADER)


class KnownUser(NamedTuple):
    """A user who was let in.

    is_valid: returns whether they still may come in. Each heartbeat of a stream calls it.
    names: in a union, the user as each cluster knows them, by cluster; None for a single cluster.
    """

    user: User
    is_valid: Callable[[], bool]
    names: Callable[[], Mapping[str, User]] | None = None


class Authenticator(Protocol):
    """One way to find out who sent a request."""

    async def authenticate(self, request: Request, /) -> KnownUser | None:
        """None if the request has no credentials that this knows. Raises Refusal (503)."""
        ...


class FileTokens:
    """A token of the token file opens everything."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def authenticate(self, request: Request) -> KnownUser | None:
        token = bearer_token(request)
        if token is None:
            return None
        digest = digest_of(token)
        if not self._tokens.knows(digest):
            return None
        return KnownUser(EVERYBODY, lambda: self._tokens.knows(digest))


def tokens_in(request: Request) -> list[str]:
    """The tokens of a request that an API server may know."""
    bearer = bearer_token(request)
    if not bearer:  # if a proxy removed it, no other header may replace it
        return []
    found = (bearer, request.headers.get(ID_TOKEN_HEADER, "").strip())
    return [token for token in found if token and len(token) <= LONGEST_TOKEN]


class _TokenVerdict(NamedTuple):
    user: User | None
    until: float


class ApiTokens:
    """Bearer tokens that the API server knows: of service accounts, OIDC, and whatever it accepts.

    Tokens are not kept, only a hash with a key of this process. clock: monotonic seconds.
    """

    def __init__(self, reviewer: Reviewer, *, clock: Callable[[], float]) -> None:
        self._reviewer = reviewer
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._accepted: OrderedDict[bytes, _TokenVerdict] = OrderedDict()
        self._refused: OrderedDict[bytes, _TokenVerdict] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[User | None]] = {}
        self._abreast = asyncio.Semaphore(ABREAST)

    async def authenticate(self, request: Request) -> KnownUser | None:
        for token in tokens_in(request):
            known = await self.known(token)
            if known is not None:
                return known
        return None

    async def known(self, token: str) -> KnownUser | None:
        """The user of the token; None if it is not known. Raises Refusal (503)."""
        digest = hmac.digest(self._key, token.encode(errors="surrogateescape"), hashlib.sha256)
        verdict = self._verdict(digest)
        if verdict is not None and verdict.until > self._clock():
            if digest in self._accepted:
                self._accepted.move_to_end(digest)
            user = verdict.user
        else:
            user = await self._ask(digest, token)
        return KnownUser(user, self._renewal(digest, token, user)) if user is not None else None

    def _verdict(self, digest: bytes) -> _TokenVerdict | None:
        return self._accepted.get(digest) or self._refused.get(digest)

    def _renewal(self, digest: bytes, token: str, user: User) -> Callable[[], bool]:
        """Returns a function that says whether the token was good at the last review. If that is too old, it
        starts another. The token stays in memory as long as its connection."""

        def is_valid() -> bool:
            verdict = self._verdict(digest)
            if (verdict is None or verdict.until <= self._clock()) and len(self._asking) < MOST_WAITING:
                self._start_to_ask(digest, token)
            return verdict is None or verdict.user == user

        return is_valid

    def _start_to_ask(self, digest: bytes, token: str) -> asyncio.Task[User | None]:
        asking = self._asking.get(digest)
        if asking is None:
            # Not in the context of the request, which would be kept alive as long.
            identifying = self._identify(digest, token)
            asking = asyncio.create_task(identifying, name="astrolabe.http.token", context=Context())
            asking.add_done_callback(_read_error)
            self._asking[digest] = asking
        return asking

    async def _ask(self, digest: bytes, token: str) -> User | None:
        try:
            if len(self._asking) >= MOST_WAITING and digest not in self._asking:
                raise ReviewUnavailable(f"{MOST_WAITING} other tokens are being asked about")
            return await asyncio.shield(self._start_to_ask(digest, token))
        except (ReviewUnavailable, TimeoutError) as error:
            why = str(error) or f"no answer within {TIMEOUT:.0f} s"
            raise Refusal(
                503,
                "identity-unknown",
                f"the API server cannot say whose token this is: {why}; try again later",
                headers={"Retry-After": "5"},
            ) from None

    async def _identify(self, digest: bytes, token: str) -> User | None:
        try:
            async with asyncio.timeout(TIMEOUT), self._abreast:
                user = await self._reviewer.identify(token)
        finally:
            self._asking.pop(digest, None)
        self._accepted.pop(digest, None)
        self._refused.pop(digest, None)
        if user is not None:
            verdicts, most, seconds = self._accepted, MOST_TOKENS, ACCEPTED_SECONDS
        else:
            verdicts, most, seconds = self._refused, MOST_REFUSED, REFUSED_SECONDS
        verdicts[digest] = _TokenVerdict(user, self._clock() + seconds)
        while len(verdicts) > most:
            verdicts.popitem(last=False)
        return user


class ProxyHeaders:
    """The user and groups that an authenticating proxy names. A secret or a client certificate proves that
    the request comes from the proxy.

    secrets: those that are accepted. common_names: those of accepted certificates, which TLS has checked
        against the CA in the settings; empty: any; None: certificates prove nothing.
    """

    def __init__(self, secrets: Tokens | None, common_names: Collection[str] | None = None) -> None:
        self._secrets = secrets
        self._common_names = common_names

    async def authenticate(self, request: Request) -> KnownUser | None:
        headers = request.headers
        name = headers.get(USER_HEADER, "").strip()
        is_valid = self._proof(request) if name else None
        if is_valid is None:
            return None
        extra: dict[str, list[str]] = {}
        for key, value in headers.items():
            if key.lower().startswith(EXTRA_PREFIX):
                # Keys are percent-encoded: a header's name may hold no slash.
                name_of_extra = unquote(key.lower().removeprefix(EXTRA_PREFIX))
                extra.setdefault(name_of_extra, []).append(value)
        user = User(
            name,
            groups=tuple(sorted({*headers.getall(GROUP_HEADER, ()), AUTHENTICATED})),
            uid=headers.get(UID_HEADER, ""),
            extra=extra_of(extra),
        )
        return KnownUser(user, is_valid)

    def _proof(self, request: Request) -> Callable[[], bool] | None:
        """Returns a function that says whether the sender's proof still holds; None without a proof."""
        given, secrets = request.headers.get(SECRET_HEADER), self._secrets
        if given is not None and secrets is not None:
            digest = digest_of(given.strip())
            if secrets.knows(digest):
                return lambda: secrets.knows(digest)
        if self._common_names is None:
            return None
        shown, context = _common_name(request), _context_of(request)
        allowed = shown is not None and (not self._common_names or shown in self._common_names)
        return (lambda: context.trusts_clients) if allowed and context and context.trusts_clients else None


def _common_name(request: Request) -> str | None:
    """The common name of the certificate that the peer has shown; None without one."""
    transport = request.transport
    certificate = transport.get_extra_info("peercert") if transport is not None else None
    if not certificate:
        return None
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return names[0] if len(names) == 1 else None


def _context_of(request: Request) -> ServerContext | None:
    """What has checked the certificate that the peer has shown."""
    transport = request.transport
    context = transport.get_extra_info("sslcontext") if transport is not None else None
    return context if isinstance(context, ServerContext) else None


def _read_error(task: asyncio.Task[User | None]) -> None:
    """Retrieve the error, so that asyncio does not report it when nobody waited for the answer."""
    if not task.cancelled():
        task.exception()


#: The group of all authenticated users (Kubernetes adds it itself).
AUTHENTICATED = "system:authenticated"


async def identify(request: Request, authenticators: Sequence[Authenticator]) -> KnownUser | None:
    """The sender of the request, from the first way that knows it. Raises Refusal if one cannot say."""
    unsure: Refusal | None = None
    for each in authenticators:
        try:
            identity = await each.authenticate(request)
        except Refusal as refusal:
            unsure = refusal
            continue
        if identity is not None:
            return identity
    if unsure is not None:
        raise unsure
    return None


def identity_of(request: Request) -> KnownUser | None:
    """The user whom the guard identified; None if anybody is let in."""
    identity: KnownUser | None = getattr(request.ctx, "identity", None)
    return identity
