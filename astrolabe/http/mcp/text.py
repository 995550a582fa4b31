"""The words of answers for agents: short lines, in which quotes set apart what comes from the cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from astrolabe.age import age
from astrolabe.engine.serving_state import ServingState
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.http.answers.quoting import plain, quoted

Json = Mapping[str, Any]

#: Kinds, namespaces and names that are listed in one line.
MOST_LISTED = 6

_WORD = re.compile(r"[A-Za-z0-9]+")


class AnswerText:
    """Lines up to a number of characters, as `_weight` counts them. Each entry is told whole, or not at all.

    left_out: whether an entry found no room.
    """

    def __init__(self, room: int) -> None:
        self.left_out = False
        self._room = room
        self._lines: list[str] = []

    def add(self, *lines: str) -> bool:
        """Tell an entry. Returns whether there was room."""
        size = sum(map(_weight, lines))
        if size > self._room:
            self.left_out = True
            return False
        self._room -= size
        self._lines += lines
        return True

    def add_names(self, lead: str, ones: Iterable[Json], most: int) -> bool:
        """Tell as many of the names as there is room for, at most so many, and the number of the others."""
        names = [name_of(one) for one in ones]
        line = lead + _listed(names, most)
        while most > 1 and _weight(line) > self._room:
            most //= 2
            line = lead + _listed(names, most)
        return self.add(line)

    def end(self, line: str) -> None:
        """Tell what was left out. There is always room for it."""
        self._lines.append(line)

    def __str__(self) -> str:
        return "\n".join(self._lines)


def _weight(line: str) -> int:
    """The size of a line with its end. Hashes and other scripts take more tokens per character."""
    hashes = sum([len(word) for word in _WORD.findall(line) if len(word) > 20 or not word.isalpha()])
    return len(line.encode()) + hashes + 1


def name_of(one: Json) -> str:
    """`Pod/shop/web-1`, `prod-eu:Pod/shop/web-1` of several clusters, and `Secret/shop/db (missing)`."""
    path = "/".join(filter(None, (one["kind"], one.get("namespace", ""), one["name"])))
    path = plain(f"{one['cluster']}:{path}" if one.get("cluster") else path)
    return f"{path} (missing)" if one.get("missing") else path


def names_of(ones: Iterable[Json], most: int = MOST_LISTED) -> str:
    """The first names, and the number of the others."""
    names = [name_of(one) for one in ones]
    return _listed(names, most)


def listed(words: Iterable[str], most: int = MOST_LISTED) -> str:
    """The first words, and the number of the others."""
    return _listed([plain(word) for word in words], most)


def _listed(words: list[str], most: int) -> str:
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def counts(kinds: Mapping[str, int], most: int = MOST_LISTED) -> str:
    """`3 Pod, 1 Service`, the most first."""
    ordered = sorted(kinds.items(), key=lambda each: (-each[1], each[0]))
    return _listed([f"{number} {plain(kind)}" for kind, number in ordered], most)


def status_of(one: Json, now: float) -> str:
    """`Error CrashLoopBackOff for 12m`."""
    status, reason = one.get("status", ""), one.get("reason", "")
    words = [status, plain(reason) if reason and reason != status else ""]
    since = age(one.get("since", ""), now)
    return " ".join(filter(None, [*words, f"for {since}" if since else ""]))


def edge_of(one: Json) -> str:
    """`uses-secret by spec.volumes[0].secret.secretName`; "" without an edge."""
    fields = one.get("field", ())
    by = f" by {plain(fields[0])}" if fields else ""
    return f"{one['type']}{by}" if "type" in one else ""


def heading(state: ServingState, graph: ServedGraph) -> str:
    """Of every answer: which cluster it is about, how far it may be trusted, and its place in history."""
    parts = [_clusters(state), f"state {state.state}"]
    if state.why:
        parts[1] += f" since {state.since}: {quoted(state.why)}"
    parts.append(f"position {graph.epoch}:{graph.seq}")
    hidden = _hidden(state)
    parts.append(f"not visible: {hidden}" if hidden else "all visible")
    return f"[{' | '.join(parts)}]"


def _clusters(state: ServingState) -> str:
    if state.clusters is None:
        return f"cluster {plain(state.cluster.name or 'unnamed')}"
    return f"clusters {listed([each.name for each in state.clusters])}"


def release_of(one: Json) -> str:
    """`shop/cart`, and `prod-eu:shop/cart` of several clusters."""
    path = f"{one['namespace']}/{one['name']}"
    return f"{one['cluster']}:{path}" if one.get("cluster") else path


def _hidden(state: ServingState) -> str:
    """What cannot be seen, of the whole or of what the user may see."""
    kinds = {gap.kind for gap in state.partial if gap.reason == "forbidden"}
    coverage = state.coverage
    if coverage is None:
        return listed(sorted(kinds))
    parts = [listed(sorted(kinds | {*coverage.hidden}))]
    if coverage.limited:
        parts.append(f"{listed(coverage.limited)} outside of namespaces {listed(coverage.namespaces)}")
    for each in coverage.clusters or ():
        if each.why:
            parts.append(f"all of cluster {plain(each.name)}: {each.why}")
    return "; ".join(filter(None, parts))
