"""The examples of the guide's page, as they stand there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from graphql import GraphQLError, OperationType, parse

from astrolabe.http.graphql.updates import SUBSCRIPTIONS
from tests.support.documents import GUIDE
from tests.support.graphql import hear, post, socket, subscribe
from tests.support.serving import Site
from tests.support.worlds import facts

PAGE = (GUIDE / "graphql.md").read_text()
QUERIES = re.findall(r"^```graphql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(PYTHON,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.partition("(")[0])
async def test_a_query_is_answered(site: Site, query: str) -> None:
    (operation,) = parse(query).definitions
    if operation.operation is OperationType.SUBSCRIPTION:  # type: ignore[attr-defined]
        async with socket(site) as opened:
            await subscribe(opened, query)
            message = await hear(opened)
            assert message["type"] == "next", message
            answer = message["payload"]
    else:
        _, answer = await post(site, {"query": query, "variables": {"uid": "deployment-web"}})
    assert "errors" not in answer, answer
    assert all(answer["data"].values()), answer


async def test_the_python_example_runs(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    program = PYTHON.replace("localhost:8080", f"127.0.0.1:{site.port}").replace("asyncio.run(main())\n", "")
    assert program != PYTHON
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(program, "graphql.md", "exec"), names)
    await names["main"]()
    assert capsys.readouterr().out == "shop Pod web-1-abc back-off 5m0s restarting failed container\n"


async def test_the_python_client_subscribes(site: Site) -> None:
    transport = WebsocketsTransport(f"ws://127.0.0.1:{site.port}/graphql")
    query = gql("subscription { changes { type nodes { name } } }")
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        answers = session.subscribe(query)
        assert await anext(answers) == {"changes": {"type": "bookmark", "nodes": []}}
        site.world.set(facts("Deployment", "api"))
        assert await anext(answers) == {"changes": {"type": "delta", "nodes": [{"name": "api"}]}}
        await answers.aclose()
        # Its own validation, by the schema that it has fetched.
        with pytest.raises(GraphQLError):
            await session.execute(gql("{ nonsense }"))


def test_each_subscription_is_named() -> None:
    assert re.findall(r"^\| `(\w+)` \| (?:the |changes)", PAGE, re.MULTILINE) == [
        "graph",
        "changes",
        "problems",
    ]
    assert set(SUBSCRIPTIONS) == {"graph", "changes", "problems"}


def test_each_code_is_named() -> None:
    folder = GUIDE.parents[1] / "astrolabe/http/graphql"
    code = re.compile(r'"code": "([\w-]+)"|"(too-[\w-]+|circular-fragment)"')
    said = {a or b for path in folder.glob("*.py") for a, b in code.findall(path.read_text())}
    told = set(re.findall(r"`([\w-]+)`", "\n".join(re.findall(r"^\| (`[^|]+) \|", PAGE, re.MULTILINE))))
    assert said - told == {"bad-request"}
