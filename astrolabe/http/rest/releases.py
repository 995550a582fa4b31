"""`/api/v1/releases`: Helm releases, from the nodes of the graph and from Helm's own Secrets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import SEVERITIES
from astrolabe.http.query import QueryParams
from astrolabe.http.responses.shared import array, names, stretches
from astrolabe.http.rest.documents import kept
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import ViewSnapshot


class ReleaseSummary:
    """The nodes of one release: their namespaces, and counts of their charts and statuses."""

    def __init__(self) -> None:
        self.namespaces: set[str] = set()
        self.charts: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()

    @property
    def chart(self) -> str:
        """The chart that most nodes name (others name subcharts); "" for none."""
        return min(self.charts, key=lambda chart: (-self.charts[chart], chart), default="")


def releases(hub: Hub, params: QueryParams, snapshot: ViewSnapshot | None) -> Iterator[str]:
    """The releases of the filtered nodes: sorted names, or a document for each, with counts of these nodes.

    `namespace` keeps releases that are in it or have something in it, with all they have elsewhere.
    """
    return _releases(kept(hub, snapshot), dict(hub.graph.releases), params)


def _releases(
    nodes: list[Node], revisions: dict[Release, HelmRevision], params: QueryParams
) -> Iterator[str]:
    summaries: dict[Release, ReleaseSummary] = {}
    for stretch in stretches(nodes):
        summarize(stretch, summaries)
        yield ""
    namespaces = params.filter.namespace
    found = sorted(
        [r for r in summaries if not namespaces or namespaces & {r.namespace, *summaries[r].namespaces}]
    )
    if params.detail:
        yield from array(describe(r, summaries[r], revisions.get(r)) for r in found)
    else:
        yield from names({release.name for release in found})


def summarize(nodes: Iterable[Node], summaries: dict[Release, ReleaseSummary]) -> None:
    """Add these nodes to the summaries of their releases. The label selector may leave out other nodes."""
    for node in nodes:
        if not node.release:
            continue
        release = Release(node.release_namespace, node.release)
        found = summaries.get(release)
        if found is None:
            found = summaries[release] = ReleaseSummary()
        found.statuses[node.status] += 1
        found.namespaces.add(node.namespace)
        if node.chart:
            found.charts[node.chart] += 1


def describe(release: Release, summary: ReleaseSummary, revision: HelmRevision | None) -> dict[str, Any]:
    """The document of a release. Without Helm's Secret, revision and status are null."""
    return {
        "name": release.name,
        "namespace": release.namespace,
        "chart": summary.chart,
        "revision": revision.revision if revision else None,
        "status": revision.status if revision else None,
        "nodes": summary.statuses.total(),
        **{level.lower(): summary.statuses[level] for level in SEVERITIES},
    }
