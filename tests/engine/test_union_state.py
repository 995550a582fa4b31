"""The state of several clusters together."""

from __future__ import annotations

from astrolabe.engine.serving_state import ClusterInfo, PartialEntry, Progress, ServingState, StateName
from astrolabe.engine.union_state import EMPTY, assess_union


def a_state(name: str, state: StateName, why: str = "", since: str = "2026-11-30T14:02:00Z") -> ServingState:
    gaps = (PartialEntry("Secret", "forbidden", "403"),) if state == "partial" else ()
    return ServingState(state, since, why, ClusterInfo(name, "", "https://x"), Progress(1, 2, 3), gaps)


def test_all_are_live() -> None:
    verdict = assess_union([a_state("a", "live"), a_state("b", "live")])
    assert (verdict.state, verdict.why, verdict.progress) == ("live", "", Progress(2, 4, 6))
    assert [(each.name, each.state, each.server) for each in verdict.clusters or ()] == [
        ("a", "live", "https://x"),
        ("b", "live", "https://x"),
    ]


def test_the_worst_cluster_decides_and_each_is_named() -> None:
    verdict = assess_union(
        [
            a_state("dev", "partial", "not readable: Secret"),
            a_state("prod-eu", "stale", "the API server cannot be reached"),
            a_state("prod-us", "live"),
        ]
    )
    assert verdict.state == "stale"
    assert verdict.since == "2026-11-30T14:02:00Z"
    assert verdict.why == (
        "prod-eu is stale since 14:02 UTC: the API server cannot be reached; "
        "dev is partial: not readable: Secret; 1 of 3 clusters is live"
    )
    assert verdict.partial == (PartialEntry("Secret", "forbidden", "403", cluster="dev"),)


def test_many_are_counted() -> None:
    some = [a_state(f"c{number}", "stale", "gone") for number in range(5)]
    assert assess_union([*some, a_state("d", "live"), a_state("e", "live")]).why == (
        "c0 is stale since 14:02 UTC: gone; c1 is stale since 14:02 UTC: gone; "
        "c2 is stale since 14:02 UTC: gone; 2 more are not live; 2 of 7 clusters are live"
    )


def test_one_cluster_alone_and_none() -> None:
    assert assess_union([a_state("a", "syncing", "3 of 38 kinds are listed")]).why == (
        "a is syncing: 3 of 38 kinds are listed"
    )
    assert assess_union([]).why == EMPTY


def test_a_document_has_clusters_only_of_a_union() -> None:
    assert "clusters" not in a_state("a", "live").document()
    assert "cluster" not in PartialEntry.__struct_encode_fields__ or a_state("a", "partial").document()[
        "partial"
    ] == [{"kind": "Secret", "reason": "forbidden", "why": "403"}]
