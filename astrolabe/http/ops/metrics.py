"""`GET /metrics` for Prometheus. All values are read when it asks; nothing is kept twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe import __version__, telemetry
from astrolabe.engine.readiness import WatchReadiness
from astrolabe.engine.serving_state import (
    PARTIAL_REASONS,
    STATE_NAMES,
    ClusterState,
    ServingState,
    absent_kinds,
)
from astrolabe.graph.causes.problems import FoundProblem
from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.status import ERROR, PENDING, SEVERITIES, UNKNOWN
from astrolabe.http.access.guard import DENIALS
from astrolabe.http.counters import Counters, Distribution, ReviewCounters
from astrolabe.http.net.sse import EventStream
from astrolabe.http.net.websocket import WebSocket
from astrolabe.http.openapi.operation import TEXT, ApiEndpoint, ApiResponse, Operation
from astrolabe.http.ops.health import WORST_FIRST
from astrolabe.http.source import GraphSource, ReplicationHealth, WatchStats
from astrolabe.http.stream.connections import Connections
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.kind import is_custom
from astrolabe.timeslice import Lane, in_slices

_OPERATION = Operation(
    summary="metrics for Prometheus",
    group="process",
    answers={
        200: ApiResponse(
            description="The metrics, in the format that is asked for by `Accept`.",
            body={TEXT: str, "application/openmetrics-text": str},
            headers=("Cache-Control",),
        )
    },
)

#: Custom kinds with a label of their own, and the label of all others.
MOST_CUSTOM_LABELS = 100
OTHER_KINDS = "other"

#: Namespaces that have a series of their own; the others share one, whose name no namespace can have.
MOST_NAMESPACES = 100
_OTHERS = "*"

_RESETS = ("epoch-changed", "too-old", "lagging")


class AccessFigures(NamedTuple):
    """users: that are remembered. views: different sets of rights that are served. reviews: by sort."""

    users: int
    views: int
    reviews: Mapping[str, ReviewCounters]


class Metrics:
    """Answers `/metrics`, from a registry of its own. The labels have few values: kinds, statuses, types.

    connections: the open streams. open: whether anyone may ask. users: what is known of them; None: all
        see everything.
    """

    def __init__(
        self,
        source: GraphSource,
        connections: Connections,
        *,
        open: bool,
        users: Callable[[], AccessFigures] | None = None,
    ) -> None:
        self.endpoint = ApiEndpoint(
            path="/metrics", name="metrics", handler=self._answer, open=open, operation=_OPERATION
        )
        self._source = source
        self._connections = connections
        self._users = users
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._registry.register(_Collector(self._collect))

    def _collect(self) -> Iterator[Metric]:
        source, connections = self._source, self._connections
        hub, watches, replication = source.hub, source.watches(), source.replication()
        yield from of_process(
            ready=_is_ready(source.readiness, replication),
            role=source.role(),
            lines_dropped=telemetry.lines_dropped(),
        )
        yield from of_state(source.state.refresh(), now=time.time())
        lost = {name: len(each.disconnected()) for name, each in (source.clusters() or {}).items()}
        yield from of_clusters(source.state.current.clusters, hub.stats.clusters, lost, now=time.time())
        yield from of_graph(hub, source.catalogue.keys)
        yield from of_problems(hub.problems.active)
        yield from of_batches(hub.counters)
        websockets, events = connections.count(WebSocket), connections.count(EventStream)
        yield from of_streams(hub.counters, websockets, events, hub.subscriptions)
        absent = absent_kinds(source.readiness)
        there = [watch for watch in watches if watch.kind not in absent]
        yield from of_watches(there, now=time.monotonic(), epoch=time.time())
        yield from of_skipped(source.readiness if watches else None)
        yield from of_replication(replication)
        yield from of_denials(connections.guard.denials)
        if self._users is not None:
            yield from of_access(self._users())

    async def _answer(self, request: Request) -> HTTPResponse:
        async for _ in in_slices(self._source.hub.stats.count(), Lane.ANSWER):
            pass
        await self._source.hub.problems.problems()
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        headers = {"Cache-Control": "no-store"}
        return HTTPResponse(encode(self._registry), headers=headers, content_type=content_type)


class _Collector:
    """A `prometheus_client.registry.Collector` that collects nothing when it is registered."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self.collect = collect

    def describe(self) -> list[Metric]:
        return []


