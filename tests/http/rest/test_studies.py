"""`why`, `impact` and `path` over HTTP."""

from __future__ import annotations

from tests.http.rest.test_problems import site as site
from tests.support.serving import Site


async def test_why_returns_chain_and_problems(site: Site) -> None:
    told = await site.json("/api/v1/resources/deployment-web/why")
    assert [each["name"] for each in told["chain"]] == ["web-1-a", "web-1", "web"]
    assert told["chain"][0]["message"] == "container app keeps ending: OOMKilled"
    problem = (await site.json("/api/v1/problems"))[0]
    assert told["problems"] == [problem["id"]]
    assert told["coverage"] == []


async def test_why_of_a_healthy_object(site: Site) -> None:
    told = await site.json("/api/v1/resources/namespace-shop/why")
    assert (told["node"]["status"], told["chain"], told["needs"], told["problems"]) == ("Ready", [], [], [])
    assert (await site.refused("/api/v1/resources/nosuch/why"))[0] == 404


async def test_impact_returns_levels_with_counts_entries_and_releases(site: Site) -> None:
    told = await site.json("/api/v1/resources/pod-web-1-a/impact?action=delete")
    assert told["counts"] == {
        "stops": {"Deployment": 1, "ReplicaSet": 1, "Service": 1},
        "degrades": {},
        "losesCopy": {},
    }
    assert [each["name"] for each in told["entries"]] == ["web"]
    assert told["releases"] == [{"namespace": "shop", "name": "cart"}]
    assert (told["action"], told["target"]["name"]) == ("delete", "web-1-a")


async def test_actions_are_checked(site: Site) -> None:
    status, refusal = await site.refused("/api/v1/resources/pod-web-1-a/impact?action=drain")
    assert (status, refusal["error"], refusal["message"]) == (
        409,
        "wrong-kind",
        "action drain is of Nodes, and this is a Pod: ask for fail, delete or restart",
    )
    assert (await site.refused("/api/v1/resources/pod-web-1-a/impact?action=burn"))[0] == 400


async def test_the_path_between_two(site: Site) -> None:
    told = await site.json("/api/v1/path?from=deployment-web&to=service-web")
    assert told["length"] == 3
    assert [(step["name"], step.get("type"), step.get("forward")) for step in told["ways"][0]] == [
        ("web", "owns", True),
        ("web-1", "owns", True),
        ("web-1-a", "selects", False),
        ("web", None, None),
    ]
    assert await site.json("/api/v1/path?from=pod-lone&to=service-web") == {"length": 0, "ways": []}
    only = await site.json("/api/v1/path?from=deployment-web&to=service-web&type=selects")
    assert only["ways"] == []
    assert (await site.refused("/api/v1/path?from=pod-lone"))[0] == 400
    assert (await site.refused("/api/v1/path?from=pod-lone&to=service-web&type=nosuch"))[0] == 400
