"""`/api/v1/releases`: Helm releases, from what is in the graph and from Helm's own Secrets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import LEVELS
from astrolabe.http.query import Question
from astrolabe.http.responses.json import array, names, stretches
from astrolabe.http.rest.documents import kept
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import Snapshot


class Tally:
    """What the nodes of one release are: their charts and their statuses, counted, and where they are."""

    def __init__(self) -> None:
        self.namespaces: set[str] = set()
        self.charts: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()

    @property
    def chart(self) -> str:
        """The chart that most of them name (a release has those of its subcharts too); "" for none."""
        return min(self.charts, key=lambda chart: (-self.charts[chart], chart), default="")


def releases(hub: Hub, question: Question, taken: Snapshot | None) -> Iterator[str]:
    """The releases that what the filter keeps is of: sorted names, or one document each, which counts that.

    `namespace` means those that are of it or have something there, with all that they have elsewhere.
    """
    return _releases(kept(hub, taken), dict(hub.graph.releases), question)


def _releases(nodes: list[Node], revisions: dict[Release, HelmRevision], question: Question) -> Iterator[str]:
    tallies: dict[Release, Tally] = {}
    for stretch in stretches(nodes):
        tally(stretch, tallies)
        yield ""
    namespaces = question.filter.namespace
    found = sorted(
        [r for r in tallies if not namespaces or namespaces & {r.namespace, *tallies[r].namespaces}]
    )
    if question.detail:
        yield from array(describe(r, tallies[r], revisions.get(r)) for r in found)
    else:
        yield from names({release.name for release in found})


def tally(nodes: Iterable[Node], tallies: dict[Release, Tally]) -> None:
    """Count the releases that these nodes belong to: the label selector may leave others out."""
    for node in nodes:
        if not node.release:
            continue
        release = Release(node.release_namespace, node.release)
        found = tallies.get(release)
        if found is None:
            found = tallies[release] = Tally()
        found.statuses[node.status] += 1
        found.namespaces.add(node.namespace)
        if node.chart:
            found.charts[node.chart] += 1


def describe(release: Release, tally: Tally, revision: HelmRevision | None) -> dict[str, Any]:
    """One release; revision and status are null where Helm's Secrets tell none."""
    return {
        "name": release.name,
        "namespace": release.namespace,
        "chart": tally.chart,
        "revision": revision.revision if revision else None,
        "status": revision.status if revision else None,
        "nodes": tally.statuses.total(),
        **{level.lower(): tally.statuses[level] for level in LEVELS},
    }