def of_process(*, ready: bool, role: str, lines_dropped: int) -> Iterator[Metric]:
    """The process: version, readiness, role."""
    yield InfoMetricFamily("astrolabe_build", "The version that runs.", value={"version": __version__})
    yield GaugeMetricFamily("astrolabe_ready", "1 if /readyz answers 200.", value=ready)
    roles = GaugeMetricFamily("astrolabe_role", "1 for the role of this process.", labels=["role"])
    for each in ("leader", "follower"):
        roles.add_metric([each], each == role)
    yield roles
    yield CounterMetricFamily(
        "astrolabe_log_lines_dropped", "Log lines dropped because nobody read them.", value=lines_dropped
    )


def of_state(state: ServingState, *, now: float) -> Iterator[Metric]:
    """How far the served graph can be trusted. now: seconds since 1970."""
    states = GaugeMetricFamily(
        "astrolabe_state", "1 for the current state: how far the graph can be trusted.", labels=["state"]
    )
    for word in STATE_NAMES:
        states.add_metric([word], word == state.state)
    gaps = GaugeMetricFamily(
        "astrolabe_gaps", "Kinds with something missing in the graph.", labels=["reason"]
    )
    for reason in PARTIAL_REASONS:
        gaps.add_metric([reason], sum([gap.reason == reason for gap in state.partial]))
    since = datetime.fromisoformat(state.since).timestamp()
    yield from (states, gaps)
    yield GaugeMetricFamily(
        "astrolabe_state_seconds", "Seconds since the state last changed.", value=max(0.0, now - since)
    )


def of_clusters(
    clusters: Sequence[ClusterState] | None,
    counts: Mapping[tuple[str, str], int],
    lost: Mapping[str, int],
    *,
    now: float,
) -> Iterator[Metric]:
    """Each cluster of a union; nothing where there is only one.

    counts: of nodes by cluster and status. lost: how many kinds have no connection. now: seconds since 1970.
    """
    if clusters is None:
        return
    states = GaugeMetricFamily(
        "astrolabe_cluster_state", "1 for the current state of each cluster.", labels=["cluster", "state"]
    )
    seconds = GaugeMetricFamily(
        "astrolabe_cluster_state_seconds", "Seconds since its state last changed.", labels=["cluster"]
    )
    nodes = GaugeMetricFamily(
        "astrolabe_cluster_nodes", "Nodes of each cluster in the graph.", labels=["cluster", "status"]
    )
    disconnected = GaugeMetricFamily(
        "astrolabe_cluster_watches_disconnected",
        "Kinds of each cluster whose watch has no connection.",
        labels=["cluster"],
    )
    for each in clusters:
        for word in STATE_NAMES:
            states.add_metric([each.name, word], word == each.state)
        since = datetime.fromisoformat(each.since).timestamp()
        seconds.add_metric([each.name], max(0.0, now - since))
        for level in SEVERITIES:
            nodes.add_metric([each.name, level], counts.get((each.name, level), 0))
        disconnected.add_metric([each.name], lost.get(each.name, 0))
    yield from (states, seconds, nodes, disconnected)


def of_graph(hub: Hub, kinds: Iterable[str]) -> Iterator[Metric]:
    """The served graph, and the history that is kept."""
    stats = hub.stats
    nodes = GaugeMetricFamily("astrolabe_graph_nodes", "Nodes in the graph.", labels=["kind", "status"])
    unresolved = GaugeMetricFamily(
        "astrolabe_graph_unresolved_references",
        "References that lead nowhere, by the kind of the node that holds them.",
        labels=["kind"],
    )
    for label, some in _labelled(kinds).items():
        unresolved.add_metric([label], sum([stats.unresolved[kind] for kind in some]))
        for level in SEVERITIES:
            nodes.add_metric([label, level], sum([stats.nodes[kind, level] for kind in some]))
    edges = GaugeMetricFamily("astrolabe_graph_edges", "Edges in the graph.", labels=["type"])
    for type in EDGE_TYPES:
        edges.add_metric([type], stats.edges[type])
    yield from (nodes, edges, unresolved)
    yield GaugeMetricFamily("astrolabe_graph_seq", "The position in history.", value=hub.graph.seq)
    changes, size = hub.history.kept
    yield GaugeMetricFamily(
        "astrolabe_history_changes", "Changed nodes and edges in the history.", value=changes
    )
    yield GaugeMetricFamily("astrolabe_history_bytes", "Approximate memory of the history.", value=size)


