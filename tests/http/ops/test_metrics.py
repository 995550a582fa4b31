import re
from collections.abc import Iterable
from time import perf_counter
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from astrolabe.engine.inbox import InvalidObject, Scope
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.serving_state import ClusterState, Progress
from astrolabe.graph.causes.problems import FoundProblem
from astrolabe.graph.causes.words import Missing
from astrolabe.graph.model.faults import Fault
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.status import PENDING, Status
from astrolabe.http.access.guard import DENIALS
from astrolabe.http.counters import Counters, Distribution, ReviewCounters
from astrolabe.http.ops.metrics import (
    AccessFigures,
    of_access,
    of_batches,
    of_clusters,
    of_problems,
    of_replication,
    of_skipped,
    of_watches,
)
from astrolabe.http.source import ReplicationHealth
from astrolabe.kube.health import WatchHealth
from astrolabe.settings import Limits
from tests.deploy.metrics import METRICS
from tests.support.connections import Recorder, settle
from tests.support.kinds import KINDS
from tests.support.raw import dial
from tests.support.serving import Site, eventually, read_types, serve
from tests.support.worlds import a_pod, crowd, facts, only, shop

Samples = dict[tuple[str, ...], float]


def samples(families: Iterable[Metric]) -> Samples:
    """By name and values of labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value for each in families for sample in each.samples
    }


async def scrape(site: Site) -> Samples:
    async with site.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        return samples(parse(await answer.text()))


async def test_the_graph_of_a_small_cluster(site: Site) -> None:
    told = await scrape(site)
    assert told["astrolabe_ready",] == 1
    assert (told["astrolabe_role", "leader"], told["astrolabe_role", "follower"]) == (1, 0)
    nodes = {key[1:]: value for key, value in told.items() if key[0] == "astrolabe_graph_nodes" and value}
    assert nodes == {
        ("Namespace", "Ready"): 2,
        ("Deployment", "Pending"): 1,
        ("ReplicaSet", "Ready"): 1,
        ("Pod", "Error"): 1,
        ("Pod", "Ready"): 1,
        ("Service", "Ready"): 1,
        ("PersistentVolumeClaim", "Ready"): 1,
        ("PersistentVolume", "Ready"): 1,
    }
    assert told["astrolabe_problems", "shop", "Error"] == 1
    assert told["astrolabe_problems", "", "Error"] == 0
    assert told["astrolabe_graph_edges", "owns"] == 2
    assert told["astrolabe_graph_edges", "runs-on"] == 0
    assert told["astrolabe_graph_unresolved_references", "Pod"] == 1
    assert told["astrolabe_graph_unresolved_references", "Service"] == 0
    assert told["astrolabe_graph_seq",] == 2
    assert told["astrolabe_batches_total",] == 2
    assert told["astrolabe_batch_changes_count",] == 2
    assert told["astrolabe_batch_changes_bucket", "10.0"] == 1
    assert told["astrolabe_batch_changes_sum",] == 15
    assert told["astrolabe_batch_duration_seconds_count",] == 2
    assert 0 < told["astrolabe_batch_duration_seconds_sum",] < 1
    assert told["process_resident_memory_bytes",] > 1_000_000


async def test_subscriber_metrics(site: Site) -> None:
    async with site.stream() as stream, site.stream("/api/v1/ws?subscribe=false") as quiet:
        sent = [await stream.recv() for _ in range(3)]
        await read_types(quiet, "hello")
        async with site.get("/api/v1/events?kind=Pod") as events:
            await events.content.readuntil(b"event: snapshot")
            told = await scrape(site)
            assert told["astrolabe_stream_connections", "ws"] == 2
            assert told["astrolabe_stream_connections", "sse"] == 1
            assert told["astrolabe_stream_subscriptions",] == 2
            assert told["astrolabe_stream_opened_total", "ws"] == 2
            assert told["astrolabe_stream_messages_total", "ws"] == 5
            assert told["astrolabe_stream_messages_total", "sse"] == 3
            assert told["astrolabe_stream_sent_bytes_total", "ws"] > sum(map(len, sent))
    await eventually(lambda: site.server.streams == 0)
    told = await scrape(site)
    assert told["astrolabe_stream_connections", "ws"] == 0
    assert told["astrolabe_stream_opened_total", "ws"] == 2
    assert told["astrolabe_stream_subscriptions",] == 0


async def test_resets_by_reason(site: Site) -> None:
    async with site.stream("/api/v1/ws?since=other:1") as stream:
        await read_types(stream, "hello", "reset", "snapshot")
        site.hub.replace(ServedGraph("new"))
        await read_types(stream, "reset", "snapshot")
    told = await scrape(site)
    assert told["astrolabe_stream_resets_total", "epoch-changed"] == 2
    assert told["astrolabe_stream_resets_total", "too-old"] == 0
    assert told["astrolabe_graph_nodes", "Pod", "Error"] == 0


async def test_a_client_that_falls_behind_and_is_cut_off() -> None:
    world = crowd(20_000)
    async with serve(world, Limits(stall_timeout=0.4)) as site, dial(site.port) as slow:
        await slow.ask("/api/v1/ws")
        await slow.read_past(b'"snapshot"')
        await eventually(lambda: site.server.streams == 0)
        assert (await scrape(site))["astrolabe_stream_slow_clients_total", "stalled"] == 1


async def test_a_client_that_misses_several_changes_fell_behind_once() -> None:
    world, connection = shop(), Recorder()
    world.hub.join(connection).subscribe("x", only(kind="Pod"))
    await settle()
    connection.writable = False
    for reason in ("Waiting", "Starting"):
        world.set(facts("Pod", "lone", namespace="other", status=Status(PENDING, reason)))
    assert world.hub.counters.behind == 1


async def test_the_time_from_an_event_to_its_frame() -> None:
    world = shop()
    async with serve(world) as site:
        before = await scrape(site)
        graph = world.hub.graph
        world.set(facts("Pod", "lone", namespace="other", status=Status(PENDING, "Waiting")))
        assert (await scrape(site))["astrolabe_event_to_frame_seconds_count",] == 0
        world.hub.receive(Batch(graph.epoch, graph.seq + 1, Changes(nodes_set=[a_pod(1)]), time=1))
        told = await scrape(site)
    assert before["astrolabe_event_to_frame_seconds_count",] == 0
    assert told["astrolabe_event_to_frame_seconds_count",] == 1
    assert told["astrolabe_event_to_frame_seconds_bucket", "10.0"] == 0
    assert told["astrolabe_event_to_frame_seconds_bucket", "+Inf"] == 1


async def test_openmetrics_on_request(site: Site) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with site.get("/metrics", headers=accept) as answer:
        assert answer.content_type == "application/openmetrics-text"
        told = samples(parse_openmetrics(await answer.text()))
    assert told["astrolabe_graph_edges", "owns"] == 2


async def test_names_and_labels_follow_prometheus_conventions(site: Site) -> None:
    bounded = {
        "kind": {kind.name for kind in KINDS},
        "status": {"Ready", "Pending", "Error", "Unknown"},
        "transport": {"ws", "sse"},
        "reason": {"epoch-changed", "too-old", "lagging", "not-served", "skipped", *DENIALS},
        "state": {"syncing", "live", "partial", "stale"},
        "outcome": {"behind", "stalled", "silent"},
        "role": {"leader", "follower"},
        "version": {"1.0.0"},
        "severity": {"Error", "Pending", "Unknown"},
        "namespace": {"", "shop"},
    }
    async with site.get("/metrics") as answer:
        families = [each for each in parse(await answer.text()) if each.name.startswith("astrolabe_")]
    assert len(families) >= 18
    for family in families:
        assert family.documentation.endswith(".")
        assert re.fullmatch(r"astrolabe_[a-z_]+", family.name)
        assert not re.search(r"milli|micro|minutes|kilo|_(ms|kb|mb)\b", family.name)
        for sample in family.samples:
            if family.type == "counter":
                assert sample.name.endswith("_total")
            for name, value in sample.labels.items():
                assert name in {*bounded, "type", "le"}
                assert name not in bounded or value in bounded[name]


def watch(namespace: str = "", **fields: object) -> WatchHealth:
    health = WatchHealth("Pod", namespace)
    for name, value in fields.items():
        setattr(health, name, value)
    return health


def test_watches_of_a_kind_in_several_namespaces_are_summed() -> None:
    one = watch("a", state="synced", connected=True, events=7, lists=1, last_event=90.0)
    two = watch("b", state="unavailable", events=2, failures=3, restarts=1, last_event=80.0)
    assert samples(of_watches([one, two], now=100.0, epoch=5000.0)) == {
        ("astrolabe_watch_state", "Pod", "unavailable"): 1,
        ("astrolabe_watch_state", "Pod", "listing"): 0,
        ("astrolabe_watch_state", "Pod", "synced"): 0,
        ("astrolabe_watch_connected", "Pod"): 0,
        ("astrolabe_watch_last_event_timestamp_seconds", "Pod"): 4990.0,
        ("astrolabe_watch_events_total", "Pod"): 9,
        ("astrolabe_watch_lists_total", "Pod"): 1,
        ("astrolabe_watch_failures_total", "Pod"): 3,
        ("astrolabe_watch_restarts_total", "Pod"): 1,
    }


def test_a_watch_without_events_has_no_event_time() -> None:
    told = samples(of_watches([watch()], now=1.0, epoch=2.0))
    assert ("astrolabe_watch_last_event_timestamp_seconds", "Pod") not in told
    assert told["astrolabe_watch_state", "Pod", "listing"] == 1


def test_skipped_objects_and_failed_rules_are_counted_by_kind() -> None:
    readiness = ReadinessTracker([Scope("Pod", "a"), Scope("Pod", "b"), Scope("Node")])
    readiness.skip("Pod", InvalidObject("a", "web-1", "is nested too deeply", "u1"))
    readiness.skip("Pod", InvalidObject("b", "web-2", "is nested too deeply", "u2"))
    readiness.failing = lambda: [Fault("Node", "", "worker-1", "KeyError in derive, line 1 of rules.py")]
    readiness.rebuilds = 1
    assert samples(of_skipped(readiness)) == {
        ("astrolabe_watch_skipped_objects", "Pod"): 2,
        ("astrolabe_watch_skipped_objects", "Node"): 0,
        ("astrolabe_graph_rule_failures", "Pod"): 0,
        ("astrolabe_graph_rule_failures", "Node"): 1,
        ("astrolabe_graph_mends_total",): 1,
    }
    assert samples(of_skipped(None)) == {}


def test_follower_metrics() -> None:
    assert samples(of_replication(None)) == {}
    standing = ReplicationHealth(
        complete=True, stale=False, document={}, report={}, reachable=False, lag=1.5, commits=4
    )
    assert samples(of_replication(standing)) == {
        ("astrolabe_redis_reachable",): 0,
        ("astrolabe_redis_alone",): 0,
        ("astrolabe_redis_stale",): 0,
        ("astrolabe_redis_lag_seconds",): 1.5,
        ("astrolabe_redis_commits_total",): 4,
    }


def test_user_and_review_metrics() -> None:
    token = ReviewCounters()
    token.asked, token.failed = 3, 1
    token.duration.observe(0.2)
    told = samples(of_access(AccessFigures(500, 20, {"token": token, "access": ReviewCounters()})))
    assert told["astrolabe_access_users",] == 500
    assert told["astrolabe_access_views",] == 20
    assert told["astrolabe_access_reviews_total", "token"] == 3
    assert told["astrolabe_access_reviews_total", "access"] == 0
    assert told["astrolabe_access_review_failures_total", "token"] == 1
    assert told["astrolabe_access_review_seconds_bucket", "token", "0.1"] == 0
    assert told["astrolabe_access_review_seconds_bucket", "token", "0.25"] == 1
    assert told["astrolabe_access_review_seconds_count", "token"] == 1


def test_a_value_at_a_bound_is_within_it() -> None:
    distribution = Distribution((1, 2))
    for value in (0.5, 1, 1.5, 3):
        distribution.observe(value)
    assert (distribution.counts, distribution.sum) == ([2, 1, 1], 6.0)
    counters = Counters()
    counters.batch_size = distribution
    told = samples(of_batches(counters))
    assert told["astrolabe_batches_total",] == 4
    assert told["astrolabe_batch_changes_bucket", "1.0"] == 2
    assert told["astrolabe_batch_changes_bucket", "2.0"] == 3
    assert told["astrolabe_batch_changes_bucket", "+Inf"] == 4


async def test_a_scrape_of_a_large_graph_is_as_quick_as_of_a_small_one() -> None:
    took = []
    for world in (crowd(10), crowd(100_000)):
        async with serve(world) as site:
            best = 1.0
            for _ in range(5):
                began = perf_counter()
                await scrape(site)
                best = min(best, perf_counter() - began)
            took.append(best)
    assert took[1] < 3 * took[0] + 0.005


async def test_a_restored_graph_is_counted_in_slices() -> None:
    world = shop()
    async with serve(world) as site:
        world.hub.replace(crowd(20_000, epoch="restored").hub.graph)
        told = await scrape(site)
    assert told["astrolabe_graph_nodes", "Pod", "Ready"] == 20_000
    assert told["astrolabe_graph_edges", "mounts"] == 40_000


async def test_documented_metrics_exist(site: Site) -> None:
    async with site.get("/metrics") as answer:
        served = {
            sample.name: sample.labels.keys()
            for each in parse(await answer.text())
            for sample in each.samples
        }
    health, standing = (
        watch(last_event=1.0),
        ReplicationHealth(complete=True, stale=False, document={}, report=None, lag=0.0),
    )
    skipped = of_skipped(ReadinessTracker([Scope("Pod")]))
    one = ClusterState("prod", "live", "2026-11-30T14:02:00Z", "", "", Progress())
    clusters = of_clusters([one], {}, {}, now=1.8e9)
    users = of_access(AccessFigures(0, 0, {"token": ReviewCounters()}))
    for family in (
        *of_watches([health], now=2.0, epoch=3.0),
        *skipped,
        *of_replication(standing),
        *clusters,
        *users,
    ):
        served |= {sample.name: sample.labels.keys() for sample in family.samples}
    named = {name: labels for name, labels in METRICS.items() if name.startswith("astrolabe_")}
    assert {name: frozenset(served[name]) for name in named} == named


def test_custom_kinds_beyond_the_first_hundred_share_a_label() -> None:
    """A cluster may have hundreds, and each label costs whoever scrapes it."""
    kinds = ["Pod", *[f"Kind{number}.example.com" for number in range(150)]]
    watches = [WatchHealth(kind, connected=True, events=2) for kind in kinds]
    told = samples(of_watches(watches, now=0.0, epoch=0.0))
    labels = {key[1] for key in told if key[0] == "astrolabe_watch_events_total"}
    assert len(labels) == 102
    assert told["astrolabe_watch_events_total", "Kind99.example.com"] == 2
    assert told["astrolabe_watch_events_total", "other"] == 100
    assert told["astrolabe_watch_connected", "other"] == 1


def a_problem(namespace: str) -> FoundProblem:
    empty: dict[str, Any] = {
        "reason": "",
        "message": "",
        "since": "",
        "due": 0.0,
        "members": (),
        "affected": (),
    }
    rest: dict[str, Any] = {"absent": (), "kinds": {}, "entries": (), "releases": (), "path": ()}
    missing = Missing("Secret", namespace, "api")
    return FoundProblem(
        group=(namespace,), status="Error", missing=missing, namespaces=(namespace,), **empty, **rest
    )


def test_problems_of_many_namespaces_share_a_series() -> None:
    told = samples(of_problems([a_problem(f"team-{number:03}") for number in range(150)]))
    errors = {labels[1]: value for (_, *labels), value in told.items() if labels[0] == "Error"}
    assert len(errors) == 102
    assert (errors["team-000"], errors["team-099"], errors["*"], errors[""]) == (1, 1, 50, 0)
