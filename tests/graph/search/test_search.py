"""What a search finds, and what it says where it does not parse."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from astrolabe.graph.search.parser import SearchError, parse
from astrolabe.graph.search.pattern import matches, occurs, time_of
from astrolabe.graph.search.term import Term
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node, parse_node
from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.view import View
from astrolabe.kinds.builtin import builtin_catalogue

WORDS = builtin_catalogue().vocabulary(cluster="prod-eu")


def node(name: str, kind: str = "Pod", **fields: Any) -> Node:
    document = {
        "status": "Ready",
        "reason": "Running",
        "message": "",
        "uid": f"{kind}-{name}".lower(),
        "name": name,
        "kind": kind,
        "apiVersion": "v1",
        "namespace": "shop",
        "metadata": {"creationTimestamp": "2026-11-02T10:00:00Z"},
    }
    return parse_node(json.dumps({**document, **fields}, separators=(",", ":")))


CART = node(
    "cart-1",
    status="Error",
    reason="CrashLoopBackOff",
    message="Back-off 5m0s restarting failed container",
    since="2026-11-30T02:00:00Z",
    release="cart",
    chart="cart-1.8.7",
    metadata={
        "creationTimestamp": "2026-11-30T01:00:00Z",
        "restarts": 12,
        "images": ["registry.example/nginx:1.27", "envoy:1"],
        "nodeName": "node-2",
        "replicas": {"desired": 3},
    },
    ownerReferences=[{"kind": "ReplicaSet", "name": "cart"}],
    labels={"app": "cart", "tier": "web"},
)
WEB = node(
    "web-1", unresolved=[{"type": "uses-secret", "kind": "Secret", "namespace": "shop", "name": "gone"}]
)
SECRET = node("db", "Secret")
DEPLOYMENT = node("web", "Deployment", namespace="shop-eu", reason="Progressing", status="Pending")


def graph() -> ServedGraph:
    graph = ServedGraph("e")
    uses = Edge("uses-secret", CART.uid, SECRET.uid, ("spec.volumes[db].secret",))
    graph.load(Changes(nodes_set=[CART, WEB, SECRET, DEPLOYMENT], edges_set=[uses]))
    return graph


def found(query: str) -> set[str]:
    view = View.at_once(graph(), Filter(search=parse(query, WORDS)))
    return {each.name for each in view.nodes()}


ALL = {"cart-1", "web-1", "db", "web"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ALL),
        ("cart", {"cart-1"}),
        ("WEB", {"web-1", "web"}),
        ("web deploy", {"web"}),
        ("cart,db", {"cart-1", "db"}),
        ('"restarting failed"', {"cart-1"}),
        ("back-off", {"cart-1"}),
        ("back*failed", {"cart-1"}),
        ("progressing", {"web"}),
        ("-web", {"cart-1", "db"}),
        ("name:web", {"web"}),
        ("name:web*", {"web-1", "web"}),
        ("name:*-1", {"cart-1", "web-1"}),
        ("name:w*b", {"web"}),
        ('name:"w*b"', set()),
        ("kind:deploy,secrets", {"web", "db"}),
        ("kind:*et", {"db"}),
        ("k:po", {"cart-1", "web-1"}),
        ("ns:shop", {"cart-1", "web-1", "db"}),
        ("ns:shop*", ALL),
        ("-ns:shop", {"web"}),
        ("status:error,Pending", {"cart-1", "web"}),
        ("reason:crashloop*", {"cart-1"}),
        ("message:failed", {"cart-1"}),
        ("message:5m0s*container", {"cart-1"}),
        ("release:cart chart:cart-*", {"cart-1"}),
        ("label:app", {"cart-1"}),
        ("label:app=cart", {"cart-1"}),
        ("l:app=c*,tier=db", {"cart-1"}),
        ("-label:app", {"web-1", "db", "web"}),
        ("owner:cart", {"cart-1"}),
        ("owner:rs/cart", {"cart-1"}),
        ("owner:sts/cart", set()),
        ("image:*nginx*", {"cart-1"}),
        ("image:envoy:1", {"cart-1"}),
        ("node:node-2", {"cart-1"}),
        ("restarts>5", {"cart-1"}),
        ("restarts>=12 restarts<=12", {"cart-1"}),
        ("restarts>12", set()),
        ("restarts:12", {"cart-1"}),
        ("created>2026-11-30", {"cart-1"}),
        ("created<2026-11-30T02:30:00+02:00", {"web-1", "db", "web"}),
        ("since>2026-11-30T01:59:59Z", {"cart-1"}),
        ("metadata.replicas.desired>2", {"cart-1"}),
        ("metadata.replicas:desired=3", {"cart-1"}),
        ("replicas:desired=3", {"cart-1"}),
        ("unresolved:true", {"web-1"}),
        ("unresolved:false", {"cart-1", "db", "web"}),
        ("unresolved:secret/gone", {"web-1"}),
        ("uses:secret/db", {"cart-1"}),
        ("uses:secret/shop/db", {"cart-1"}),
        ("uses:db", {"cart-1"}),
        ("uses:secret/*", {"cart-1", "web-1"}),
        ("uses:secrets/gone", {"web-1"}),
        ("-uses:secret/*", {"db", "web"}),
        ("used-by:pod/cart-1", {"db"}),
        ("edge:uses-secret", {"cart-1", "db"}),
        ("-kind:po -kind:deploy", {"db"}),
        ("uid:pod-*", {"cart-1", "web-1"}),
    ],
)
def test_matches_of_a_search(query: str, names: set[str]) -> None:
    assert found(query) == names


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "sttus:Error",
            "unknown field 'sttus': did you mean status? A text with a colon stands in quotes, at 1 of ",
        ),
        ("web colour:red", "unknown field 'colour': "),
        ("ns:", "expected a value of namespace, such as ns:shop*, at 4 of 'ns:'"),
        ("ns:a,", "expected a value of namespace, such as ns:shop*, at 6 of 'ns:a,'"),
        ("kind:pood", "unknown kind 'pood', "),
        ("status:Broken", "unknown status 'Broken'; it is one of Ready, Pending, Error, Unknown, at 8 of "),
        ("edge:likes", "unknown edge 'likes'; it is one of owns, "),
        ("uses:pood/x", "unknown kind 'pood', "),
        (
            "name>5",
            "name cannot be compared with >; since, restarts, created and metadata can, at 1 of 'name>5'",
        ),
        (
            "restarts>many",
            "expected a number, a quantity such as 10Gi, or a date such as 2026-11-01, not 'many'",
        ),
        ("restarts>5,6", "> takes one value, without a wildcard, at 10 of 'restarts>5,6'"),
        (
            "unresolved:perhaps",
            "unresolved is true, false or a missing object such as secret/db, not 'perhaps'",
        ),
        ('web "open', "the quote has no end, at 5 of 'web \"open'"),
        (f"{'x' * 40} a:b {'y' * 40}", f"at 42 of '…{'x' * 19} a:b {'y' * 26}…'"),
    ],
)
def test_a_parse_error_has_a_position(query: str, message: str) -> None:
    with pytest.raises(SearchError) as error:
        parse(query, WORDS)
    assert message in str(error.value)


def test_the_cases_share_one_cluster() -> None:
    everything = found("")
    assert found("cluster:prod-eu") == found("cluster:PROD*") == found("-cluster:test") == everything
    assert found("cluster:test") == found("-cluster:prod-eu") == set()
    assert found("cluster:test,prod-eu reason:Crash*") == {"cart-1"}


def test_equivalent_searches_are_equal() -> None:
    one = parse('Web  ns:b,a "WEB" kind:po', WORDS)
    assert one == parse("kind:pods namespace:a,b web", WORDS)
    assert one == parse("k:Pod web web n:b,a,b", WORDS)
    assert parse("web,", WORDS) == parse("web", WORDS) == (Term("", ":", (("web",),)),)


@given(st.text(alphabet=' \t\n-*,:"<>=./aeknsx08é', max_size=40))
@example('-"')
@example("ns:*,* -")
def test_any_text_parses_or_is_refused(text: str) -> None:
    terms, at = (), 0
    try:
        terms = parse(text, WORDS)
    except SearchError as error:
        at = error.at
    assert 0 <= at <= len(text)
    for each in graph().nodes.values():
        assert Filter(search=terms).passes(each) in (True, False)


def test_times() -> None:
    assert time_of("2026-11-01") == "2026-11-01T00:00:00Z"
    assert time_of("2026-11-01t08:00:00z") == "2026-11-01T08:00:00Z"
    assert time_of("2026-11-01T08:00:00.5+02:00") == "2026-11-01T06:00:00Z"
    assert time_of("2026-13-01") is None
    assert time_of("0001-01-01T00:00:00+05:00") is None
    assert time_of("12") is None


def test_patterns() -> None:
    assert matches(("a", "b", "c"), "axxbyyc")
    assert not matches(("ab", "bc"), "abc")  # they may not overlap
    assert matches(("", ""), "")
    assert occurs(("b", "d"), "abcde")
    assert not occurs(("d", "b"), "abcde")


def test_many_wildcards_are_fast() -> None:
    pattern = (*"a" * 600, "b")
    before = process_time()
    for _ in range(20):
        assert not matches(pattern, "a" * 30_000)
    assert process_time() - before < 1
