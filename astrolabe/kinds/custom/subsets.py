"""The subsets of a host of Istio: labels that some of the Pods behind the host have.

A DestinationRule finds the Pods with these labels in the namespace of its host, and its Service finds those
behind the host. If no Pod is among both, Istio answers 503 to whoever is sent to the subset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from sys import intern
from typing import Any

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Link, Select
from astrolabe.graph.state.edge_types import USES, WOULD_SELECT
from astrolabe.graph.state.status import PENDING, READY, Status
from astrolabe.kinds.custom.label_selections import labels_selector
from astrolabe.kinds.custom.packed import namespace_of
from astrolabe.kinds.custom.path_tree import Leaf, Other
from astrolabe.kinds.custom.paths import Path, last_many, show
from astrolabe.kinds.custom.projection import ProjectionOf
from astrolabe.kinds.custom.rule import Subsets

#: Subsets of one object that are looked at.
MOST_SUBSETS = 200
#: Subsets that one message names.
_MOST_NAMED = 5

READS = (Read("outgoing", WOULD_SELECT, "Pod", own=True), Read("outgoing", USES, "Service"))

#: The field and the name of each subset that has labels.
Details = tuple[tuple[str, str], ...]


def wholes_of(subsets: Subsets) -> dict[Path, Any]:
    """What is read whole: maps of labels."""
    return {subsets.labels: dict[str, Leaf] | Other} if subsets.labels else {}


def compile_links(subsets: Subsets, projection: ProjectionOf) -> Callable[[Any], Iterator[Link]]:
    """Reads for each subset which Pods it means."""
    read_host, labels = projection.scalar(subsets.host), projection.items(subsets.labels)

    def links(manifest: Any) -> Iterator[Link]:
        host = read_host(manifest)
        namespace = namespace_of(host, manifest.metadata.namespace) if isinstance(host, str) else ""
        if not namespace:
            return
        for at, (given, field) in enumerate(labels(manifest)):
            selector = labels_selector(given) if at < MOST_SUBSETS else None
            if selector is not None:
                yield Select(WOULD_SELECT, "Pod", intern(namespace), selector, intern(field.lstrip(".")))

    return links


def compile_details(subsets: Subsets, projection: ProjectionOf) -> Callable[[Any], Details | None]:
    """Reads what the subsets are called."""
    items = projection.items(subsets.labels[: last_many(subsets.labels)])
    base = subsets.labels[: last_many(subsets.labels)]
    read_name = projection.scalar_below(base, subsets.names[len(base) :])
    read_labels = projection.whole_below(base, subsets.labels[len(base) :])
    tail = show(subsets.labels[len(base) :])

    def details(manifest: Any) -> Details | None:
        found = []
        for item, field in items(manifest):
            name = read_name(item)
            if isinstance(name, str) and labels_selector(read_labels(item)) is not None:
                found.append((f"{field.lstrip('.')}.{tail}", name))
        return tuple(found[:MOST_SUBSETS]) or None

    return details


def judge(itself: Peer, neighborhood: Neighborhood, derived: Derived) -> Derived:
    """What it is if some of its subsets have no Pods, while others behind the host are there."""
    services = list(neighborhood.outgoing(USES, "Service"))
    if derived.status.severity != READY or not itself.details or len(services) != 1:
        return derived
    if not neighborhood.is_complete("Pod"):
        return derived
    fields = neighborhood.fields_behind(WOULD_SELECT, services[0])
    if fields is None:
        return derived  # nobody is behind the host, which its Service tells
    empty = [(field, name) for field, name in itself.details if field not in fields]
    if not empty:
        return derived
    named = ", ".join([name for _, name in empty[:_MOST_NAMED]])
    more = f" and {len(empty) - _MOST_NAMED} more" if len(empty) > _MOST_NAMED else ""
    plural = "s" if len(empty) > 1 else ""
    message = f"No Pod of Service {services[0].name} has the labels of subset{plural} {named}{more}"
    return Derived(Status(PENDING, "SubsetWithoutPods", message), {"decidedBy": empty[0][0]})
