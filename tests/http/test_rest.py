import json
from typing import Any

import pytest
from msgspec.structs import replace

from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.identity import Release
from astrolabe.settings import Limits
from tests.graph.test_event_index import event
from tests.support.kinds import KINDS
from tests.support.serving import Site, read, read_types, serve
from tests.support.worlds import CREATED, EPOCH, World, facts

POD = {
    "uid": "pod-web-1-abc",
    "name": "web-1-abc",
    "kind": "Pod",
    "apiVersion": "v1",
    "namespace": "shop",
    "status": "Error",
    "reason": "CrashLoopBackOff",
    "message": "back-off 5m0s restarting failed container",
    "release": "shop-app",
    "releaseNamespace": "shop",
    "chart": "web-1.2.3",
    "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1"}],
    "labels": {"app": "web"},
    "metadata": {
        "creationTimestamp": CREATED,
        "image": "shop/web:7",
        "nodeName": "worker-1",
        "restartCount": 4,
        "mountedPVCs": ["data"],
    },
    "unresolved": [
        {
            "type": "uses-configmap",
            "kind": "ConfigMap",
            "namespace": "shop",
            "name": "absent",
            "field": "spec.containers[app].envFrom[0].configMapRef",
        }
    ],
}
OWNS_REPLICA_SET = {
    "type": "owns",
    "from": "deployment-web",
    "to": "replicaset-web-1",
    "field": ["metadata.ownerReferences[0].uid"],
}
BINDS_VOLUME = {
    "type": "binds",
    "from": "persistentvolumeclaim-data",
    "to": "persistentvolume-pv-1",
    "field": ["spec.volumeName"],
}


def names(graph: dict[str, Any]) -> list[str]:
    return sorted(f"{node['kind']}/{node['name']}" for node in graph["nodes"])


async def test_the_graph(site: Site) -> None:
    graph = await site.json("/api/v1/graph")
    assert list(graph) == ["epoch", "seq", "nodes", "edges"]
    assert (graph["epoch"], graph["seq"]) == (EPOCH, 2)
    assert names(graph) == [
        "Deployment/web",
        "Namespace/other",
        "Namespace/shop",
        "PersistentVolume/pv-1",
        "PersistentVolumeClaim/data",
        "Pod/lone",
        "Pod/web-1-abc",
        "ReplicaSet/web-1",
        "Service/web",
    ]
    assert [node for node in graph["nodes"] if node["uid"] == "pod-web-1-abc"] == [POD]
    assert sorted((edge["type"], edge["from"], edge["to"]) for edge in graph["edges"]) == [
        ("binds", "persistentvolumeclaim-data", "persistentvolume-pv-1"),
        ("mounts", "pod-web-1-abc", "persistentvolumeclaim-data"),
        ("owns", "deployment-web", "replicaset-web-1"),
        ("owns", "replicaset-web-1", "pod-web-1-abc"),
        ("selects", "service-web", "pod-web-1-abc"),
    ]
    assert OWNS_REPLICA_SET in graph["edges"]


async def test_an_empty_graph_has_arrays_and_not_null() -> None:
    async with serve(World()) as site:
        assert await site.json("/api/v1/graph") == {"epoch": EPOCH, "seq": 0, "nodes": [], "edges": []}
        for path in ("resources", "releases", "releases?detail=true", "charts", "namespaces", "unresolved"):
            assert await site.json(f"/api/v1/{path}") == []


FILTERED = [
    ("namespace=other", ["Namespace/other", "Pod/lone"]),
    (
        "namespace=shop&kind=PersistentVolume,Namespace",
        ["Namespace/shop", "PersistentVolume/pv-1"],
    ),
    ("namespace=shop&namespace=other&kind=Pod", ["Pod/lone", "Pod/web-1-abc"]),
    (
        "release=shop-app",
        [
            "Deployment/web",
            "PersistentVolume/pv-1",
            "PersistentVolumeClaim/data",
            "Pod/web-1-abc",
            "ReplicaSet/web-1",
            "Service/web",
        ],
    ),
    ("release=shop-app&namespace=other", []),
    ("kind=Pod&kind=Service", ["Pod/lone", "Pod/web-1-abc", "Service/web"]),
    ("status=Error,Pending", ["Deployment/web", "Pod/web-1-abc"]),
    ("selector=app%3Dweb", ["Deployment/web", "Pod/web-1-abc"]),
    ("selector=app+in+(web,lone),!x&kind=Pod", ["Pod/lone", "Pod/web-1-abc"]),
    ("q=WEB-1", ["Pod/web-1-abc", "ReplicaSet/web-1"]),
    ("q=shop-app&kind=Service", ["Service/web"]),
    ("namespace=nowhere", []),
]


