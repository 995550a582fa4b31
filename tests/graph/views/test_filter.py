"""Filters from URLs and from messages: equal ones are equal, wrong ones say what is wrong."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

from astrolabe.graph.model.facts import Facts, Rules
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import parse
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.history import GraphAt
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import ERROR, Status
from astrolabe.graph.views.filter import EVERYTHING, FilterError, FilterRules, parse_message, parse_query
from astrolabe.graph.views.filter_fields import FILTER_FIELDS
from astrolabe.graph.views.view import View
from astrolabe.graph.views.view_index import ViewIndex
from tests.support.filters import filter_of

KINDS = ("Pod", "Service")
EXPECTED = filter_of(
    namespace=frozenset(("shop", "plain")),
    kind=frozenset(("Pod",)),
    status=frozenset(("Error",)),
    selector=parse("a=1,b"),
    q="web",
)


def test_repeated_and_comma_separated_values_are_equal() -> None:
    repeated = {
        "namespace": ["shop", "plain"],
        "kind": ["Pod"],
        "status": ["Error"],
        "selector": ["a=1,b"],
        "q": ["Web "],
    }
    joined = {**repeated, "namespace": ["shop, plain,"]}
    assert (
        parse_query(repeated, FilterRules.of(KINDS)) == parse_query(joined, FilterRules.of(KINDS)) == EXPECTED
    )


def test_messages_and_urls_mean_the_same() -> None:
    document = {
        "namespace": ["plain", "shop"],
        "kind": "Pod",
        "status": ["Error"],
        "selector": "a=1,b",
        "q": "WEB",
    }
    assert parse_message(document, FilterRules.of(KINDS)) == EXPECTED
    for names in ("plain,shop", ["plain, shop"], ["shop,", "plain"]):  # commas, too
        assert parse_message({**document, "namespace": names}, FilterRules.of(KINDS)) == EXPECTED
    assert parse_message(None, FilterRules.of(KINDS)) is EVERYTHING
    assert parse_message({}, FilterRules.of(KINDS)) == EVERYTHING
    assert (
        parse_message({"kind": [], "status": None, "selector": None, "q": ""}, FilterRules.of(KINDS))
        == EVERYTHING
    )
    assert not EVERYTHING
    assert EXPECTED


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"colour": ["red"]},
            f"unknown parameter 'colour'; a filter has {', '.join(FILTER_FIELDS)}",
        ),
        ({"kind": ["Pod", "Pot"]}, "unknown kind 'Pot'; it is one of Pod, Service"),
        ({"status": ["Broken"]}, "unknown status 'Broken'; it is one of Ready, Pending, Error, Unknown"),
        ({"selector": ["a in x"]}, r"selector 'a in x' does not parse: found 'x', expected: '\('"),
    ],
)
def test_wrong_queries(query: dict[str, list[str]], message: str) -> None:
    with pytest.raises(FilterError, match=message):
        parse_query(query, FilterRules.of(KINDS))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "a filter is an object, not list"),
        ({"colour": 1}, "unknown parameter 'colour'"),
        ({"kind": 7}, "kind is a list of strings"),
        ({"kind": [7]}, "kind is a list of strings"),
        ({"q": []}, "q is a string, not list"),
        ({"q": 0}, "q is a string, not int"),
        ({"q": ["x"]}, "q is a string, not list"),
        ({"selector": 5}, "selector is a string, not int"),
        ({"selector": False}, "selector is a string, not bool"),
    ],
)
def test_wrong_messages(document: Any, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        parse_message(document, FilterRules.of(KINDS))


def test_requirements_count_once_whatever_their_order() -> None:
    one = parse_query({"selector": ["b,a=1,b,c notin (x,y),a=1"]}, FilterRules.of(KINDS))
    other = parse_query({"selector": ["c notin (y,x),a=1", "b"]}, FilterRules.of(KINDS))
    assert one == other
    assert len(one.selector.requirements) == 3


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"selector": [",".join(f"k{number}" for number in range(69))], "q": ["web"]},
            "the filter has 70 terms; at most 64 are allowed (--max-filter-terms)",
        ),
        (
            {"namespace": [",".join(f"n{number}" for number in range(65))]},
            "namespace has 65 values; at most 64 are allowed (--max-filter-values)",
        ),
        (
            {"selector": [f"app in ({','.join(f'v{number}' for number in range(65))})"]},
            "selector 'app' has 65 values; at most 64 are allowed (--max-filter-values)",
        ),
        (
            {"q": ["x" * 1500], "namespace": ["y" * 548, "z"]},
            "the filter has 2049 bytes; at most 2048 are allowed (--max-filter-bytes)",
        ),
        (
            {"q": ["\u00e9" * 1025]},
            "the filter has 2050 bytes; at most 2048 are allowed (--max-filter-bytes)",
        ),
    ],
)
def test_a_filter_has_limits(query: dict[str, list[str]], message: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse_query(query, FilterRules.of(KINDS))
    assert str(refused.value) == message


def test_filters_at_the_limits_are_accepted() -> None:
    selector = ",".join(f"k{number}" for number in range(62))
    terms = {"selector": [selector], "q": ["web"], "namespace": [",".join(f"n{n}" for n in range(64))]}
    assert len(parse_query(terms, FilterRules.of(KINDS)).namespace) == 64
    assert parse_query({"q": ["x" * 2048]}, FilterRules.of(KINDS)).search[0].values == (("x" * 2048,),)


def test_a_refusal_quotes_a_readable_part_only() -> None:
    rules = FilterRules.of(KINDS)
    for query in ({"kind": ["x" * 2000]}, {"selector": ["=" * 2000]}, {"selector": [f"a={'b' * 2000}"]}):
        with pytest.raises(FilterError) as refused:
            parse_query(query, rules)
        assert len(str(refused.value)) < 300
    with pytest.raises(FilterError) as refused:
        parse_query({"y" * 9000: []}, rules)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "query",
    [
        {"selector": ",".join(f"key-{number}!=value" for number in range(21_000))},
        {"selector": "a" + " " * 1_000_000},
        {"selector": "(" * 1_000_000},
        {"kind": [f"K{number}" for number in range(100_000)]},
        {"namespace": ["n"] * 100_000},
        {"q": "\u00e9" * 1_000_000},
        {f"parameter-{number}": "" for number in range(100_000)},
    ],
)
def test_an_oversized_filter_is_refused_early(query: dict[str, Any]) -> None:
    began = process_time()
    with pytest.raises(FilterError):
        parse_message(query, FilterRules.of(KINDS))
    assert process_time() - began < 0.1


def test_trailing_blanks_of_a_selector_are_cheap() -> None:
    began = process_time()
    assert parse("a" + " " * 20_000) == parse("a")
    assert process_time() - began < 0.1


@pytest.mark.parametrize("reason", ["CrashLoopBackOff", 'said "no"', "Größe"])
def test_reasons_match_exactly(reason: str) -> None:
    def told(word: str) -> Node:
        status = Status(ERROR, word)
        facts = Facts("Pod", "a", "a", "shop", {"app": "web"}, status, {"creationTimestamp": ""})
        model = Model([Rules("Pod", "v1")])
        model.upsert(facts)
        (node,) = model.commit().nodes_set
        return node

    asked = parse_message({"reason": ["Evicted", reason]}, FilterRules.of(KINDS))
    assert asked == parse_query({"reason": [f"{reason},Evicted"]}, FilterRules.of(KINDS))
    assert [asked.passes(told(word)) for word in (reason, f"{reason}s", "", "Evicted")] == [
        True,
        False,
        False,
        True,
    ]

    graph = ServedGraph("e")
    views, view, other = (
        ViewIndex(graph),
        View(graph, asked),
        View(graph, parse_query({"reason": ["No"]}, FilterRules.of(KINDS))),
    )
    for each in (view, other):
        list(views.build(each))
    for seq, (word, uids) in enumerate([("Running", []), (reason, ["a"]), ("Running", [])], 1):
        step = Changes(nodes_set=[told(word)])
        past = GraphAt(graph, graph.apply(Batch("e", seq, step)))
        parts = views.concerned(step, past)
        assert other not in parts
        for concerned, part in parts.items():
            views.update(concerned, part, past)
        assert list(view.uids()) == uids


class _ByName:
    """A vocabulary of two kinds, each with one more name."""

    kinds = ("Certificate.cert-manager.io", "Pod")
    metadata = ()
    cluster = ""
    clusters = None

    def kind(self, word: str, /) -> str:
        names = {"po": "Pod", "certs": "Certificate.cert-manager.io"}
        if word.lower() not in names:
            raise ValueError("unknown")
        return names[word.lower()]


def test_kind_takes_any_name_of_a_kind() -> None:
    rules = FilterRules.of(_ByName.kinds, vocabulary=_ByName())
    for words in (["po,certs"], ["PO", "Certificate.cert-manager.io"], ["Pod", "certs"]):
        asked = parse_query({"kind": words}, rules)
        assert asked.own == (("kind", frozenset(("Pod", "Certificate.cert-manager.io"))),)
    assert parse_message({"kind": ["po"]}, rules) == parse_query({"kind": ["Pod"]}, rules)


def test_an_unknown_custom_kind_matches_nothing() -> None:
    asked = parse_query({"kind": ["Widget.example.com"]}, FilterRules.of(KINDS))
    assert asked.own == (("kind", frozenset(("Widget.example.com",))),)
    for word in ("Widget.", "widget.example.com", "Widget.Example.com", "Widgets", "Widget.com"):
        with pytest.raises(FilterError, match="unknown kind"):
            parse_query({"kind": [word]}, FilterRules.of(KINDS))


class _OfClusters(_ByName):
    """The same, of a union of two clusters."""

    clusters = ("dev", "prod")


def test_a_cluster_must_be_named_if_there_are_several() -> None:
    rules = FilterRules(kinds=("Pod",), vocabulary=_OfClusters())
    assert parse_query({"cluster": ["dev,prod"]}, rules).own == (("cluster", frozenset(("dev", "prod"))),)
    with pytest.raises(FilterError, match=r"^unknown cluster 'test'; it is one of dev, prod$"):
        parse_query({"cluster": ["dev,test"]}, rules)


def test_the_name_of_the_only_cluster_means_everything() -> None:
    named = _ByName()
    named.cluster = "prod"
    assert not parse_query({"cluster": ["prod"]}, FilterRules(kinds=("Pod",), vocabulary=named))
    with pytest.raises(FilterError, match=r"^unknown cluster 'dev'; it is one of prod$"):
        parse_query({"cluster": ["dev"]}, FilterRules(kinds=("Pod",), vocabulary=named))
    with pytest.raises(FilterError, match=r"^unknown cluster 'dev'; this server has one, without a name$"):
        parse_query({"cluster": ["dev"]}, FilterRules(kinds=("Pod",)))
