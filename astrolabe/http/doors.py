"""The front doors of one graph source: all endpoints that serve it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from astrolabe.graph.visible.visibility import Visibility
from astrolabe.http.grafana.routes import Grafana
from astrolabe.http.graphql.documents import QueryCache
from astrolabe.http.graphql.endpoint import GraphQLEndpoint
from astrolabe.http.mcp.endpoint import McpEndpoint
from astrolabe.http.net.refusals import Handler
from astrolabe.http.openapi.operation import ApiEndpoint
from astrolabe.http.ops.probes import Probes
from astrolabe.http.ops.whoami import Whoami
from astrolabe.http.responses.cache import ResponseCache
from astrolabe.http.rest.clusters import Clusters
from astrolabe.http.rest.complete import Completer
from astrolabe.http.rest.endpoints import Rest
from astrolabe.http.rest.find import HitFinder
from astrolabe.http.rest.problems import ProblemEndpoints
from astrolabe.http.rest.release_details import HelmKnowledge, Sees
from astrolabe.http.rest.studies import StudyEndpoints
from astrolabe.http.rest.summary import SummaryEndpoint
from astrolabe.http.source import ClusterSource, GraphSource
from astrolabe.http.stream.connections import Connections
from astrolabe.http.stream.routes import StreamEndpoints
from astrolabe.settings import DEFAULT_SELECTOR, Settings


class _Closing(Protocol):
    async def close(self) -> None: ...


class FrontDoors:
    """REST, GraphQL, streams, Grafana, MCP and `/health` of one source.

    source: what they serve. handlers: of the endpoints, by name. streams: those that are open.
    queries: those of GraphQL that are known. share: the share of the memory for bodies that it may use.
    sight: whether objects of a kind in a namespace of a cluster may be seen; None: all. visibility: the same
        as rights.
    """

    def __init__(
        self,
        settings: Settings,
        source: GraphSource,
        connections: Connections,
        *,
        helm: HelmKnowledge,
        queries: QueryCache,
        share: float = 1.0,
        sight: Sees | None = None,
        visibility: Callable[[], Visibility] | None = None,
    ) -> None:
        limits = settings.limits
        self.source = source
        rules = limits.rules_of_filters(
            source.catalogue, cluster=source.state.current.cluster.name, clusters=source.clusters
        )
        cache = ResponseCache(size=int(limits.max_body_bytes * share))
        grafana = Grafana(source, connections, cache, rules=rules, limits=limits)
        rest = Rest(source, rules, cache, helm=helm, sees=_sight(settings, source, sight))
        self.streams = streams = StreamEndpoints(
            source.hub, connections, state=source.state, rules=rules, limits=limits
        )
        self._making: tuple[_Closing, ...] = (grafana, cache, streams.summaries, streams.neighbourhoods)
        clusters = Clusters(source)
        graphql = GraphQLEndpoint(
            source,
            rules,
            connections,
            limits=limits,
            cache=queries,
            problems=self.streams.problems,
            tables=rest.read,
            clusters=clusters.read,
        )
        self.endpoints: tuple[ApiEndpoint, ...] = (
            *rest.endpoints,
            Completer(source, rules).endpoint,
            HitFinder(source, rules).endpoint,
            *ProblemEndpoints(source, rules, cache).endpoints,
            SummaryEndpoint(source, rules, self.streams.summaries).endpoint,
            *StudyEndpoints(source).endpoints,
            *grafana.endpoints,
            *self.streams.endpoints,
            graphql.endpoint,
            clusters.endpoint,
            *Probes(source, scoped=settings.asks_for_rights).endpoints,
            McpEndpoint(source, rules).endpoint,
            Whoami(source, visibility).endpoint,
        )
        self.handlers: Mapping[str, Handler] = {each.name: each.handler for each in self.endpoints}

    async def close(self) -> None:
        """Cancel what is being made."""
        for each in self._making:
            await each.close()


def _sight(settings: Settings, source: GraphSource, sight: Sees | None) -> Sees:
    """Whether what Helm applied of a kind would be in the graph: the default selector asks for its label."""
    labelled = settings.label_selector in ("", DEFAULT_SELECTOR)

    def sees(kind: str, namespace: str, cluster: str) -> bool:
        if sight is not None and not sight(kind, namespace, cluster):
            return False
        if not labelled or (settings.namespaces and namespace not in settings.namespaces):
            return False
        members = source.clusters()
        of: ClusterSource | None = source if members is None else members.get(cluster)
        if of is None:
            return False
        state, entry = of.state.current, of.catalogue.by_key.get(kind)
        if entry is None or state.state not in ("live", "partial"):
            return False
        if any(gap.kind == kind for gap in state.partial):
            return False
        # Clients do not learn about other kinds that cannot be read: to them, there are none.
        if not entry.optional:
            return True
        return (
            any(key == kind for key, _ in source.hub.stats.nodes) if members is None else of.count(kind) > 0
        )

    return sees