def of_problems(problems: Sequence[FoundProblem]) -> Iterator[Metric]:
    """What is broken in the cluster, by the namespace of the cause; "" is the cluster itself."""
    family = GaugeMetricFamily(
        "astrolabe_problems",
        "Problems, by severity and namespace of the cause.",
        labels=["severity", "namespace"],
    )
    counts = Counter([(problem.status, problem.namespace) for problem in problems])
    for severity in (ERROR, PENDING, UNKNOWN):
        spaces = sorted(space for status, space in counts if status == severity)
        family.add_metric([severity, ""], counts[severity, ""])
        named = [space for space in spaces if space]
        for space in named[:MOST_NAMESPACES]:
            family.add_metric([severity, space], counts[severity, space])
        if rest := sum([counts[severity, space] for space in named[MOST_NAMESPACES:]]):
            family.add_metric([severity, _OTHERS], rest)
    yield family


def of_batches(counters: Counters) -> Iterator[Metric]:
    """The batches that were applied."""
    yield CounterMetricFamily("astrolabe_batches", "Batches applied.", value=sum(counters.batch_size.counts))
    yield _histogram("astrolabe_batch_changes", "Nodes and edges changed by a batch.", counters.batch_size)
    yield _histogram(
        "astrolabe_batch_duration_seconds",
        "Time to apply a batch and write it to all subscribers.",
        counters.batch_duration,
    )
    yield _histogram(
        "astrolabe_event_to_frame_seconds",
        "Time from receiving a batch's first change to having written it to all subscribers.",
        counters.latency,
    )


def of_streams(counters: Counters, websockets: int, events: int, subscriptions: int) -> Iterator[Metric]:
    """The streams, and what was sent over them."""
    label = ["transport"]
    now = GaugeMetricFamily("astrolabe_stream_connections", "Open streams.", labels=label)
    opened = CounterMetricFamily("astrolabe_stream_opened", "Streams opened.", labels=label)
    messages = CounterMetricFamily("astrolabe_stream_messages", "Messages sent.", labels=label)
    sizes = CounterMetricFamily("astrolabe_stream_sent_bytes", "Bytes sent.", labels=label)
    for name, count, sent in (("ws", websockets, counters.websocket), ("sse", events, counters.events)):
        now.add_metric([name], count)
        opened.add_metric([name], sent.connections)
        messages.add_metric([name], sent.messages)
        sizes.add_metric([name], sent.bytes)
    yield from (now, opened, messages, sizes)
    yield GaugeMetricFamily(
        "astrolabe_stream_subscriptions", "Subscriptions of open streams.", value=subscriptions
    )
    resets = CounterMetricFamily(
        "astrolabe_stream_resets", "Subscriptions that were reset.", labels=["reason"]
    )
    for reason in _RESETS:
        resets.add_metric([reason], counters.resets[reason])
    slow = CounterMetricFamily(
        "astrolabe_stream_slow_clients",
        "Times that a subscription fell behind, and connections cut off.",
        labels=["outcome"],
    )
    slow.add_metric(["behind"], counters.behind)
    slow.add_metric(["stalled"], counters.stalled)
    slow.add_metric(["silent"], counters.silent)
    yield from (resets, slow)


def of_watches(watches: Sequence[WatchStats], *, now: float, epoch: float) -> Iterator[Metric]:
    """The watches of this process. Those of one kind in several namespaces are added up.

    now: on the clock of `last_event`. epoch: the same instant in seconds since 1970.
    """
    of_kind: dict[str, list[WatchStats]] = {}
    for watch in watches:
        of_kind.setdefault(watch.kind, []).append(watch)
    kinds = {
        label: [watch for kind in some for watch in of_kind[kind]]
        for label, some in _labelled(of_kind).items()
    }
    states = GaugeMetricFamily(
        "astrolabe_watch_state", "1 for the state of the kind's watch.", labels=["kind", "state"]
    )
    connected = GaugeMetricFamily(
        "astrolabe_watch_connected", "1 if the last request was answered.", labels=["kind"]
    )
    last = GaugeMetricFamily(
        "astrolabe_watch_last_event_timestamp_seconds", "When the watch last had news.", labels=["kind"]
    )
    counters = {
        field: CounterMetricFamily(f"astrolabe_watch_{field}", text, labels=["kind"])
        for field, text in (
            ("events", "Watch events and list items received."),
            ("lists", "Complete lists; each after the first is a resynchronisation."),
            ("failures", "Requests and watches that failed."),
            ("restarts", "Times that the watch task failed and was restarted."),
        )
    }
    for kind, each in kinds.items():
        worst = min([watch.state for watch in each], key=WORST_FIRST.index)
        for state in WORST_FIRST:
            states.add_metric([kind, state], state == worst)
        connected.add_metric([kind], all(watch.connected for watch in each))
        for field, counter in counters.items():
            counter.add_metric([kind], sum(getattr(watch, field) for watch in each))
        news = [watch.last_event for watch in each if watch.last_event is not None]
        if news:
            last.add_metric([kind], epoch - (now - max(news)))
    yield from (states, connected, last, *counters.values())


