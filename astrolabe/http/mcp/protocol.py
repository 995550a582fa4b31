"""The Model Context Protocol over Streamable HTTP, without a socket: what a POST asks, and its answer.

Two eras share one path. Since revision 2026-07-28 each request says in `_meta` which revision it speaks, and
repeats in headers what proxies route by. Earlier clients begin with `initialize`. Neither has a session here.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import msgspec

from astrolabe import __version__

#: The revisions in which each request stands for itself, the newest first.
MODERN = ("2026-07-28",)
#: Those that begin with `initialize`.
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26")

VERSION_HEADER, METHOD_HEADER, NAME_HEADER = "mcp-protocol-version", "mcp-method", "mcp-name"
_META = "io.modelcontextprotocol/"
VERSION_KEY, CAPABILITIES_KEY = f"{_META}protocolVersion", f"{_META}clientCapabilities"

#: JSON-RPC 2.0, 5.1; and of MCP itself.
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022

_STATUS = {METHOD_NOT_FOUND: 404}
#: Seconds for which a client may keep the list of tools: a new version of Astrolabe may have others.
_FRESH = 3600

_SERVER = {"name": "astrolabe", "title": "Astrolabe", "version": __version__}

Json = dict[str, Any]


class RpcError(Exception):
    """A request that is no good. code: of JSON-RPC. data: for programs. id: of the request, if known."""

    def __init__(
        self, code: int, message: str, *, data: Json | None = None, id: str | int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.data = data
        self.id = id

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS.get(self.code, 400)


class ToolCall(msgspec.Struct, frozen=True):
    """A tool that is called, with the arguments as they came."""

    name: str
    arguments: Json


class RpcRequest(msgspec.Struct, frozen=True):
    """A request to answer. call: the tool that it calls; else `answer` has its result.

    modern: whether the client speaks a revision without `initialize`.
    """

    id: str | int
    modern: bool
    call: ToolCall | None = None
    result: Json = {}


class _RpcMessage(msgspec.Struct, frozen=True):
    jsonrpc: str
    method: str
    id: str | int | msgspec.UnsetType | None = msgspec.UNSET
    params: Json = {}


_DECODER = msgspec.json.Decoder(_RpcMessage)


def read(body: bytes, headers: Mapping[str, str], tools: list[Json], instructions: str) -> RpcRequest | None:
    """What a body asks; None for a notification, which needs no answer.

    headers: by lower-case name; of repeated ones, the values joined by commas.
    tools: their definitions. instructions: how to use them.
    Raises RpcError.
    """
    message = _decode(body)
    if message.id is msgspec.UNSET:
        return None
    if message.id is None:
        raise RpcError(INVALID_REQUEST, "the id of a request is a string or a whole number, not null")
    try:
        modern = _check_era(message, headers)
        return _dispatch(message, message.id, modern, tools, instructions)
    except RpcError as error:
        error.id = message.id
        raise


def _decode(body: bytes) -> _RpcMessage:
    try:
        message = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        text = f"the body is one JSON-RPC 2.0 request or notification, and no batch: {error}"
        raise RpcError(INVALID_REQUEST, text) from None
    except (ValueError, RecursionError):
        raise RpcError(PARSE_ERROR, "the body is no JSON") from None
    if message.jsonrpc != "2.0":
        raise RpcError(INVALID_REQUEST, 'jsonrpc is "2.0"')
    return message


def _check_era(message: _RpcMessage, headers: Mapping[str, str]) -> bool:
    """Whether it is a request of a modern revision, and says so everywhere alike."""
    meta = message.params.get("_meta")
    told, header = isinstance(meta, dict) and VERSION_KEY in meta, headers.get(VERSION_HEADER, "")
    if not told and header not in MODERN and message.method != "server/discover":
        _check_legacy(header)
        return False
    if not isinstance(meta, dict):
        raise RpcError(INVALID_PARAMS, f"params._meta is needed, with {VERSION_KEY}")
    missing = [key for key in (VERSION_KEY, CAPABILITIES_KEY) if key not in meta]
    if missing:
        raise RpcError(INVALID_PARAMS, f"params._meta lacks {' and '.join(missing)}")
    version = meta[VERSION_KEY]
    _check_headers(message, version, headers)
    if version not in MODERN:
        raise _unsupported(version)
    return True


def _check_legacy(version: str) -> None:
    if version and version not in LEGACY:
        raise _unsupported(version)


def _unsupported(version: object) -> RpcError:
    supported = [*MODERN, *LEGACY]
    text = f"protocol version {version!r} is not served; these are: {', '.join(supported)}"
    return RpcError(UNSUPPORTED_VERSION, text, data={"supported": supported, "requested": version})


def _check_headers(message: _RpcMessage, version: object, headers: Mapping[str, str]) -> None:
    expected = {VERSION_HEADER: version, METHOD_HEADER: message.method}
    if message.method == "tools/call":
        expected[NAME_HEADER] = message.params.get("name")
    for name, value in expected.items():
        if _decoded(headers.get(name, "")) != value:
            given = headers.get(name)
            shown = "is missing" if given is None else f"is {given[:100]!r}"
            text = f"the header {name.title()} {shown}, and the body says {str(value)[:100]!r}"
            raise RpcError(HEADER_MISMATCH, text)


def _decoded(value: str) -> str | None:
    """The value of a header, in Base64 if it says so: `=?base64?…?=`."""
    if not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _dispatch(
    message: _RpcMessage, id: str | int, modern: bool, tools: list[Json], instructions: str
) -> RpcRequest:
    match message.method:
        case "tools/call":
            return RpcRequest(id, modern, call=_call_of(message.params))
        case "tools/list":
            return RpcRequest(id, modern, result={"tools": tools, **(_cacheable() if modern else {})})
        case "server/discover" if modern:
            about = {"supportedVersions": [*MODERN, *LEGACY], "capabilities": {"tools": {}}}
            return RpcRequest(id, modern, result={**about, "instructions": instructions, **_cacheable()})
        case "initialize" if not modern:
            return RpcRequest(id, modern, result=_welcome(message.params, instructions))
        case "ping" if not modern:
            return RpcRequest(id, modern)
    raise RpcError(METHOD_NOT_FOUND, f"there is no method {message.method[:100]!r}")


def _call_of(params: Json) -> ToolCall:
    try:
        return msgspec.convert(
            {"name": params.get("name"), "arguments": params.get("arguments", {})}, ToolCall
        )
    except msgspec.ValidationError as error:
        raise RpcError(INVALID_PARAMS, f"params of tools/call: {error}") from None


def _cacheable() -> Json:
    """The same for every user."""
    return {"ttlMs": _FRESH * 1000, "cacheScope": "public"}


def _welcome(params: Json, instructions: str) -> Json:
    asked = params.get("protocolVersion")
    return {
        "protocolVersion": asked if asked in LEGACY else LEGACY[0],
        "capabilities": {"tools": {}},
        "serverInfo": _SERVER,
        "instructions": instructions,
    }


def told(text: str, *, is_error: bool = False) -> Json:
    """The result of a tool."""
    result: Json = {"content": [{"type": "text", "text": text}]}
    return {**result, "isError": True} if is_error else result


def answer(request: RpcRequest, result: Json) -> bytes:
    """The body of an answer."""
    if request.modern:
        result = {"resultType": "complete", **result, "_meta": {f"{_META}serverInfo": _SERVER}}
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request.id, "result": result})


def refused(error: RpcError) -> bytes:
    """The body of a refusal."""
    said: Json = {"code": error.code, "message": str(error)}
    if error.data is not None:
        said["data"] = error.data
    return msgspec.json.encode({"jsonrpc": "2.0", "id": error.id, "error": said})
