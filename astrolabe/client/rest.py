"""Questions to the REST API of a server, one request each."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException, RemoteDisconnected
from ssl import SSLCertVerificationError, SSLContext
from types import MappingProxyType
from typing import IO, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

import msgspec

from astrolabe.client.connection import (
    ADVICE,
    UNAUTHORISED,
    base,
    default_port,
    distrusted,
    error_in,
    of_system,
    one_line,
    shown,
    tls_hint,
)
from astrolabe.client.errors import ClientError
from astrolabe.client.token import Token, TokenSource

#: Seconds for the server to answer, from connecting to each part of its answer.
TIMEOUT = 30.0
#: Bytes of one answer; the user chose the server.
LONGEST_ANSWER = 256 * 2**20
#: The statuses without an Astrolabe error body, and their codes.
_REFUSALS = {400: "bad-request", 401: UNAUTHORISED, 403: "forbidden", 404: "no-astrolabe"}

#: The codes of failures that may pass: the server is not there, not yet, or has too much to do.
UNREACHABLE, TIMED_OUT, UNAVAILABLE = "unreachable", "timeout", "unavailable"

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

T = TypeVar("T")
#: As in a query: a list is sent with commas.
Params = Mapping[str, Sequence[str] | str | int]


class ServerAnswer(msgspec.Struct, frozen=True):
    """state: how far it may be trusted, as `ServerState.state`; "" if the server does not say.

    body: JSON.
    """

    body: bytes
    state: str = ""
    epoch: str = ""
    seq: int = 0


class RestClient:
    """Asks one server. Raises ClientError for whatever it does not answer, with a message for people."""

    def __init__(
        self,
        url: str,
        *,
        token: Token | None = None,
        ssl: SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """As for `Client`."""
        parts = urlsplit(base(url))
        user, _, host = parts.netloc.rpartition("@")
        self._base = f"{parts.scheme}://{host}{parts.path}"
        self._credential = TokenSource(token)
        self._headers = dict(headers or {})
        if user:
            self._headers["Authorization"] = f"Basic {b64encode(unquote(user).encode()).decode()}"
        self._opener = build_opener(HTTPSHandler(context=ssl), _NoRedirects())

    @property
    def shown(self) -> str:
        """The server for people."""
        return shown(self._base)

    async def get(self, path: str, params: Params | None = None) -> ServerAnswer:
        """Ask for a path such as `/api/v1/problems`."""
        query = urlencode(
            {
                name: value if isinstance(value, str | int) else ",".join(value)
                for name, value in (params or {}).items()
            }
        )
        return await self._ask(f"{path}{'?' if query else ''}{query}")

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> ServerAnswer:
        """Send a JSON-RPC message. A refusal in its form is an answer; to a notification it is empty."""
        return await self._ask(path, body, {**headers, "Content-Type": "application/json"})

    async def _ask(
        self, target: str, body: bytes | None = None, headers: Mapping[str, str] = _NO_HEADERS
    ) -> ServerAnswer:
        try:
            return await self._ask_once(target, body, headers)
        except ClientError as error:
            if error.code != UNAUTHORISED or not await self._credential.changed():
                raise
        return await self._ask_once(target, body, headers)

    async def _ask_once(self, target: str, body: bytes | None, headers: Mapping[str, str]) -> ServerAnswer:
        sent = {**self._headers, **await self._credential.headers(), "Accept": "application/json", **headers}
        request = Request(f"{self._base}{target}", data=body, headers=sent)
        answer = await in_thread(lambda: self._fetch(request))
        self._credential.accepted()
        return answer

    def _fetch(self, request: Request) -> ServerAnswer:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                if response.status == HTTPStatus.ACCEPTED:
                    return ServerAnswer(b"")
                body = response.read(LONGEST_ANSWER + 1)
                if len(body) > LONGEST_ANSWER:
                    text = (
                        f"the answer of {self.shown} is larger than {LONGEST_ANSWER >> 20} MiB; ask for less"
                    )
                    raise ClientError(text, code="too-big")
                if response.headers.get_content_type() != "application/json":
                    raise ClientError(f"{self.shown} is not an Astrolabe server", code="no-astrolabe")
                return _answer(body, response.headers)
        except HTTPError as error:
            with error:
                said = error.read(1 << 20)
                if request.data is not None and b'"jsonrpc"' in said:
                    return _answer(said, error.headers)
                raise self._refused(error, said, urlsplit(request.full_url).path) from error
        except URLError as error:
            raise self._unreachable(error.reason) from error
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error

    def _refused(self, error: HTTPError, body: bytes, path: str) -> ClientError:
        code, said = error_in(body)
        if error.code == 404 and (not code or said.startswith("there is nothing at")):
            text = f"{self.shown} does not answer {path}: it is no Astrolabe server, or too old"
            return ClientError(text, code="no-astrolabe")
        if code in ("bad-filter", "not-found", "wrong-kind"):
            return ClientError(said, code=code)
        advice = ADVICE if code == UNAUTHORISED else ""
        status = f"HTTP {error.code}" + (f", {said}" if said else "")
        word = code or _REFUSALS.get(error.code, "bad-answer")
        if error.code >= 500 or error.code in (408, 429):
            word = UNAVAILABLE
        return ClientError(f"{self.shown} refuses: {status}{advice}", code=word)

    def _unreachable(self, reason: object) -> ClientError:
        if isinstance(reason, SSLCertVerificationError):
            return distrusted(reason, self._base)
        if isinstance(reason, TimeoutError):
            return ClientError(f"{self.shown} did not answer within {TIMEOUT:g} s", code=TIMED_OUT)
        if isinstance(reason, RemoteDisconnected | ConnectionResetError):
            text = f"cannot connect to {self.shown}: the server closed the connection{tls_hint(self._base)}"
            return ClientError(text, code=UNREACHABLE)
        if isinstance(reason, HTTPException):
            return ClientError(f"{self.shown} is not an Astrolabe server", code="no-astrolabe")
        said = of_system(reason) if isinstance(reason, OSError) else str(reason)
        return ClientError(
            f"cannot connect to {self.shown}{default_port(self._base)}: {said}", code=UNREACHABLE
        )


class _NoRedirects(HTTPRedirectHandler):
    """A redirect could show the token to another server."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def _answer(body: bytes, headers: Message) -> ServerAnswer:
    seq = headers.get("X-Astrolabe-Seq", "")
    return ServerAnswer(
        body,
        state=headers.get("X-Astrolabe-State", ""),
        epoch=headers.get("X-Astrolabe-Epoch", ""),
        seq=int(seq) if seq.isdecimal() else 0,
    )


async def in_thread(work: Callable[[], T]) -> T:
    """Run work in a thread that nothing waits for at the end of the process, unlike those of a pool."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if done.done():  # cancelled
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="astrolabe-request", daemon=True).start()
    return await done


def decoded(answer: ServerAnswer, type: type[T], server: str) -> T:
    """The body as a value. Raises ClientError."""
    try:
        return msgspec.json.decode(answer.body, type=type)
    except (ValueError, RecursionError) as error:
        text = f"{server} answers in a form that this client does not know: {one_line(error)}"
        raise ClientError(text, code="bad-answer") from error


def why_path(uid: str) -> str:
    """The path that says why the resource with this uid is as it is."""
    return f"/api/v1/resources/{quote(uid, safe='')}/why"


def impact_path(uid: str) -> str:
    """The path that says what would happen without it."""
    return f"/api/v1/resources/{quote(uid, safe='')}/impact"