@pytest.mark.parametrize(("query", "expected"), FILTERED)
async def test_filters_are_the_same_on_graph_resources_and_stream(
    site: Site, query: str, expected: list[str]
) -> None:
    graph = await site.json(f"/api/v1/graph?{query}")
    assert names(graph) == expected
    uids = {node["uid"] for node in graph["nodes"]}
    assert all({edge["from"], edge["to"]} <= uids for edge in graph["edges"])
    resources = await site.json(f"/api/v1/resources?{query}")
    assert {resource["uid"] for resource in resources} == uids
    async with site.stream(f"/api/v1/ws?{query}") as socket:
        _, snapshot = await read_types(socket, "hello", "snapshot")
    assert {node["uid"] for node in snapshot["nodes"]} == uids
    assert sorted(map(str, snapshot["edges"])) == sorted(map(str, graph["edges"]))


BAD = [
    ("colour=red", "unknown parameter 'colour'"),
    ("colour=", "unknown parameter 'colour'"),
    ("kind=Podz", "unknown kind 'Podz'"),
    ("kind=Pod,Poodle", "unknown kind 'Poodle'"),
    ("status=Broken", "unknown status 'Broken'"),
    ("selector=app%3D%3D%3Dweb", "selector 'app===web' does not parse"),
    ("selector=app+in+web", "selector 'app in web' does not parse"),
]


LISTS = ("graph", "resources", "unresolved", "releases", "charts", "namespaces", "kinds")


@pytest.mark.parametrize("path", [*LISTS, "ws", "events"])
async def test_a_bad_filter_is_refused_by_name(site: Site, path: str) -> None:
    for query, message in BAD:
        status, document = await site.refused(f"/api/v1/{path}?{query}")
        assert (status, document["error"]) == (400, "bad-filter")
        assert message in document["message"]
        assert list(document) == ["error", "message"]


async def test_a_filter_beyond_a_limit_is_refused_everywhere() -> None:
    """The refusal names the limit and its flag."""
    limits = Limits(max_filter_terms=2, max_filter_values=3, max_filter_bytes=80)
    told = [
        ("selector", "a,b,!c", "the filter has 3 terms; at most 2 are allowed (--max-filter-terms)"),
        ("namespace", "a,b,c,d", "namespace has 4 values; at most 3 are allowed (--max-filter-values)"),
        ("q", "x" * 81, "the filter has 81 bytes; at most 80 are allowed (--max-filter-bytes)"),
    ]
    paths = (*LISTS, "grafana/nodegraph", "grafana/frames", "ws", "events")
    async with serve(World(), limits) as site, site.stream("/api/v1/ws?subscribe=false") as socket:
        await read(socket)
        for name, value, message in told:
            for place in (*[f"{path}?{name}={value}" for path in paths], f"ws/flat/stats/{name}={value}"):
                status, document = await site.refused(f"/api/v1/{place}")
                assert (status, document) == (400, {"error": "bad-filter", "message": message})
            filter = {name: value.split(",") if name == "namespace" else value}
            await socket.send(json.dumps({"type": "subscribe", "id": "x", "filter": filter}))
            error = await read(socket)
            assert (error["code"], error["message"]) == ("bad-filter", message)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("graph?min_seq=soon", "min_seq is a whole number, not 'soon'"),
        ("graph?min_seq=-1", "min_seq is a whole number, not '-1'"),
        ("graph?min_seq=1&min_seq=2", "min_seq is given more than once"),
        ("releases?detail=yes", "detail is true or false, not 'yes'"),
        ("releases?kind=Podz", "unknown kind 'Podz'"),
        ("charts?detail=true", "unknown parameter 'detail'; a filter has namespace"),
        ("namespaces?__=1", "unknown parameter '__'; a filter has namespace"),
        ("kinds?x=1", "unknown parameter 'x'; a filter has namespace"),
        ("resources/pod-lone?kind=Pod", "unknown parameter 'kind'; this path has none"),
        ("ws?subscribe=no", "subscribe is true or false, not 'no'"),
        ("ws?since=57", "since is <epoch>:<seq>, not '57'"),
        ("events?since=e:x", "since is <epoch>:<seq>, not 'e:x'"),
        ("events?subscribe=false", "unknown parameter 'subscribe'"),
    ],
)
async def test_a_bad_parameter_is_refused_by_name(site: Site, path: str, message: str) -> None:
    status, document = await site.refused(f"/api/v1/{path}")
    assert (status, document["error"]) == (400, "bad-filter")
    assert message in document["message"]


