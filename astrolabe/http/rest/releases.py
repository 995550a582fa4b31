"""`/api/v1/releases`: Helm releases, from the nodes of the graph and from the revisions that Helm keeps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from astrolabe.graph.encoding.wire import encode
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import SEVERITIES
from astrolabe.graph.views.filter import Filter
from astrolabe.http.query import QueryParams
from astrolabe.http.responses.shared import array, names, stretches
from astrolabe.http.rest.documents import kept
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import ViewSnapshot

#: `helm.sh/chart`: the name of the chart, and its version.
_CHART = re.compile(r"(.+?)-v?[0-9]+(?:\..*)?\Z", re.DOTALL)


class ReleaseSummary:
    """The nodes of one release: their namespaces, and counts of their charts and statuses."""

    def __init__(self) -> None:
        self.namespaces: set[str] = set()
        self.charts: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()

    def chart_of(self, release: str) -> str:
        """The chart that was installed; the others are its subcharts. "" for none.

        It is the one whose name is that of the release or begins with it, else the one that most nodes name.
        """

        def likelihood(chart: str) -> tuple[bool, bool, int, str]:
            match = _CHART.match(chart)
            name = match[1] if match else chart
            return name != release, not name.startswith(release), -self.charts[chart], chart

        return min(self.charts, key=likelihood, default="")


def releases(hub: Hub, params: QueryParams, snapshot: ViewSnapshot | None) -> Iterator[str]:
    """The releases of the filtered nodes, and those of which only Helm's revisions are known: sorted names,
    or a document for each, with counts of these nodes.

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
    for release, revision in revisions.items():
        if revision.is_installed and _keeps(params.filter, release):
            summaries.setdefault(release, ReleaseSummary())
    namespaces = params.filter.namespace
    found = sorted(
        [r for r in summaries if not namespaces or namespaces & {r.namespace, *summaries[r].namespaces}]
    )
    if params.detail:
        yield from array(describe(r, summaries[r], revisions.get(r)) for r in found)
    else:
        yield from names({release.name for release in found})


def _keeps(filter: Filter, release: Release) -> bool:
    """Whether a release passes of which no node is known: what asks for properties of nodes keeps none."""
    if filter.own or filter.selector.requirements:
        return False
    if not all(term.is_text or term.field == "release" for term in filter.search):
        return False
    text = encode({"message": release.name})
    nothing_else = Node("", "", "", "", "", release.name, release.namespace, "", False, text)
    return (not filter.release or release.name in filter.release) and filter.passes(nothing_else)


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
    """The document of a release. Where Helm's Secret is not watched, revision and status are null."""
    return {
        "name": release.name,
        "namespace": release.namespace,
        "chart": summary.chart_of(release.name),
        "charts": sorted(summary.charts),
        "revision": revision.revision if revision else None,
        "status": revision.status if revision else None,
        "nodes": summary.statuses.total(),
        **{level.lower(): summary.statuses[level] for level in SEVERITIES},
    }
