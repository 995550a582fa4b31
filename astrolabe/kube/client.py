"""The connection to one API server: GET requests with checked and streamed answers.

The only POST requests are reviews of tokens and rights, which change nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from astrolabe import __version__
from astrolabe.kube.credentials import ADVICE, POD_ADVICE, ClusterAccess, load_access
from astrolabe.kube.errors import (
    UNDECODABLE,
    ApiError,
    ClusterError,
    ConnectionBroken,
    NotTheApi,
    RequestFailed,
    TooLarge,
    error_of_answer,
    forget_frames,
)
from astrolabe.kube.posts import DIRECT, JSON, Posts
from astrolabe.settings import Settings

Reviewed = TypeVar("Reviewed")

_NAMESPACES = "/api/v1/namespaces"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_AUTHORIZATION = "authorization.k8s.io/v1"

#: Seconds for name resolution, connection and TLS.
CONNECT_TIMEOUT = 10.0

#: Seconds for each check at the start.
VERIFY_TIMEOUT = 10.0

#: Bytes to read of the body of an error.
ERROR_BODY_BYTES = 64 * 1024

#: Bytes of an answer that is read as a whole: version, discovery, a review, a list of one object.
MAX_RESPONSE_BYTES = 8 * 2**20

#: Bytes of an answer that may wait to be read; some more, as the system gives 256 KB at a time. The objects
#: of a list come in thousands of chunks, of which each takes 1 µs. kubernetes_asyncio has 2 MB.
READ_BUFFER = 64 * 1024

#: Bytes to keep of an answer that is too large.
BEGINNING_BYTES = 64 * 1024

#: Accepted values of Content-Encoding. A compressed answer has no bound, and API servers respect our request.
UNCOMPRESSED = ("", "identity")

#: Seconds and counts: a dead peer is noticed after 75 s of an idle watch, long before the read timeout.
#: The names differ between systems. Missing ones keep the system's default.
KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 3))


class ClusterResponse:
    """An answer with status 200 in JSON, whose body is streamed."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response

    async def read(self) -> bytes:
        """The bytes that have arrived, at least one; b"" at the end. Raises ConnectionBroken."""
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            forget_frames(error)
            raise _broken(error) from error

    async def read_all(self, longest: int = MAX_RESPONSE_BYTES) -> bytes:
        """The whole body. Raises ConnectionBroken, and TooLarge beyond `longest` bytes."""
        chunks, size = [], 0
        is_too_large = (self._response.content_length or 0) > longest
        enough = min(longest, BEGINNING_BYTES) if is_too_large else longest
        while size <= enough and (chunk := await self.read()):
            chunks.append(chunk)
            size += len(chunk)
        if is_too_large or size > longest:
            beginning = b"".join(chunks[: 1 + BEGINNING_BYTES // len(chunks[0])]) if chunks else b""
            raise TooLarge(f"the answer is larger than {longest} bytes", beginning[:BEGINNING_BYTES])
        return b"".join(chunks)


class _Permission(msgspec.Struct):
    allowed: bool


class _NameAndUid(msgspec.Struct):
    name: str = ""
    uid: str = ""


class _Named(msgspec.Struct):
    metadata: _NameAndUid


class _Namespaces(msgspec.Struct):
    items: list[_Named] = []


class _Review(msgspec.Struct):
    """The answer to a SelfSubjectAccessReview of authorization.k8s.io/v1."""

    status: _Permission


class Cluster:
    """One API server, accessed with one set of credentials.

    host: such as `https://10.0.0.1:443`. origin: where host and credentials come from, for people.
    """

    def __init__(self, settings: Settings, access: ClusterAccess) -> None:
        self._settings = settings
        self._access = access
        self._reloading = asyncio.Lock()
        self._session, self._posts = _open(access)

    @classmethod
    async def connect(cls, settings: Settings) -> Self:
        """Load the configuration that the settings name, without a request. Raises ClusterError."""
        return cls(settings, await load_access(settings))

    @property
    def host(self) -> str:
        return self._access.host

    @property
    def origin(self) -> str:
        return self._access.origin

    @property
    def name(self) -> str:
        """The name of the cluster in the kubeconfig; "" in a pod."""
        return self._access.name

    async def token(self) -> str:
        """The bearer token of these credentials, never to be logged; "" if they have none."""
        return await self._access.token()

    @property
    def context(self) -> str:
        """The context in the kubeconfig; "" in a pod."""
        return self._access.context

    async def verify(self) -> None:
        """Raise ClusterError unless the server answers and accepts the credentials.

        Some kinds may be forbidden, but not all.
        """
        namespaces = self._settings.namespaces
        pods = f"/api/v1/namespaces/{namespaces[0]}/pods" if namespaces else "/api/v1/pods"
        version = await self._probe("/version", {})
        first_list = await self._probe(pods, {"limit": "1"})
        if first_list is not None and (version is not None or "system:anonymous" in first_list.message):
            raise self._refused(first_list)

    async def _probe(self, path: str, params: Mapping[str, str]) -> ApiError | None:
        """Send one request. Returns the error if it is forbidden (403)."""
        try:
            async with asyncio.timeout(VERIFY_TIMEOUT):
                await self.read(path, params, read_timeout=VERIFY_TIMEOUT)
        except TimeoutError as error:
            raise self._unusable(f"it did not answer within {VERIFY_TIMEOUT:.0f} s") from error
        except ApiError as error:
            if error.code == 403:
                return error
            if error.code == 401:
                raise self._refused(error) from error
            raise self._unusable(f"it answered {error}") from error
        except RequestFailed as error:
            raise self._unusable(str(error)) from error
        return None

    def _unusable(self, why: str) -> ClusterError:
        return ClusterError(
            f"The API server {self.host} ({self.origin}) cannot be used: {why}. {self._advice}"
        )

    def _refused(self, error: ApiError) -> ClusterError:
        return ClusterError(
            f"The API server {self.host} refuses the credentials of the {self.origin}: {error}."
            f" {self._advice}"
        )

    @property
    def _advice(self) -> str:
        return POD_ADVICE if self._settings.in_cluster else ADVICE

    @asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, str], *, accept: str = JSON, read_timeout: float
    ) -> AsyncIterator[ClusterResponse]:
        """GET with a streamed answer. Leaving the block closes an answer that was not read to its end.

        read_timeout: seconds without data after which the connection counts as broken.
        Raises ConnectionBroken, NotTheApi, ApiError.
        """
        response = await self._call(path, params, accept=accept, read_timeout=read_timeout)
        try:
            _keep_alive(response)
            await _check(response)
            yield ClusterResponse(response)
        finally:
            response.close()

    async def read(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        accept: str = JSON,
        read_timeout: float,
        longest: int = MAX_RESPONSE_BYTES,
    ) -> bytes:
        """GET with the whole body, otherwise like `stream`. Raises TooLarge beyond `longest` bytes."""
        async with self.stream(path, params, accept=accept, read_timeout=read_timeout) as answer:
            return await answer.read_all(longest)

    async def permits(self, verb: str, *, group: str, plural: str, namespace: str) -> bool:
        """Whether the API server permits these credentials to do this. namespace: "" for all namespaces.

        Raises ConnectionBroken, NotTheApi, ApiError.
        """
        asked = {"verb": verb, "group": group, "resource": plural, "namespace": namespace}
        attributes = {name: value for name, value in asked.items() if value}
        answer = await self.review("SelfSubjectAccessReview", {"resourceAttributes": attributes}, _Review)
        return answer.status.allowed

    async def review(
        self, kind: str, spec: Mapping[str, Any], type: type[Reviewed], *, group: str = _AUTHORIZATION
    ) -> Reviewed:
        """Send a review of authorization.k8s.io/v1 or another group, and return the answer.

        Raises ConnectionBroken, NotTheApi, ApiError.
        """
        asked = msgspec.json.encode({"apiVersion": group, "kind": kind, "spec": spec})
        path = f"/apis/{group}/{kind.lower()}s"
        response = await _answered(self._posts.send(path, asked, timeout=_timeout(VERIFY_TIMEOUT)))
        try:
            await _check(response, status=201)
            body = await ClusterResponse(response).read_all()
        finally:
            response.close()
        try:
            return msgspec.json.decode(body, type=type)
        except UNDECODABLE as error:
            raise NotTheApi(f"the answer is not a review: {error}") from error

    async def identity(self) -> str:
        """The uid of the namespace kube-system, which is unique per cluster.

        "" if it is unknown: the server does not answer, or namespaces may not be listed, as with a Role.
        """
        found = await self._find_namespaces({"fieldSelector": "metadata.name=kube-system", "limit": "1"})
        return next((each.uid for each in found if each.name == "kube-system"), "")

    async def namespaces(self, most: int) -> list[str]:
        """The names of at most `most` namespaces; none if they may not be listed, as with a Role."""
        return [each.name for each in await self._find_namespaces({"limit": str(most)})][:most]

    async def _find_namespaces(self, params: Mapping[str, str]) -> list[_NameAndUid]:
        try:
            body = await self.read(_NAMESPACES, params, accept=_METADATA_LIST, read_timeout=VERIFY_TIMEOUT)
            return [each.metadata for each in msgspec.json.decode(body, type=_Namespaces).items]
        except (RequestFailed, *UNDECODABLE):
            return []

    async def reload(self) -> None:
        """Load the credentials again after a 401. Concurrent callers share one load.

        Running answers continue, unless the certificates have changed. Raises ClusterError.
        """
        access = self._access
        async with self._reloading:
            if self._access is not access:
                return
            fresh = await load_access(self._settings)
            if fresh.identity == access.identity:
                self._access = fresh
                self._session.configuration = self._posts.configuration = fresh.configuration
                return
            old = self._posts, self._session
            self._session, self._posts = _open(fresh)
            self._access = fresh
            for each in old:
                await each.close()

    async def close(self) -> None:
        """Close all connections, including those of running answers."""
        await self._posts.close()
        await self._session.close()

    async def _call(
        self, path: str, params: Mapping[str, str], *, accept: str, read_timeout: float
    ) -> aiohttp.ClientResponse:
        return await _answered(
            self._session.call_api(
                path,
                "GET",
                query_params=list(params.items()),
                # Inside a cluster, compression costs more than the network.
                header_params={"Accept": accept, "Accept-Encoding": "identity"},
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=_timeout(read_timeout),
            )
        )


