"""What a query may cost: refused before it is executed, in a moment, with a reason."""

from __future__ import annotations

from time import thread_time

import pytest
from graphql import GraphQLError, get_introspection_query, parse

from astrolabe.http.graphql import documents
from astrolabe.http.graphql.documents import QueryCache, QueryErrors
from astrolabe.http.graphql.limits import check_cost
from astrolabe.settings import Limits

LIMITS = Limits()
HOSTILE = {
    "deep": (
        "{nodes{nodes" + "{owner" * 60 + "{uid}" + "}" * 62,
        "the query is nested 63 levels deep; at most 48 are allowed (--max-query-depth)",
    ),
    "deep fields": (
        "{nodes{nodes" + "{owner" * 15 + "{uid}" + "}" * 17,
        "fields are nested more than 16 levels deep; at most 16 are allowed (--max-query-depth)",
    ),
    "brackets": ("{" * 16_000, "the query has more than 1000 tokens"),
    "a deep value": (
        "{node(uid:" + "[" * 300 + "]" * 300 + "){uid}}",
        "the query is nested 302 levels deep; at most 48 are allowed (--max-query-depth)",
    ),
    "wide": ("{nodes{nodes{" + " name" * 400 + "}}}", "name and other fields are asked for again and again"),
    "the same again": (
        "{" + "nodes{nodes{owner{uid}}}" * 62 + "}",
        "nodes and other fields are asked for again and again",
    ),
    "the same by types": (
        "{nodes{nodes{" + " ... on Pod{name details{nodeName}}" * 70 + "}}}",
        "nodeName and other fields are asked for again and again",
    ),
    "wider": (
        "{nodes{nodes{" + "".join(f" x{n}" for n in range(400)) + "}}}",
        "the query has more than 300 fields",
    ),
    "aliased": (
        "{" + " ".join(f"a{number}:nodes{{totalCount}}" for number in range(140)) + "}",
        "the query has more than 50 aliases; at most 50 are allowed (--max-query-aliases)",
    ),
    "huge": (
        "{" + "a" * 60_000 + "}",
        "the query has 60002 bytes; at most 16384 are allowed (--max-query-bytes)",
    ),
    "many tokens": ("{" + "a " * 7_000 + "}", "the query has more than 1000 tokens"),
    "circular fragments": (
        "{...A} fragment A on Query{...B} fragment B on Query{...A}",
        "the fragment A contains itself: A → B → A",
    ),
    "an unused circle": ("{state{state}} fragment A on Query{...A}", "the fragment A contains itself: A → A"),
    "multiplied fragments": (
        "{nodes{nodes{...F0}}} "
        + " ".join(f"fragment F{n} on Resource{{...F{n + 1} ...F{n + 1}}}" for n in range(30))
        + " fragment F30 on Resource{uid}",
        "uid and other fields are asked for again and again",
    ),
    "directives": (
        "{nodes " + "@include(if:true) " * 100 + "{totalCount}}",
        "the query has 100 directives; at most 20 are allowed (--max-query-directives)",
    ),
    "introspection": (
        "{" + " ".join(f"a{number}:__schema{{types{{name}}}}" for number in range(3)) + "}",
        "a query asks for the schema 2 times at most (__schema, __type)",
    ),
    "unterminated strings": ('"' * 16_000, "the query has more than 1000 tokens"),
    "no query": ("}", "Syntax Error: Unexpected '}'."),
}


async def refusal(text: str) -> str:
    with pytest.raises(QueryErrors) as caught:
        await QueryCache(LIMITS).get(text)
    return caught.value.errors[0].message


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_query_is_refused_with_a_reason(name: str) -> None:
    text, reason = HOSTILE[name]
    assert (await refusal(text)).startswith(reason)


@pytest.mark.alone
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_query_is_refused_in_a_moment(name: str) -> None:
    cache, (text, _) = QueryCache(LIMITS), HOSTILE[name]
    best = 1.0
    for _ in range(5):
        began = thread_time()
        with pytest.raises(QueryErrors):
            await cache.get(text)
        best = min(best, thread_time() - began)
    assert best < 0.005


async def test_a_valid_query_is_remembered() -> None:
    cache = QueryCache(LIMITS)
    first = await cache.get("{state{state}}")
    assert await cache.get("{state{state}}") is first


async def test_long_queries_are_validated_too() -> None:
    names = " ".join(f"x{number}" for number in range(200))
    assert (await refusal(f"{{nodes{{nodes{{{names}}}}}}}")).startswith("Cannot query field 'x0'")


async def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "REMEMBERED", 80)
    cache = QueryCache(LIMITS)
    for number in range(30):
        await cache.get(f"query Q{number}{{state{{state}}}}")  # of eight tokens
    assert next(iter(cache._known)) == "query Q20{state{state}}"
    assert len(cache._known) == 10


async def test_tools_may_ask_for_the_schema() -> None:
    await QueryCache(LIMITS).get(
        get_introspection_query(
            descriptions=True,
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
        )
    )


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        ("{state{state}}", {}, 1),
        ("{nodes{totalCount}}", {}, 100),
        ("{nodes(first:20){nodes{uid}}}", {}, 20),
        ("{nodes(first:20){nodes{owner{uid}}}}", {}, 40),
        ("{nodes(first:20){nodes{pods(first:5){nodes{uid}}}}}", {}, 120),
        ("{nodes(first:20){edges{node{pods(first:5){edges{node{uid}}}}}}}", {}, 120),
        ("query($n:Int!){nodes(first:$n){nodes{uid}}}", {"n": 7}, 7),
        ("query($n:Int!=9){nodes(first:$n){nodes{uid}}}", {}, 9),
        ("{nodes(first:20){nodes{...F}}} fragment F on Resource{owns(first:2){nodes{uid}}}", {}, 60),
        ("{nodes(first:20){nodes{edges(first:3){nodes{other{uid}}}}}}", {}, 140),
        ("{__schema{types{name fields{name}}}}", {}, 0),
    ],
)
def test_the_cost_is_estimated_by_the_sizes_of_pages(
    query: str, variables: dict[str, int], cost: int
) -> None:
    assert check_cost(parse(query), None, variables, LIMITS) == cost


def test_expensive_queries_are_refused() -> None:
    query = parse("{nodes(first:1000){nodes{pods(first:100){nodes{uid}}}}}")
    with pytest.raises(GraphQLError) as caught:
        check_cost(query, None, {}, LIMITS)
    assert caught.value.message == (
        "the query may answer with 101000 objects, by the sizes of its pages: ask for smaller pages; "
        "at most 20000 are allowed (--max-query-cost)"
    )
