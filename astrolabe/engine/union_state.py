"""The state of a union of clusters: that of the worst one, in words that say which."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from astrolabe.engine.serving_state import (
    Assessment,
    ClusterState,
    PartialEntry,
    Progress,
    ServingState,
    StateName,
)

#: The first of these that any cluster has is the state of the whole: what is not there yet counts most, then
#: what may be outdated.
WORST_FIRST: tuple[StateName, ...] = ("syncing", "stale", "partial", "live")

#: Clusters that are named in one sentence.
MOST_NAMED = 3

#: What to say of a union without clusters.
EMPTY = "there are no clusters: the file of --clusters names none"


def assess_union(members: Sequence[ServingState]) -> Assessment:
    """The state of clusters together. Each one's is also there by itself, so clients see which are fine."""
    clusters = tuple(map(_state_of, members))
    if not clusters:
        return Assessment("live", EMPTY, clusters=())
    worst = min((each.state for each in clusters), key=WORST_FIRST.index)
    concerned = [each for each in clusters if each.state == worst]
    return Assessment(
        worst,
        _told(clusters) if worst != "live" else "",
        Progress(
            sum([each.progress.kinds for each in clusters]),
            sum([each.progress.of for each in clusters]),
            sum([each.progress.objects for each in clusters]),
        ),
        tuple([_of(gap, each.cluster.name) for each in members for gap in each.partial]),
        since=min([each.since for each in concerned]) if worst == "stale" else "",
        clusters=clusters,
    )


def _state_of(member: ServingState) -> ClusterState:
    cluster = member.cluster
    return ClusterState(cluster.name, member.state, member.since, member.why, cluster.server, member.progress)


def _of(gap: PartialEntry, cluster: str) -> PartialEntry:
    return msgspec.structs.replace(gap, cluster=cluster)


def _told(clusters: Sequence[ClusterState]) -> str:
    """`prod-eu is stale since 14:02 UTC: the API server cannot be reached; 2 of 3 clusters are live`."""
    unwell = sorted(
        [each for each in clusters if each.state != "live"],
        key=lambda each: (WORST_FIRST.index(each.state), each.name),
    )
    said = [_one(each) for each in unwell[:MOST_NAMED]]
    if more := len(unwell) - MOST_NAMED:
        said += [f"{more} more {'is' if more == 1 else 'are'} not live"] if more > 0 else []
    live = len(clusters) - len(unwell)
    if len(clusters) > 1:
        said.append(f"{live} of {len(clusters)} clusters {'is' if live == 1 else 'are'} live")
    return "; ".join(said)


def _one(cluster: ClusterState) -> str:
    # The day is in `since`; of an outage, people compare the time of day with their clocks.
    since = f" since {cluster.since[11:16]} UTC" if cluster.state == "stale" else ""
    return f"{cluster.name} is {cluster.state}{since}{': ' if cluster.why else ''}{cluster.why}"
