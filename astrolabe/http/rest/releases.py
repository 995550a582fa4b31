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
from astrolabe.http.errors import Refusal
from astrolabe.http.query import QueryParams
from astrolabe.http.responses.shared import array, names, stretches
from astrolabe.http.rest.documents import kept
from astrolabe.http.rest.release_details import (
    HelmKnowledge,
    ReleaseComparison,
    Sees,
    chart_of,
    describe_details,
    describe_whole,
)
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import ViewSnapshot
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.helm_release import ReleaseDetails

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

        It is the one whose name is that of the release or begins with it, else one whose name the release's
        has in it, as charts name their objects, else the one that most nodes name.
        """

        def likelihood(chart: str) -> tuple[bool, bool, bool, int, str]:
            match = _CHART.match(chart)
            name = match[1] if match else chart
            begins, is_part = name.startswith(release), name in release
            return name != release, not begins, not is_part, -self.charts[chart], chart

        return min(self.charts, key=likelihood, default="")


class ReleaseDocuments:
    """Renders releases. helm: what is known beyond labels. sees: tells which kinds are complete."""

    def __init__(self, catalogue: Catalogue, helm: HelmKnowledge, sees: Sees) -> None:
        self._catalogue = catalogue
        self._helm = helm
        self._sees = sees

    def listed(self, hub: Hub, params: QueryParams, snapshot: ViewSnapshot | None) -> Iterator[str]:
        """See `releases`."""
        return releases(hub, params, snapshot, self._helm)

    def check(self, hub: Hub, params: QueryParams) -> None:
        """Raise Refusal (404) if nothing is known of the release, before the client's ETag is compared."""
        release = _asked_for(params, hub)
        if release in hub.graph.releases or self._helm.get(release) is not None:
            return
        alike = [node for node in hub.graph.nodes.values() if node.release == release.name]
        if release not in {Release(each.release_namespace, each.release, each.cluster) for each in alike}:
            raise Refusal(404, "not-found", f"there is no release {params.uid!r}")

    def one(self, hub: Hub, params: QueryParams, _: ViewSnapshot | None) -> Iterator[str]:
        """One release, with everything that Helm keeps about it if that is read."""
        return self._one(_asked_for(params, hub), hub)

    def _one(self, release: Release, hub: Hub) -> Iterator[str]:
        details, summary = self._helm.get(release), ReleaseSummary()
        comparison = (
            ReleaseComparison(release, details, self._catalogue, self._sees) if details is not None else None
        )
        for stretch in stretches(list(hub.graph.nodes.values())):
            summarize(stretch, {release: summary}, only=release)
            if comparison is not None:
                comparison.add(stretch)
            yield ""
        document = describe(release, summary, hub.graph.releases.get(release), details)
        if details is not None and comparison is not None:
            document |= describe_whole(details, comparison)
        yield encode(document)


def _asked_for(params: QueryParams, hub: Hub) -> Release:
    """The release that the path names, in the cluster that `cluster` names. Raises Refusal (404).

    Without that it is the only one of this name; if several clusters have one, it must be said.
    """
    namespace, _, name = params.uid.partition("/")
    wanted = dict(params.filter.own).get("cluster", frozenset())
    having = {each.cluster for each in hub.graph.releases if (each.namespace, each.name) == (namespace, name)}
    first = next(iter(hub.graph.nodes.values()), None)
    if first is not None and first.cluster:
        having |= {
            node.cluster
            for node in hub.graph.nodes.values()
            if node.release == name and node.release_namespace == namespace
        }
    found = sorted(having & wanted if wanted else having) or [""]
    if len(found) > 1:
        message = f"several clusters have release {params.uid!r}; say cluster=…, one of {', '.join(found)}"
        raise Refusal(400, "bad-filter", message)
    return Release(namespace, name, found[0])


def releases(
    hub: Hub, params: QueryParams, snapshot: ViewSnapshot | None, helm: HelmKnowledge
) -> Iterator[str]:
    """The releases of the filtered nodes, and those of which only Helm's revisions are known: sorted names,
    or a document for each, with counts of these nodes.

    `namespace` keeps releases that are in it or have something in it, with all they have elsewhere.
    """
    return _releases(kept(hub, snapshot), dict(hub.graph.releases), params, helm)


def _releases(
    nodes: list[Node], revisions: dict[Release, HelmRevision], params: QueryParams, helm: HelmKnowledge
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
        yield from array(describe(r, summaries[r], revisions.get(r), helm.get(r)) for r in found)
    else:
        yield from names({release.name for release in found})


def _keeps(filter: Filter, release: Release) -> bool:
    """Whether a release passes of which no node is known: what asks for properties of nodes keeps none."""
    if any(name != "cluster" for name, _ in filter.own) or filter.selector.requirements:
        return False
    if not all(term.is_text or term.field in ("release", "cluster") for term in filter.search):
        return False
    text = encode({"message": release.name})
    nothing_else = Node("", "", "", "", "", release.name, release.namespace, "", False, text, release.cluster)
    return (not filter.release or release.name in filter.release) and filter.passes(nothing_else)


def summarize(
    nodes: Iterable[Node], summaries: dict[Release, ReleaseSummary], *, only: Release | None = None
) -> None:
    """Add these nodes to the summaries of their releases. The label selector may leave out other nodes."""
    for node in nodes:
        if not node.release or (only is not None and node.release != only.name):
            continue
        release = Release(node.release_namespace, node.release, node.cluster)
        if only is not None and release != only:
            continue
        found = summaries.get(release)
        if found is None:
            found = summaries[release] = ReleaseSummary()
        found.statuses[node.status] += 1
        found.namespaces.add(node.namespace)
        if node.chart:
            found.charts[node.chart] += 1


def describe(
    release: Release,
    summary: ReleaseSummary,
    revision: HelmRevision | None,
    details: ReleaseDetails | None,
) -> dict[str, Any]:
    """The document of a release. Where Helm's Secret is not watched, revision and status are null."""
    return {
        "name": release.name,
        "namespace": release.namespace,
        **({"cluster": release.cluster} if release.cluster else {}),
        "chart": chart_of(details) or summary.chart_of(release.name),
        "charts": sorted(summary.charts),
        "revision": revision.revision if revision else None,
        "status": revision.status if revision else None,
        "nodes": summary.statuses.total(),
        **{level.lower(): summary.statuses[level] for level in SEVERITIES},
        **describe_details(details),
    }