async def test_a_resource_with_its_neighbours(site: Site) -> None:
    shown = await site.json("/api/v1/resources/persistentvolumeclaim-data")
    assert shown == {
        "epoch": EPOCH,
        "seq": 2,
        "node": {
            "uid": "persistentvolumeclaim-data",
            "name": "data",
            "kind": "PersistentVolumeClaim",
            "apiVersion": "v1",
            "namespace": "shop",
            "status": "Ready",
            "reason": "Ready",
            "message": "",
            "metadata": {"creationTimestamp": CREATED, "volumeName": "pv-1"},
        },
        "edges": {
            "out": [
                {
                    **BINDS_VOLUME,
                    "other": {
                        "uid": "persistentvolume-pv-1",
                        "kind": "PersistentVolume",
                        "namespace": "",
                        "name": "pv-1",
                        "status": "Ready",
                    },
                }
            ],
            "in": [
                {
                    "type": "mounts",
                    "from": "pod-web-1-abc",
                    "to": "persistentvolumeclaim-data",
                    "field": ["spec.volumes[data].persistentVolumeClaim"],
                    "other": {
                        "uid": "pod-web-1-abc",
                        "kind": "Pod",
                        "namespace": "shop",
                        "name": "web-1-abc",
                        "status": "Error",
                    },
                }
            ],
        },
        "unresolved": [],
        "events": [],
    }
    broken = await site.json("/api/v1/resources/pod-web-1-abc")
    assert broken["node"] == POD
    assert broken["unresolved"] == POD["unresolved"]


