"""All doors of a server, walked as one user: every answer, header, refusal and stream, as text."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import aiohttp

from astrolabe.graph.state.identity import qualified
from tests.support.canaries import SECRET_NAMESPACES, Truth, canary
from tests.support.tenants import Tenancy

Json = dict[str, Any]

#: Seconds within which a stream says what it has to say first.
PATIENCE = 20.0

#: Doors without parameters, and what they answer to nonsense.
DOORS = (
    "/api/v1/graph",
    "/api/v1/resources?limit=1000",
    "/api/v1/resources",
    "/api/v1/kinds",
    "/api/v1/namespaces",
    "/api/v1/releases",
    "/api/v1/releases?detail=true",
    "/api/v1/charts",
    "/api/v1/unresolved",
    "/api/v1/problems",
    "/api/v1/problems?detail=true",
    "/api/v1/problems?detail=true&status=Error",
    "/api/v1/summary?by=namespace,release",
    "/api/v1/summary?by=owner,node",
    "/api/v1/edge-types",
    "/api/v1/whoami",
    "/api/v1/whoami?rights=true",
    "/api/v1/clusters",
    "/graphql?query={namespaces}",
    "/api/v1/grafana/nodegraph",
    "/api/v1/grafana/nodegraph?q=canary",
    "/api/v1/grafana/nodegraph?limit=5",
    "/api/v1/grafana/frames",
    "/api/graph/data",
    "/api/graph/fields",
    "/api/health",
    "/health",
    "/readyz",
    "/readyz?verbose",
    "/livez",
    "/metrics",
    "/openapi.json",
    "/api/v1/graph?kind=NoSuchKind",
    "/api/v1/graph?kind=Secret,Secret.vault.example.com,Widget.a.example.com",
    "/api/v1/resources?selector=canary",
    "/api/v1/find?q=((",
    "/api/v1/graph?min_seq=1",
    "/api/v1/no-such-path",
    "/api/v1/ws",
    "/api/v1/complete?q=name:&cursor=5",
    "/api/v1/complete?q=namespace:&cursor=10",
    "/api/v1/complete?q=label.canary=&cursor=13",
    "/api/v1/complete?q=release:&cursor=8",
    "/api/v1/complete?q=kind:&cursor=5",
    "/api/v1/complete?q=reason:&cursor=7",
    "/api/v1/complete?q=chart:&cursor=6",
)

#: Streams; those of events are `text/event-stream`, the others WebSockets.
STREAMS = (
    "/api/v1/ws",
    "/api/v1/events",
    "/api/v1/ws?what=problems&detail=true",
    "/api/v1/events?what=problems&detail=true",
    "/api/v1/ws/flat/stats",
    "/api/v1/ws/flat/stats/kind=Secret,Pod",
)
#: The path of a stream on which a user asks for what they do not see.
ASKING = "/api/v1/ws?subscribe=false"


_NODE = "uid kind name namespace status reason message since metadata labels release chart"
#: Of GraphQL: everything, and what there is about one object.
_EVERYTHING = f"""{{
  nodes(first: 400) {{ totalCount nodes {{
    {_NODE} unresolved {{ name }} owner {{ name }} warning {{ reason message }} own {{ reason message }}
  }} }}
  edges(first: 400) {{ totalCount nodes {{ type from to }} }}
  problems {{ id status message namespaces cause {{ kind namespace name }} path {{ __typename }} }}
  namespaces
  kinds {{ __typename }}
  state {{ __typename }}
}}"""
_ONE = f"""query ($uid: ID!, $q: String!, $namespace: [String!]) {{
  node(uid: $uid) {{ {_NODE} owner {{ name }} usedBy {{ nodes {{ name }} }} }}
  why(uid: $uid) {{ problems coverage }}
  impact(uid: $uid) {{ namespaces target {{ name }} }}
  problem(id: $uid) {{ message }}
  nodes(q: $q) {{ totalCount nodes {{ name }} }}
  namespaces(filter: {{namespace: $namespace}})
}}"""
#: Tools of MCP, with what they are asked about an object.
_TOOLS = ("why", "impact", "describe", "relations")


class Answer(NamedTuple):
    status: int
    headers: str
    text: str


async def get(site: Tenancy, user: str, path: str, **headers: str) -> Answer:
    """What the user is answered. It is no fault of the server."""
    named = {"Authorization": f"Bearer {user}", **headers}
    async with site.http.get(site.url(path), headers=named) as answer:
        text = await answer.text()
        assert answer.status < 500 or answer.status == 503, (path, text)
        return Answer(answer.status, str(answer.headers), text)


async def post(site: Tenancy, user: str, path: str, body: Json) -> Answer:
    """What the user is answered to a message."""
    named = {
        "Authorization": f"Bearer {user}",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    async with site.http.post(site.url(path), data=json.dumps(body), headers=named) as answer:
        return Answer(answer.status, str(answer.headers), await answer.text())


def messages(truth: Truth, uids: list[str]) -> Iterator[tuple[str, Json]]:
    """What is asked by POST, of everything and of these objects."""
    yield "/graphql", {"query": _EVERYTHING}
    yield from [("/mcp", _call(tool)) for tool in ("triage", "coverage")]
    yield "/mcp", _call("find", search="canary")
    for uid in uids:
        node = truth.nodes[uid]
        about = {"uid": uid, "q": node["name"], "namespace": [node.get("namespace", "")]}
        yield "/graphql", {"query": _ONE, "variables": about}
        yield "/mcp", _call("find", search=node["name"])
        named = "/".join([part for part in (truth.key_of(node), node.get("namespace"), node["name"]) if part])
        for tool in _TOOLS:
            yield "/mcp", _call(tool, resource=uid)
            yield "/mcp", _call(tool, resource=named)


def _call(tool: str, **arguments: str) -> Json:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def of_object(uid: str, node: Json, other: str) -> Iterator[str]:
    """Doors to one object, seen or not. other: the uid of something that the user sees."""
    path = quote(uid, safe="")
    yield from [
        f"/api/v1/resources/{path}{part}" for part in ("", "/why", "/impact", "/impact?action=delete")
    ]
    yield f"/api/v1/problems/{path}"
    yield f"/api/v1/path?from={other}&to={uid}"
    yield f"/api/v1/path?from={uid}&to={other}"
    for named in (node["name"], canary(uid), node["kind"], uid):
        for door in ("find", "graph", "resources", "grafana/frames", "problems"):
            yield f"/api/v1/{door}?q={quote(named)}"
    yield f"/api/v1/graph?selector=canary={canary(uid)}"
    yield f"/api/v1/complete?q={quote('name:' + node['name'][:4])}&cursor=9"
    yield f"/api/v1/complete?q={quote('label.canary=' + canary(uid)[:6])}&cursor=19"
    if namespace := node.get("namespace"):
        for door in ("resources", "kinds", "releases", "unresolved", "grafana/nodegraph"):
            yield f"/api/v1/{door}?namespace={namespace}"
        yield f"/api/v1/releases/{namespace}/{canary('Release', qualified(node.get('cluster', ''), namespace))}"
    if release := node.get("release"):
        yield f"/api/v1/releases/{node.get('releaseNamespace', '-')}/{release}"
        yield f"/api/v1/graph?release={release}"


#: What is asked for twice: once by what a user may not see, once by what does not exist.
TWINS = (
    "/api/v1/resources/{uid}",
    "/api/v1/resources/{uid}/why",
    "/api/v1/resources/{uid}/impact",
    "/api/v1/problems/{uid}",
    "/api/v1/path?from={uid}&to={uid}",
    "/api/v1/path?from={seen}&to={uid}",
    "/api/v1/find?q={word}",
    "/api/v1/find?q={uid}",
    "/api/v1/find?q={name}",
    "/api/v1/graph?q={word}",
    "/api/v1/graph?selector=canary={word}",
    "/api/v1/graph?namespace={namespace}",
    "/api/v1/kinds?namespace={namespace}",
    "/api/v1/releases/{namespace}/{name}",
    "/api/v1/releases?namespace={namespace}&detail=true",
    "/api/v1/problems?namespace={namespace}&detail=true",
    "/api/v1/complete?q=namespace:{namespace}",
    "/api/v1/complete?q=name:{name}",
    "/api/v1/grafana/frames?namespace={namespace}",
    "/api/v1/whoami?namespace={namespace}",
)
#: What differs with each answer, or with the words that were asked for.
_VARIES = re.compile(r"W/[^']*'|'Content-Length', '\d+'|'ETag'[^)]*\)")


def twins(
    seen: str, node: Json, *, name: str, namespace: str
) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Templates, with the words of a hidden object, and with such of nothing.

    name: that is of this object alone. namespace: in which nothing is seen; "": there is none.
    """
    cluster, slash, uid = node["uid"].rpartition("/")
    nothing = quote(f"{cluster}{slash}" + re.sub(r"[0-9a-f]", "0", uid), safe="")
    hidden = {
        "uid": quote(node["uid"], safe=""),
        "word": canary(node["uid"]),
        "name": name,
        "namespace": namespace,
    }
    absent = {
        "uid": nothing,
        "word": canary("nothing"),
        "name": _like(name),
        "namespace": _like(namespace),
    }
    for template in TWINS:
        if namespace or "{namespace}" not in template:
            yield template, {**hidden, "seen": seen}, {**absent, "seen": seen}


