"""Asking one server."""

from __future__ import annotations

import asyncio
import os
from ssl import SSLContext
from urllib.parse import urlsplit

import aiohttp
import msgspec

from astrolabe.cli.compare.discrepancy import Reply
from astrolabe.cli.compare.requests import HEALTH, ApiRequest
from astrolabe.client import ClientError, Token
from astrolabe.client.token import TokenSource

#: Bytes of one answer. Two are held at a time.
LARGEST = 256 * 2**20
#: Seconds that an answer may take, from connecting to its last byte.
TIMEOUT = 60.0
#: How often a server that is busy (503) is asked again, and after how many seconds at most.
TRIES, LONGEST_WAIT = 5, 5.0


class CompareError(ClientError):
    """There is nothing to compare; the message is for people."""


class _HealthBody(msgspec.Struct):
    status: str
    nodes: int


class ComparedServer:
    """url: what comes before the API's paths. token: sent only to a server that asks for one."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: Token | None, ssl: SSLContext | None
    ) -> None:
        parts = urlsplit(url)
        self.shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._url = url
        self._session = session
        self._credential = TokenSource(token)
        self._has_token = token is not None
        self._asked_for_token = False
        self._ssl = ssl if ssl is not None else True

    async def meet(self) -> str:
        """How far what it serves may be trusted; "" from one that does not say. Raises CompareError."""
        answer, state = await self._ask(ApiRequest(HEALTH))
        try:
            msgspec.json.decode(answer.body, type=_HealthBody)
        except (msgspec.MsgspecError, RecursionError):
            text = f"/health answers {answer.status}"
            if answer.is_good:
                text += ", but not with a status and a number of nodes"
            raise CompareError(
                f"{self.shown} is not an Astrolabe server: {text}", code="no-astrolabe"
            ) from None
        return state

    async def ask(self, request: ApiRequest) -> Reply:
        """Raises CompareError when it does not answer."""
        for _ in range(TRIES):
            answer, wait = await self._ask(request, "Retry-After")
            if answer.status != 503:
                break
            await asyncio.sleep(min(float(wait) if wait.isdecimal() else 1.0, LONGEST_WAIT))
        return answer

    async def _ask(self, request: ApiRequest, header: str = "X-Astrolabe-State") -> tuple[Reply, str]:
        """The answer, and one of its headers."""
        headers = await self._credential.headers() if self._asked_for_token else {}
        answer, told = await self._fetch(request, headers, header)
        if answer.status == 401 and self._has_token and not self._asked_for_token:
            self._asked_for_token = True
            return await self._ask(request, header)
        if answer.status in (401, 403):
            word = "unauthorised" if answer.status == 401 else "forbidden"
            raise CompareError(f"{self.shown} refuses access: HTTP {answer.status}", code=word)
        if 300 <= answer.status < 400:
            raise CompareError(f"{self.shown} redirects: HTTP {answer.status}", code="redirect")
        return answer, told

    async def _fetch(self, request: ApiRequest, headers: dict[str, str], header: str) -> tuple[Reply, str]:
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._session.request(
                    request.method,
                    f"{self._url}{request.target}",
                    headers=headers,
                    ssl=self._ssl,
                    allow_redirects=False,
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > LARGEST:
                        text = f"{request.shown} is larger than {LARGEST >> 20} MiB"
                        raise CompareError(f"the answer of {self.shown} to {text}", code="too-big")
                answer = Reply(response.status, response.content_type, bytes(body))
                return answer, response.headers.get(header, "")
        except TimeoutError as error:
            text = f"{self.shown} did not answer {request.shown} within {TIMEOUT:g} s"
            raise CompareError(text, code="timeout") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise CompareError(f"{self.shown}: {error.certificate_error}", code="certificate") from error
        except aiohttp.ClientConnectorError as error:
            text = f"cannot connect to {self.shown}: {_reason(error.os_error)}"
            raise CompareError(text, code="unreachable") from error
        except (aiohttp.ClientError, ValueError) as error:
            text = f"{self.shown} did not answer {request.shown} with valid HTTP: {error}"
            raise CompareError(text, code="no-astrolabe") from error


def _reason(error: OSError) -> str:
    """Without what asyncio adds, the address; resolving has numbers of its own, which are negative."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