async def test_a_resource_has_its_events_and_a_new_etag_when_they_change(site: Site) -> None:
    path = "/api/v1/resources/pod-lone"
    site.world.events["pod-lone"] = [event("a", "pod-lone", count=2, message='says "no"')]
    async with site.get(path) as answer:
        tag, shown = answer.headers["ETag"], await answer.json()
    assert shown["events"] == [
        {
            "type": "Warning",
            "reason": "Unhealthy",
            "message": 'says "no"',
            "count": 2,
            "first": "2026-11-30T03:00:00Z",
            "last": "2026-11-30T03:00:00Z",
            "source": "kubelet",
        }
    ]
    async with site.get(path, headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
    site.world.events["pod-lone"] = [event("a", "pod-lone", count=3)]
    async with site.get(path, headers={"If-None-Match": tag}) as answer:
        assert (answer.status, (await answer.json())["events"][0]["count"]) == (200, 3)
    site.world.events["pod-lone"] = None
    assert "events" not in await site.json(path)


async def test_an_unknown_resource_is_not_found(site: Site) -> None:
    status, document = await site.refused("/api/v1/resources/nobody")
    assert status == 404
    assert document == {"error": "not-found", "message": "no resource with uid 'nobody' is in the graph"}


async def test_names(site: Site) -> None:
    assert await site.json("/api/v1/namespaces") == ["other", "shop"]
    assert await site.json("/api/v1/charts") == ["web-1.2.3"]
    assert await site.json("/api/v1/charts?namespace=shop") == ["web-1.2.3"]
    assert await site.json("/api/v1/charts?namespace=other") == []
    assert await site.json("/api/v1/releases") == ["shop-app"]
    assert await site.json("/api/v1/releases?namespace=shop,other") == ["shop-app"]
    assert await site.json("/api/v1/releases?namespace=other") == []


@pytest.mark.parametrize(
    ("query", "releases", "charts", "namespaces", "pods"),
    [
        ("", ["shop-app"], ["web-1.2.3"], ["other", "shop"], 2),
        ("namespace=shop", ["shop-app"], ["web-1.2.3"], ["shop"], 1),
        ("namespace=other", [], [], ["other"], 1),
        ("namespace=shop,other", ["shop-app"], ["web-1.2.3"], ["other", "shop"], 2),
        ("namespace=nowhere", [], [], [], 0),
        ("release=shop-app", ["shop-app"], ["web-1.2.3"], ["shop"], 1),
        ("release=shop-app&namespace=other", [], [], [], 0),
        ("release=nobody", [], [], [], 0),
        ("kind=Pod", ["shop-app"], ["web-1.2.3"], ["other", "shop"], 2),
        ("kind=Namespace", [], [], ["other", "shop"], 0),
        ("kind=PersistentVolume", [], [], [], 0),
        ("status=Error", ["shop-app"], ["web-1.2.3"], ["shop"], 1),
        ("selector=app%3Dlone", [], [], ["other"], 1),
        ("q=lone", [], [], ["other"], 1),
        ("namespace=&release=&kind=&status=&selector=&q=", ["shop-app"], ["web-1.2.3"], ["other", "shop"], 2),
    ],
)
async def test_lists_of_names_accept_every_filter(
    site: Site, query: str, releases: list[str], charts: list[str], namespaces: list[str], pods: int
) -> None:
    assert await site.json(f"/api/v1/releases?{query}") == releases
    assert await site.json(f"/api/v1/charts?{query}") == charts
    assert await site.json(f"/api/v1/namespaces?{query}") == namespaces
    kinds = {kind["kind"]: kind for kind in await site.json(f"/api/v1/kinds?{query}")}
    assert (sum(kinds["Pod"]["counts"].values()), len(kinds)) == (pods, len(KINDS))


async def test_a_release_counts_filtered_resources(site: Site) -> None:
    """It is in a namespace by Helm or by what it has there, and is told of whole."""
    far = facts("ConfigMap", "far", namespace="other")
    site.world.set(replace(far, release=Release("shop", "shop-app")))
    (all_of_it,) = await site.json("/api/v1/releases?detail=true&namespace=shop")
    (pods,) = await site.json("/api/v1/releases?detail=true&namespace=shop&kind=Pod,Deployment,ConfigMap")
    assert (all_of_it["nodes"], all_of_it["ready"]) == (5, 3)
    assert (pods["nodes"], pods["error"], pods["pending"], pods["ready"]) == (3, 1, 1, 1)
    (elsewhere,) = await site.json("/api/v1/releases?detail=true&namespace=other")
    assert elsewhere == all_of_it
    graph = await site.json("/api/v1/graph?release=shop-app&namespace=other")
    assert names(graph) == ["ConfigMap/far"]


@pytest.mark.parametrize(
    "path",
    [
        *[f"/api/v1/{path}?" for path in LISTS],
        "/api/v1/resources/pod-lone?",
        "/api/v1/releases?detail=true&",
        "/api/v1/graph?namespace=shop&",
        "/api/v1/grafana/nodegraph?",
        "/api/v1/grafana/frames?",
        "/api/graph/data?limit=20&",
        "/api/graph/fields?",
        "/api/health?",
        "/health?",
        "/livez?",
        "/readyz?",
        "/metrics?",
        "/openapi.json?",
    ],
)
async def test_a_cache_buster_changes_nothing(site: Site, path: str) -> None:
    """jQuery and Grafana add `_=<now>` to the addresses of what must not come from a cache."""
    async with site.get(path) as plain, site.get(f"{path}_=1795594321123&_=2") as busted:
        assert (plain.status, busted.status) == (200, 200)
        assert plain.headers.get("ETag") == busted.headers.get("ETag")
        if "health" not in path and path != "/metrics?":  # which tell of times
            assert await plain.read() == await busted.read()


@pytest.mark.parametrize("path", ["ws", "ws/flat/stats", "ws/flat/stats/kind=Pod"])
async def test_a_cache_buster_changes_nothing_of_a_stream(site: Site, path: str) -> None:
    async with site.stream(f"/api/v1/{path}?_=1") as socket:
        assert await read(socket)
    async with site.get("/api/v1/events?_=1") as answer:
        assert answer.status == 200


async def test_message_and_namespace_are_always_present(site: Site) -> None:
    """Where there is nothing to say they are empty, in every door: clients read them without asking."""
    graph = await site.json("/api/v1/graph")
    assert all({"message", "namespace"} <= node.keys() for node in graph["nodes"])
    volume = next(node for node in graph["nodes"] if node["kind"] == "PersistentVolume")
    assert (volume["message"], volume["namespace"]) == ("", "")
    shown = await site.json("/api/v1/resources/persistentvolume-pv-1")
    assert shown["node"] == volume
    async with site.stream("/api/v1/ws?kind=PersistentVolume") as socket:
        _, snapshot = await read_types(socket, "hello", "snapshot")
        assert snapshot["nodes"] == [volume]
        site.world.set(facts("PersistentVolume", "pv-1"))
        (delta,) = await read_types(socket, "delta")
        (changed,) = delta["nodes"]["set"]
        assert (changed["message"], changed["namespace"]) == ("", "")


async def test_namespaces_include_those_of_resources() -> None:
    world = World()
    world.set(facts("Pod", "a", namespace="zoo"), facts("Namespace", "empty"))
    async with serve(world) as site:
        assert await site.json("/api/v1/namespaces") == ["empty", "zoo"]


async def test_kinds(site: Site) -> None:
    kinds = await site.json("/api/v1/kinds")
    by_name = {kind["kind"]: kind for kind in kinds}
    assert by_name["Deployment"] == {
        "kind": "Deployment",
        "group": "apps",
        "version": "v1",
        "plural": "deployments",
        "shortNames": ["deploy"],
        "abbreviation": "deploy",
        "namespaced": True,
        "optional": False,
        "metadataOnly": False,
        "layer": "workload",
        "column": 2,
        "columns": [
            {"name": "replicas", "type": "object", "description": ""},
            {
                "name": "podLabels",
                "type": "object",
                "description": "The labels of its pods, where it has others itself.",
            },
            {
                "name": "strategy",
                "type": "string",
                "description": "How its pods are replaced, unless a few at a time.",
            },
            {"name": "revision", "type": "string", "description": "Of its template: a number, or a name."},
            {"name": "image", "type": "string", "description": "Of the first container."},
            {"name": "images", "type": "array", "description": "Of all containers, each once."},
            {"name": "conditions", "type": "array", "description": "Those that are not as they should be."},
            {"name": "serviceAccountName", "type": "string", "description": ""},
            {"name": "mountedPVCs", "type": "array", "description": ""},
            {"name": "usedConfigMaps", "type": "array", "description": ""},
            {"name": "usedSecrets", "type": "array", "description": ""},
        ],
        "relays": False,
        "inherits": ["owns"],
        "edgeTypes": ["claims", "mounts", "owns", "uses-class", "uses-configmap", "uses-sa", "uses-secret"],
        "counts": {"Ready": 0, "Pending": 1, "Error": 0, "Unknown": 0},
    }
    assert by_name["Pod"]["counts"] == {"Ready": 1, "Pending": 0, "Error": 1, "Unknown": 0}
    assert {"owns", "mounts", "uses-secret"} <= set(by_name["Pod"]["edgeTypes"])
    assert by_name["PersistentVolume"]["namespaced"] is False
    types = {each["name"]: each["type"] for kind in kinds for each in kind["columns"]}
    assert (types["suspend"], types["restartCount"], types["claimRef"]) == ("boolean", "integer", "object")
    assert types["minAvailable"] == "string", "a number or a share"
    formats = {each["name"]: each.get("format") for kind in kinds for each in kind["columns"]}
    assert (formats["lastScheduleTime"], formats["schedule"]) == ("date-time", None)
    assert by_name["EndpointSlice"]["shortNames"] == []
    assert by_name["EndpointSlice"]["inherits"] == ["endpoints", "owns"]
    assert by_name["EndpointSlice"]["abbreviation"] == "eps"
    assert [name for name, kind in by_name.items() if kind["relays"]] == ["ReplicaSet", "EndpointSlice"]
    assert [kind["kind"] for kind in kinds] == [kind.key for kind in KINDS]


async def test_edge_types(site: Site) -> None:
    types = await site.json("/api/v1/edge-types")
    assert types[0] == {
        "type": "owns",
        "description": "The source is an owner of the target (`metadata.ownerReferences`), or made it.",
        "closure": True,
        "takesAlong": False,
        "inherits": True,
        "needs": True,
        "hidden": False,
    }
    assert [each["type"] for each in types] == list(EDGE_TYPES)
    hidden = {each["type"] for each in types if each["hidden"]}
    assert hidden == {"uses-sa", "uses-class", "runs-on", "grants", "binds-to", "allows"}


async def test_unresolved(site: Site) -> None:
    entry = {
        "uid": "pod-web-1-abc",
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-1-abc",
        "status": "Error",
        "reference": POD["unresolved"][0],
    }
    assert await site.json("/api/v1/unresolved") == [entry]
    assert await site.json("/api/v1/unresolved?namespace=shop") == [entry]
    assert await site.json("/api/v1/unresolved?namespace=other") == []