def _like(name: str) -> str:
    """A name of the same length that is nobody's."""
    return "".join(["q" if letter.isalpha() else letter for letter in name])


def without(answer: Answer, words: dict[str, str]) -> tuple[int, str, str]:
    """The answer without the words that were asked for."""
    text = f"{answer.text}\n{_VARIES.sub('', answer.headers)}"
    for name, word in sorted(words.items(), key=lambda each: -len(each[1])):
        if name != "seen" and word:
            text = text.replace(word, "<>").replace(unquote(word), "<>")
    body, _, headers = text.rpartition("\n")
    return answer.status, body, headers


def was_asked(word: str, path: str) -> bool:
    """Whether an answer may repeat it because it stands in the request."""
    return word in unquote(path)


async def listen(site: Tenancy, user: str, path: str, *messages: Json) -> str:
    """The first messages of a stream, up to the content of what is followed.

    messages: what is sent on a WebSocket; each is answered, and what came before the last answer is returned.
    """
    if "/events" in path:
        return await _listen_to_events(site, user, path)
    heard, headers, left = [], {"Authorization": f"Bearer {user}"}, max(len(messages), 1)
    async with _open(site, path, headers) as socket:
        for message in messages:
            await socket.send_str(json.dumps(message))
        async with asyncio.timeout(PATIENCE):
            async for message in socket:
                heard.append(message.data)
                if "flat" in path:
                    break
                left -= _is_end(json.loads(message.data))
                if not left:
                    break
    return "\n".join(heard)