def of_skipped(readiness: WatchReadiness | None) -> Iterator[Metric]:
    """Objects that could not be used, and rules that failed; nothing if this process has no watches."""
    if readiness is None:
        return
    skipped = GaugeMetricFamily(
        "astrolabe_watch_skipped_objects",
        "Objects that cannot be read and are skipped.",
        labels=["kind"],
    )
    failed = GaugeMetricFamily(
        "astrolabe_graph_rule_failures",
        "Nodes with the status of their own manifest, because a rule failed.",
        labels=["kind"],
    )
    failures = Counter([fault.kind for fault in readiness.failing()])
    for label, some in _labelled(readiness.skipped).items():
        skipped.add_metric([label], sum([len(readiness.skipped[kind]) for kind in some]))
        failed.add_metric([label], sum([failures[kind] for kind in some]))
    yield from (skipped, failed)
    yield CounterMetricFamily(
        "astrolabe_graph_mends",
        "Times that a change failed and the graph was rebuilt.",
        value=readiness.rebuilds,
    )


def of_replication(replication: ReplicationHealth | None) -> Iterator[Metric]:
    """How this process is doing among those that share a Redis; nothing in standalone mode."""
    if replication is None:
        return
    yield GaugeMetricFamily(
        "astrolabe_redis_reachable", "1 if Redis answered the last request.", value=replication.reachable
    )
    yield GaugeMetricFamily(
        "astrolabe_redis_alone", "1 if this leader continues without Redis.", value=replication.detached
    )
    yield GaugeMetricFamily(
        "astrolabe_redis_stale", "1 if nobody keeps this graph up to date.", value=replication.stale
    )
    if replication.lag is not None:
        yield GaugeMetricFamily(
            "astrolabe_redis_lag_seconds", "How old this graph may be.", value=replication.lag
        )
    yield CounterMetricFamily(
        "astrolabe_redis_commits", "Batches that this process stored.", value=replication.commits
    )


def of_denials(denials: Mapping[str, int]) -> Iterator[Metric]:
    """Requests that were refused because of who sent them."""
    refused = CounterMetricFamily(
        "astrolabe_access_denials",
        "Requests refused: without a valid token, without the right, or while the API server does not tell.",
        labels=["reason"],
    )
    for reason in DENIALS:
        refused.add_metric([reason], denials.get(reason, 0))
    yield refused


def of_access(figures: AccessFigures) -> Iterator[Metric]:
    """Users, and the reviews that the API server was asked for because of them."""
    yield GaugeMetricFamily("astrolabe_access_users", "Users whose rights are known.", value=figures.users)
    yield GaugeMetricFamily(
        "astrolabe_access_views", "Different sets of rights that are served.", value=figures.views
    )
    asked = CounterMetricFamily(
        "astrolabe_access_reviews", "Reviews of tokens and of rights, asked.", labels=["review"]
    )
    failed = CounterMetricFamily(
        "astrolabe_access_review_failures", "Reviews that the API server did not answer.", labels=["review"]
    )
    took = HistogramMetricFamily(
        "astrolabe_access_review_seconds", "Time until a review was answered.", labels=["review"]
    )
    for sort, counters in figures.reviews.items():
        asked.add_metric([sort], counters.asked)
        failed.add_metric([sort], counters.failed)
        took.add_metric([sort], _buckets(counters.duration), counters.duration.sum)
    yield from (asked, failed, took)


def _labelled(kinds: Iterable[str]) -> dict[str, list[str]]:
    """The kinds by their label: a kind has its own, but custom kinds beyond the first share one, as a cluster
    may have hundreds."""
    labelled: dict[str, list[str]] = {}
    left = MOST_CUSTOM_LABELS
    for kind in kinds:
        if not is_custom(kind):
            labelled[kind] = [kind]
        elif left:
            left -= 1
            labelled[kind] = [kind]
        else:
            labelled.setdefault(OTHER_KINDS, []).append(kind)
    return labelled


def _is_ready(readiness: WatchReadiness, replication: ReplicationHealth | None) -> bool:
    return readiness.ready if replication is None else replication.complete


def _histogram(name: str, text: str, distribution: Distribution) -> HistogramMetricFamily:
    return HistogramMetricFamily(name, text, buckets=_buckets(distribution), sum_value=distribution.sum)


def _buckets(distribution: Distribution) -> list[tuple[str, float]]:
    counts = accumulate(distribution.counts)
    bounds = [*[str(float(bound)) for bound in distribution.bounds], "+Inf"]
    return list(zip(bounds, counts, strict=True))
