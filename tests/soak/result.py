"""The result of a soak test, and its verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from tests.soak.samples import Sample, growth, slope
from tests.soak.site import Upheaval

#: The graph of the last quarter may be so much that of the second: it has to be, for memory to be comparable.
NODES = 1.1
#: Memory may be so much more in the last quarter than in the second. In a short run there is warm-up in that:
#: histories fill up to 16 MB, and caches and the allocator have not yet seen everything.
RSS, RSS_WARM = 1.05, 1.25
#: Megabytes an hour that memory may grow by over the second half of a run of 50 minutes or more: a leak of
#: 100 bytes a change is 72 at 200 changes a second, of 1 KB a connection 18 at five a second. What is level goes
#: up and down by 6 MB or so with the allocator, which in a shorter run looks like a slope of 30.
SLOPE, LONG = 10.0, 3000.0
#: Objects of one type that there may be more of afterwards. 96 bodies are kept for those who ask the same again,
#: each with up to two tasks (`ResponseCache`), and a leader that was away starts two tasks for each of 23 kinds
#: again. In an hour, visitors of each sort come a thousand times.
OBJECTS = 250
#: Connections to Redis: what a leader asks at once is a batch, a tick, and two pieces of a comparison. They are
#: kept as they come, so the number before says nothing.
LINKS = 4
#: Share of the visitors that may be turned away because this process is slow: the server waits for 10 s.
TURNED_AWAY = 0.01
#: Seconds for which this process may stand still without its clients losing their connections.
STANDSTILL = 8.0


class Result(msgspec.Struct):
    """seq: at the end. events, size: what all clients heard, in number and bytes. visits: by what visitors did.

    turned_away: visitors that got no answer. caught_up: seconds it took the clients at the end.
    files, objects: of the server before and after clients and visitors. links: its connections to Redis at the
    end, which are no files. wrong: what is not as it should be.
    cut: steady clients that lost their connection. standstill: seconds for which this process, with all its
    clients, did nothing, at most.
    """

    upheaval: Upheaval
    visits: Counter[str]
    turned_away: int
    seq: int
    seconds: float
    caught_up: float
    samples: list[Sample]
    files: tuple[int, int]
    links: int
    objects: tuple[Counter[str], Counter[str]]
    events: Counter[str]
    size: int
    cut: list[str]
    standstill: float
    wrong: list[str]


def judge(result: Result) -> list[str]:
    """What is wrong, growth included."""
    return [*result.wrong, *_of_connections(result), *_of_leftovers(result), *_of_growth(result)]


def _of_connections(result: Result) -> Iterator[str]:
    if result.standstill < STANDSTILL:
        yield from [f"{who}: lost its connection" for who in result.cut]
    if result.turned_away > result.visits.total() * TURNED_AWAY:
        yield f"{result.turned_away} of {result.visits.total()} visitors were turned away"


def _of_leftovers(result: Result) -> Iterator[str]:
    before, after = result.files
    if after > before:
        yield f"{after} files are open, {before} were before the clients came"
    if result.links > LINKS:
        yield f"{result.links} connections to Redis are open, of which {LINKS} can be of use"
    for name, number in (result.objects[1] - result.objects[0]).most_common():
        if number > OBJECTS:
            yield f"{number} more of {name} than before the clients came"


def _of_growth(result: Result) -> Iterator[str]:
    long = result.seconds >= LONG
    for name, bound in (("rss", RSS if long else RSS_WARM), ("nodes", NODES)):
        ratio = growth([getattr(sample, name) for sample in result.samples])
        if ratio > bound:
            yield f"{name} has grown to {ratio:.2f} times what it was"
    if long and (rate := slope(result.samples)) > SLOPE:
        yield f"memory grows by {rate:.0f} MB an hour"


def table(result: Result) -> str:
    samples, events = result.samples, result.events
    rss = [sample.rss for sample in samples]
    nodes = [float(sample.nodes) for sample in samples]
    cpu = (samples[-1].cpu - samples[0].cpu) / (samples[-1].at - samples[0].at)
    faults = Counter(result.upheaval.faults)
    rows = {
        "changes, a second": f"{result.upheaval.changes:,}, {result.upheaval.changes / result.seconds:.0f}",
        "seq": f"{result.seq:,}",
        "faults of the API server": f"{faults.total():,} of {len(faults)} kinds",
        "visitors, turned away": f"{result.visits.total():,} of {len(result.visits)} kinds, {result.turned_away}",
        "deltas heard, MB in all": f"{events['delta']:,}, {result.size / 1e6:,.0f}",
        "connections, resets": f"{events['connected']:,}, {events['reset']:,}",
        "all caught up after": f"{result.caught_up:.1f} s",
        "this process stood still for": f"{result.standstill:.1f} s at most",
        "CPU of the server": f"{cpu:.0%}",
        "RSS: first, last, most": f"{rss[0]:.0f}, {rss[-1]:.0f}, {max(rss):.0f} MB",
        "RSS: last quarter against second": f"{growth(rss):.3f}×, {slope(samples):+.1f} MB an hour",
        "nodes: last quarter against second": f"{growth(nodes):.3f}×, {nodes[-1]:.0f}",
        "files: before, most, after": f"{result.files[0]}, {max(s.files for s in samples)}, {result.files[1]}",
        "connections to Redis: most, after": f"{max(s.links for s in samples)}, {result.links}",
        "objects of connections: before, after": ", ".join(f"{each.total():,}" for each in result.objects),
    }
    return "\n".join(f"| {name} | {value} |" for name, value in rows.items())
