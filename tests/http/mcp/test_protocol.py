"""The Model Context Protocol without a socket: what is asked, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from astrolabe.http.mcp.protocol import RpcError, RpcRequest, answer, read, refused

Json = dict[str, Any]

TOOLS = [{"name": "triage"}]
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def body(method: str, params: Json | None = None, **more: Any) -> bytes:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return json.dumps({**message, **more}).encode()


def modern(method: str, name: str = "", **more: str) -> dict[str, str]:
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": method}
    return {**headers, **({"mcp-name": name} if name else {}), **more}


def ask(sent: bytes, headers: dict[str, str] | None = None) -> RpcRequest | None:
    return read(sent, headers or {}, TOOLS, "Begin with triage.")


def fault(sent: bytes, headers: dict[str, str] | None = None) -> tuple[int, int, str]:
    with pytest.raises(RpcError) as caught:
        ask(sent, headers)
    return caught.value.status, caught.value.code, str(caught.value)


def test_a_modern_client_discovers_the_server() -> None:
    asked = ask(body("server/discover", {"_meta": MODERN}), modern("server/discover"))
    assert asked is not None
    document = json.loads(answer(asked, asked.result))
    server = document["result"].pop("_meta")["io.modelcontextprotocol/serverInfo"]
    assert server["name"] == "astrolabe"
    assert document == {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {
            "resultType": "complete",
            "supportedVersions": ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"],
            "capabilities": {"tools": {}},
            "instructions": "Begin with triage.",
            "ttlMs": 3_600_000,
            "cacheScope": "public",
        },
    }


def test_a_client_of_an_earlier_revision_is_welcomed_without_a_session() -> None:
    asked = ask(body("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}}))
    assert asked is not None
    result = json.loads(answer(asked, asked.result))["result"]
    assert (result["protocolVersion"], result["capabilities"]) == ("2025-06-18", {"tools": {}})
    assert "resultType" not in result
    newer = ask(body("initialize", {"protocolVersion": "2099-01-01"}))
    assert newer is not None
    assert newer.result["protocolVersion"] == "2025-11-25"
    listed = ask(body("tools/list"), {"mcp-protocol-version": "2025-06-18"})
    assert listed is not None
    assert listed.result == {"tools": TOOLS}
    assert ask(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode()) is None


def test_a_call_has_its_tool_and_arguments() -> None:
    params = {"name": "why", "arguments": {"resource": "Pod/shop/web"}, "_meta": MODERN}
    asked = ask(body("tools/call", params), modern("tools/call", "why"))
    assert asked is not None
    assert asked.call is not None
    assert (asked.call.name, asked.call.arguments) == ("why", {"resource": "Pod/shop/web"})
    encoded = modern("tools/call", "=?base64?d2h5?=")
    assert ask(body("tools/call", params), encoded) == asked


def test_headers_and_body_must_agree() -> None:
    params = {"name": "why", "_meta": MODERN}
    for headers, says in (
        ({}, "the header Mcp-Protocol-Version is missing, and the body says '2026-07-28'"),
        (
            modern("tools/list", "why"),
            "the header Mcp-Method is 'tools/list', and the body says 'tools/call'",
        ),
        (modern("tools/call"), "the header Mcp-Name is missing, and the body says 'why'"),
        (modern("tools/call", "find"), "the header Mcp-Name is 'find', and the body says 'why'"),
        (modern("tools/call", "why, why"), "the header Mcp-Name is 'why, why', and the body says 'why'"),
        (
            modern("tools/call", "=?base64?#?="),
            "the header Mcp-Name is '=?base64?#?=', and the body says 'why'",
        ),
    ):
        assert fault(body("tools/call", params), headers) == (400, -32020, says)


def test_a_revision_that_is_not_served_is_refused_with_those_that_are() -> None:
    meta = {**MODERN, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    sent = body("tools/list", {"_meta": meta})
    with pytest.raises(RpcError) as caught:
        ask(sent, modern("tools/list", **{"mcp-protocol-version": "2099-01-01"}))
    assert json.loads(refused(caught.value)) == {
        "jsonrpc": "2.0",
        "id": 1,
        "error": {
            "code": -32022,
            "message": "protocol version '2099-01-01' is not served; these are: 2026-07-28, 2025-11-25, "
            "2025-06-18, 2025-03-26",
            "data": {
                "supported": ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"],
                "requested": "2099-01-01",
            },
        },
    }
    assert fault(body("tools/list"), {"mcp-protocol-version": "1999-01-01"})[:2] == (400, -32022)


def test_malformed_values_are_refused_by_name() -> None:
    assert fault(b"{")[:2] == (400, -32700)
    assert fault(b'{"params":{"a":' + b"[" * 60_000)[:2] == (400, -32700)
    assert fault(b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]')[:2] == (400, -32600)
    assert fault(body("ping", jsonrpc="1.0"))[:2] == (400, -32600)
    assert fault(body("ping", id=None))[:2] == (400, -32600)
    assert fault(body("ping", id=1.5))[:2] == (400, -32600)
    assert fault(body("ping", params=[1]))[:2] == (400, -32600)
    assert fault(body("tools/list"), modern("tools/list"))[:2] == (400, -32602)
    without = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}
    says = "params._meta lacks io.modelcontextprotocol/clientCapabilities"
    assert fault(body("tools/list", without), modern("tools/list")) == (400, -32602, says)
    assert fault(body("tools/call", {"name": 7}))[:2] == (400, -32602)
    assert fault(body("tools/call", {"name": "why", "arguments": [1]}))[:2] == (400, -32602)


def test_features_of_earlier_revisions_are_absent_in_later_ones() -> None:
    for method in ("initialize", "ping", "resources/list", "subscriptions/listen"):
        status, code, _ = fault(body(method, {"_meta": MODERN}), modern(method))
        assert (status, code) == (404, -32601), method
    assert fault(body("server/discover"))[:2] == (400, -32602)
    assert fault(body("prompts/list"))[:2] == (404, -32601)