async def _answered(asking: Awaitable[Any]) -> aiohttp.ClientResponse:
    """The answer. Raises ConnectionBroken."""
    try:
        response: aiohttp.ClientResponse = await asking
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        forget_frames(error)
        raise _broken(error) from error
    except Exception as error:
        # Hooks that renew a token (credential plugins, token files) may raise any exception.
        raise ConnectionBroken(f"the credentials cannot be renewed ({type(error).__name__})") from error
    return response


def _timeout(read: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None, connect=CONNECT_TIMEOUT, sock_connect=CONNECT_TIMEOUT, sock_read=read
    )


def _open(access: ClusterAccess) -> tuple[Any, Posts]:
    session = access.open_session()
    session.user_agent = f"astrolabe/{__version__}"
    posts = Posts(access.configuration, session)
    session.rest_client.pool_manager = _Direct(session.rest_client.pool_manager)
    return session, posts


class _Direct:
    """The HTTP session of kubernetes_asyncio, without redirects and decompression, and with a small buffer.

    A redirect could send the token to another host.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(self, **request: Any) -> aiohttp.ClientResponse:
        return await self._session.request(**request, **DIRECT, read_bufsize=READ_BUFFER)

    async def close(self) -> None:
        await self._session.close()


async def _check(response: aiohttp.ClientResponse, *, status: int = 200) -> None:
    """Raise unless this is a JSON answer with that status.

    kubernetes_asyncio checks only answers whose body it reads.
    """
    if 300 <= response.status < 400:
        raise NotTheApi(f"it redirects to {_target_of(response)} ({response.status}), which is not followed")
    if response.status != status:
        body = b""
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            body = await response.content.read(ERROR_BODY_BYTES)
        raise error_of_answer(response.status, response.headers, body)
    if response.content_type != JSON:
        raise NotTheApi(f"the answer is {response.content_type}, not JSON (a proxy in between?)")
    packing = response.headers.get("Content-Encoding", "").lower()
    if packing not in UNCOMPRESSED:
        raise NotTheApi(f"the answer is compressed ({packing[:20]}), which was not requested (a proxy?)")


def _target_of(response: aiohttp.ClientResponse) -> str:
    """The host of a redirect, without the rest of the URL, which may contain secrets."""
    try:
        host = urlsplit(response.headers.get("Location", "")).hostname
    except ValueError:
        host = None
    return (host or response.url.host or "another place")[:100]


def _keep_alive(response: aiohttp.ClientResponse) -> None:
    transport = response.connection.transport if response.connection else None
    peer = transport.get_extra_info("socket") if transport else None
    if peer is None or peer.family not in (socket.AF_INET, socket.AF_INET6):
        return
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if hasattr(socket, name):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _broken(error: Exception) -> ConnectionBroken:
    """Describe what happened to the connection."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return ConnectionBroken(f"its certificate is not trusted: {_reason(error)}", tls=True)
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return ConnectionBroken(f"TLS fails: {_reason(error)}", tls=True)
        case aiohttp.ClientConnectorDNSError():
            return ConnectionBroken(f"the name {error.host} does not resolve")
        case aiohttp.ClientConnectorError():
            why = os.strerror(error.errno) if error.errno else _reason(error)
            return ConnectionBroken(f"no connection to {error.host}:{error.port}: {why}")
        case aiohttp.ConnectionTimeoutError():
            return ConnectionBroken(f"no connection within {CONNECT_TIMEOUT:.0f} s")
        case TimeoutError():
            return ConnectionBroken("the server stopped responding")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return ConnectionBroken("the server closed the connection")
        case _:
            return ConnectionBroken(f"the connection broke: {error}")


def _reason(error: Exception) -> str:
    """The innermost cause, in the words of the operating system or of OpenSSL."""
    cause: object = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    return str(getattr(cause, "verify_message", "") or getattr(cause, "strerror", "") or cause)