def _open(
    site: Tenancy, path: str, headers: dict[str, str]
) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
    return site.http.ws_connect(site.url(path), headers=headers, max_msg_size=0)


async def _listen_to_events(site: Tenancy, user: str, path: str) -> str:
    heard, headers = [], {"Authorization": f"Bearer {user}"}
    async with site.http.get(site.url(path), headers=headers) as answer:
        heard.append(str(answer.headers))
        async with asyncio.timeout(PATIENCE):
            async for line in answer.content:
                heard.append(line.decode())
                if line.startswith(b"data:") and _is_end(json.loads(line.removeprefix(b"data:"))):
                    break
    return "".join(heard)


def _is_end(message: Json) -> bool:
    """Whether it is the last part of a snapshot, or a refusal."""
    return message["type"] == "error" or bool(
        message["type"] in ("snapshot", "problems") and message.get("last", True)
    )


def subscriptions(truth: Truth, hidden: list[Json]) -> Iterator[Json]:
    """As many as a connection may have, each for what the user does not see."""
    filters: list[Json] = [{"namespace": [each]} for each in (*SECRET_NAMESPACES, *truth.namespaces[:6])]
    for node in hidden:
        filters += [
            {"q": node["name"]},
            {"selector": f"canary={canary(node['uid'])}"},
            {"q": f"uid:{node['uid']}"},
            {"kind": [truth.key_of(node)]},
        ]
    for number, filter in enumerate(filters[:32]):
        what = ("graph", "problems")[number % 2]
        yield {"type": "subscribe", "id": str(number), "what": what, "filter": filter}
