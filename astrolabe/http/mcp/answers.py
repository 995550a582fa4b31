"""The answers for agents: what the server knows, in as few words as an operator would use."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import pairwise
from typing import Any, NamedTuple

from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.json_text import json_text
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import WORST_FIRST
from astrolabe.graph.views.filter import EVERYTHING, Filter, FilterRules, parse_query
from astrolabe.http.answers.hits import find_hits
from astrolabe.http.answers.named import find_named, parse_name
from astrolabe.http.answers.quoting import plain, quoted
from astrolabe.http.answers.resource import identity
from astrolabe.http.answers.studies import Studies
from astrolabe.http.errors import Refusal
from astrolabe.http.mcp.text import (
    AnswerText,
    counts,
    edge_of,
    heading,
    listed,
    name_of,
    names_of,
    release_of,
    status_of,
)
from astrolabe.http.responses.shared import stretches
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.problem_list import FoundProblems, ProblemLister
from astrolabe.timeslice import Lane, in_slices

Json = Mapping[str, Any]

#: Characters of an answer. A token of such text has three on average: some 500, 1,000 and 2,000 tokens.
SHORT, USUAL, LONG = 1_350, 3_000, 5_400
#: Steps of a chain of causes, chains, and Events that are told.
MOST_STEPS, MOST_CHAINS, MOST_EVENTS = 8, 3, 5
#: Facts and labels of a resource, and characters of each, that are told.
MOST_FACTS, LONGEST_FACT = 16, 120


#: Links that are looked at in one step.
_STRETCH = 500


class _Link(NamedTuple):
    """incoming: whether it leads from the other to the resource that is told about."""

    incoming: bool
    edge: Edge
    other: Node


class AgentAnswers:
    """Answers from one source. Raises Refusal or FilterError for what cannot be answered."""

    def __init__(self, source: GraphSource, rules: FilterRules) -> None:
        self._source = source
        self._hub = source.hub
        self._rules = rules
        self._studies = Studies(source)
        self._lister = ProblemLister(source.hub, source.state)

    async def triage(self, search: str, sort: str, limit: int, problem: str) -> str:
        """The problems by cause; or one of them."""
        filter = self._filter(search)
        found = await self._lister.everything()
        if filter:
            found = await self._concerning(filter, found)
        standing = [each for each in found.problems if each.group not in found.ended]
        documents = self._lister.documents(found, sort=sort, limit=limit, detail=bool(problem), id=problem)
        told = [each async for each in in_slices(documents, Lane.ANSWER)]
        text = self._begin(LONG)
        if problem:
            if not told:
                raise Refusal(404, "not-found", f"there is no problem {problem!r}; it may have ended")
            self._detailed(text, told[0])
            return _ended(text)
        where = f" concerning what matches {quoted(search)}" if filter else ""
        text.add(f"{_number(len(standing), 'problem')}{where}." if standing else self._nothing(where))
        shown = 0
        for number, each in enumerate(told, 1):
            if not text.add(*self._problem(each, number)):
                break
            shown += "ended" not in each
        if shown < len(standing):
            text.end(f"Left out: {len(standing) - shown} more; narrow with search, or raise limit.")
        return str(text)

    async def why(self, resource: str) -> str:
        """The chain of causes of a resource, or what breaks because it does not exist."""
        try:
            node = await self._find(resource)
        except Refusal as refusal:
            return await self._why_missing(resource, refusal)
        told = await self._studies.why(node.uid)
        text, now = self._begin(SHORT), time.time()
        chain: Sequence[Json] = told["chain"]
        if not chain:
            text.add(f"{name_of(told['node'])} is {status_of(told['node'], now)}", *_said(told["node"]))
            self._needs(text, told["needs"])
            return _ended(text)
        self._chain(text, chain, now)
        for other in told["others"][: MOST_CHAINS - 1]:
            text.add(f"Another cause: {name_of(other[0])} {status_of(other[0], now)}", *_said(other[0]))
        rest = len(told["others"]) - (MOST_CHAINS - 1)
        if rest > 0:
            text.end(f"Left out: {_number(rest, 'more cause')}; `relations` tells what it needs.")
        if told["problems"]:
            text.add(f"Part of problem {listed(told['problems'], 2)}.")
        return _ended(text)

    async def _why_missing(self, resource: str, refusal: Refusal) -> str:
        if refusal.status != 404:
            raise refusal
        name = parse_name(resource, self._rules.words)
        for problem in self._lister.documents(await self._lister.everything(), detail=True):
            cause = problem["cause"]
            if cause.get("missing") and name.matches_identity(cause):
                text = self._begin(SHORT)
                text.add(f"{name_of(cause)}: it does not exist, and others need it.")
                self._detailed(text, problem)
                return _ended(text)
        raise refusal

    async def impact(self, resource: str, action: str) -> str:
        """What would happen without a resource."""
        node = await self._find(resource)
        told = await self._studies.impact(node.uid, action)
        text = self._begin(USUAL)
        text.add(f"If {name_of(told['target'])} {_ACTIONS[action]}:")
        hit = False
        for level, words in _LEVELS:
            if told["counts"][level]:
                hit = True
                text.add(f"{words}: {counts(told['counts'][level])}")
                text.add_names("  ", told["levels"][level], 8)
        if not hit:
            text.add("Nothing else would stop, degrade or lose a copy.")
        for key, words in (("entries", "Users would notice"), ("later", "Fails when started again")):
            if told[key]:
                text.add_names(f"{words}: ", told[key], 8)
        self._evictions(text, told["evictions"])
        for each in told["blocks"][:MOST_EVENTS]:
            text.add(f"In the way: {name_of(each)}: {quoted(each['why'])}")
        if told["releases"]:
            names = [release_of(each) for each in told["releases"]]
            text.add(f"Releases: {listed(names)}")
        return _ended(text)

    async def find(self, search: str, limit: int) -> str:
        """The best hits of a search."""
        told = await find_hits(self._source, self._filter(search), limit)
        text, now, shown = self._begin(LONG), time.time(), 0
        text.add(f"{_number(told['total'], 'resource')} found.")
        for hit in told["hits"]:
            message = f" {quoted(hit['message'], 100)}" if hit["message"] and hit["status"] != "Ready" else ""
            release = f" (release {plain(hit['release'])})" if hit["release"] else ""
            if not text.add(f"{name_of(hit)} {status_of(hit, now)}{release}{message}"):
                break
            shown += 1
        if shown < told["total"]:
            text.end(f"Left out: {told['total'] - shown} more; narrow the search, or raise limit.")
        return str(text)

    async def describe(self, resource: str) -> str:
        """One resource."""
        node = await self._find(resource)
        document, now = node.document(), time.time()
        text = self._begin(USUAL)
        text.add(f"{name_of(identity(node))} is {status_of(document, now)}", *_said(document))
        text.add(f"uid {plain(node.uid)}")
        if "own" in document:
            text.add(f"By itself it is {status_of(document['own'], now)}.")
        if node.release:
            text.add(
                f"release {plain(node.release)} in {plain(node.release_namespace)}, chart {plain(node.chart)}"
            )
        for owner in self._owners(node):
            text.add(f"owned by {owner}")
        for each in document.get("unresolved", ()):
            missing = name_of({**each, "cluster": node.cluster})
            text.add(f"missing: {missing} ({edge_of(each)})")
        for key, values in (("facts", document.get("metadata", {})), ("labels", node.labels())):
            if values:
                text.add(f"{key}: {_facts(values)}")
        for event in list(await self._source.events(node) or ())[:MOST_EVENTS]:
            times = f" x{event.count}" if event.count > 1 else ""
            text.add(f"{event.type} {event.last}{times} {plain(event.reason)}: {quoted(event.message)}")
        return _ended(text)

    async def relations(self, resource: str, to: str, limit: int) -> str:
        """What a resource is linked to, or how it is linked to another."""
        node = await self._find(resource)
        if to:
            return await self._ways(node, await self._find(to))
        total, best = await self._links(node, limit)
        text, told = self._begin(LONG), 0
        text.add(f"{name_of(identity(node))}:")
        for link in best:
            arrow = "<-" if link.incoming else "->"
            edge = edge_of({"type": link.edge.type, "field": link.edge.field})
            if not text.add(f"{arrow} {edge}: {name_of(identity(link.other))} {link.other.status}"):
                break
            told += 1
        if not total:
            text.add("linked to nothing")
        if told < total:
            more = _number(total - told, "more link")
            text.end(f"Left out: {more}; raise limit, or `find` with uses: or used-by:.")
        return str(text)

    async def coverage(self) -> str:
        """How far the graph may be trusted, and what is in it."""
        async for _ in in_slices(self._hub.stats.count(), Lane.ANSWER):
            pass
        state, stats = self._source.state.refresh(), self._hub.stats
        text = self._begin(USUAL)
        for cluster in state.clusters or ():
            why = f": {quoted(cluster.why)}" if cluster.why else ""
            text.add(f"cluster {plain(cluster.name)}: {cluster.state} since {cluster.since}{why}")
        text.add(f"{state.progress.kinds} of {state.progress.of} kinds are listed.")
        for gap in state.partial:
            text.add(f"incomplete: {plain(gap.kind)}, {gap.reason}: {quoted(gap.why)}")
        by_status: Counter[str] = Counter()
        by_kind: Counter[str] = Counter()
        for (kind, status), number in stats.nodes.items():
            by_status[status] += number
            by_kind[kind] += number
        total = sum(by_status.values())
        levels = ", ".join([f"{by_status[level]} {level}" for level in WORST_FIRST if by_status[level]])
        text.add(f"{_number(total, 'resource')}: {levels or 'none'}; {sum(stats.edges.values())} edges.")
        text.add(f"kinds: {counts(+by_kind, 40)}")
        return _ended(text)

    def absent(self, said: str) -> str:
        """That something is not there, and if it may be there all the same, how far that may be trusted."""
        state = self._source.state.refresh()
        if state.state == "live" and state.coverage is None:
            return said
        return f"{said}\nNot everything is known: {heading(state, self._hub.graph)}"

    # What they share

    def _begin(self, room: int) -> AnswerText:
        text = AnswerText(room)
        text.add(heading(self._source.state.refresh(), self._hub.graph))
        return text

    async def _concerning(self, filter: Filter, found: FoundProblems) -> FoundProblems:
        """The problems that concern anything of this: their causes may lie elsewhere, such as in a Node."""
        nodes, uids = (await self._hub.snapshot(filter)).nodes, set[str]()
        # Agents that ask the same get the same snapshot in the same turn of the loop.
        async for stretch in in_slices(stretches(nodes), Lane.ANSWER):
            uids.update([node.uid for node in stretch])
        concerned = [each for each in found.problems if not uids.isdisjoint((*each.members, *each.affected))]
        return found._replace(problems=concerned)

    def _filter(self, search: str) -> Filter:
        return parse_query({"q": [search]}, self._rules) if search.strip() else EVERYTHING

    async def _find(self, resource: str) -> Node:
        return await find_named(self._source, self._rules.words, resource)

    def _nothing(self, where: str) -> str:
        state = self._source.state.current
        if state.state == "live" and state.coverage is None:
            return f"Nothing is broken{where}."
        return f"No problem is known{where}; see the first line for what is not known."

    def _problem(self, problem: Json, number: int) -> list[str]:
        now, cause = time.time(), problem["cause"]
        alike = f" and {cause['count'] - 1} alike" if cause.get("count", 1) > 1 else ""
        ended = "Ended: " if "ended" in problem else ""
        lines = [
            f"{number}. {ended}{status_of(problem, now)}: {name_of(cause)}{alike} [problem {problem['id']}]"
        ]
        lines += _said(problem)
        affected = problem["affected"]
        if affected["total"]:
            breaks = f"   breaks {counts(affected['kinds'])}"
            if problem["entries"]:
                breaks += f"; users notice {names_of(problem['entries'], 3)}"
            lines.append(breaks)
        if problem["releases"]:
            names = [release_of(each) for each in problem["releases"]]
            lines.append(f"   release {listed(names, 3)}")
        return lines

    def _detailed(self, text: AnswerText, problem: Json) -> None:
        """One problem, what it affects, and the way from where users notice it."""
        for line in self._problem(problem, 1):
            text.add(line)
        nodes = problem["affected"].get("nodes", ())
        if len(problem["path"]) > 1:
            text.add(f"   way: {' -> '.join(map(name_of, problem['path']))}")
        if nodes:
            text.add_names("   affected: ", nodes, 40)

    def _chain(self, text: AnswerText, chain: Sequence[Json], now: float) -> None:
        """The root first. A long chain loses its middle."""
        cut = len(chain) - MOST_STEPS
        for number, step in enumerate(chain):
            if cut > 0 and 2 <= number < 2 + cut:
                if number == 2:
                    text.add(f"... {cut} steps ...")
                continue
            by = f" ({edge_of(step)})" if number and edge_of(step) else ""
            status = "" if step.get("missing") else f" {status_of(step, now)}"
            lead = "Root cause: " if not number else "-> "
            # The words of what lies between mostly repeat those of the root.
            said = _said(step) if number in (0, len(chain) - 1) else []
            text.add(f"{lead}{name_of(step)}{status}{by}", *said)

    @staticmethod
    def _needs(text: AnswerText, needs: Sequence[Json]) -> None:
        for need in needs[:MOST_FACTS]:
            if not text.add(f"needs {name_of(need)} {need.get('status', '')} ({edge_of(need)})"):
                break

    @staticmethod
    def _evictions(text: AnswerText, evictions: Sequence[Json]) -> None:
        if not evictions:
            return
        outcomes = Counter([each["outcome"] for each in evictions])
        text.add(f"Evictions: {counts(outcomes)}")
        for each in evictions:
            if each["outcome"] in ("refused", "blocked"):
                by = f" by {name_of(each['by'])}" if "by" in each else ""
                if not text.add(
                    f"  {each['outcome']}: {name_of(each['pod'])}{by}: {quoted(each.get('why', ''))}"
                ):
                    break

    def _owners(self, node: Node) -> Iterable[str]:
        graph = self._hub.graph
        for edge in graph.incoming(node.uid):
            if edge.type == "owns":
                yield name_of(identity(graph.nodes[edge.source]))

    async def _links(self, node: Node, limit: int) -> tuple[int, list[_Link]]:
        """How many links a resource has, and those that matter most."""
        graph = self._hub.graph
        edges = [*graph.outgoing(node.uid), *graph.incoming(node.uid)]
        best: list[_Link] = []
        async for stretch in in_slices(_in_stretches(edges), Lane.ANSWER):
            links = []
            for edge in stretch:
                incoming = edge.source != node.uid
                other = graph.nodes.get(edge.source if incoming else edge.target)
                if other is not None:  # it may be gone meanwhile
                    links.append(_Link(incoming, edge, other))
            best = nsmallest(limit, [*best, *links], key=_by_weight)
        return len(edges), best

    async def _ways(self, node: Node, to: Node) -> str:
        told = await self._studies.path(node.uid, to.uid)
        text = self._begin(LONG)
        if not told["ways"]:
            text.add(f"{name_of(identity(node))} and {name_of(identity(to))} are not linked.")
        for way in told["ways"]:
            steps = [name_of(way[0])]
            for here, there in pairwise(way):
                arrow = f"-{here['type']}->" if here["forward"] else f"<-{here['type']}-"
                steps += [arrow, name_of(there)]
            text.add(" ".join(steps))
        return _ended(text)


#: How hard something is hit, in words.
_LEVELS = (("stops", "Stops"), ("degrades", "Degrades"), ("losesCopy", "Loses a copy"))
_ACTIONS = {
    "fail": "fails",
    "delete": "is deleted",
    "restart": "is restarted",
    "drain": "is drained",
    "cordon": "is cordoned",
}


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _said(one: Json) -> list[str]:
    """The message of a status, if it has one, and the newest Warning if that says more."""
    message, warning = one.get("message", ""), one.get("warning")
    lines = [f"   {quoted(message)}"] if message else []
    if warning is not None and warning["message"] not in message:
        lines.append(f"   Warning {plain(warning['reason'])}: {quoted(warning['message'])}")
    return lines


def _facts(values: Mapping[str, Any]) -> str:
    """Keys with their values, as far as there is room."""
    shown = [f"{plain(key)}={_value(value)}" for key, value in list(values.items())[:MOST_FACTS]]
    more = len(values) - MOST_FACTS
    return " ".join(shown) + (f" and {more} more" if more > 0 else "")


def _value(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value, LONGEST_FACT)
    return quoted(json_text(value), LONGEST_FACT) if isinstance(value, list | dict) else json_text(value)


def _in_stretches(edges: Sequence[Edge]) -> Iterator[Sequence[Edge]]:
    for begin in range(0, len(edges), _STRETCH):
        yield edges[begin : begin + _STRETCH]


def _by_weight(link: _Link) -> tuple[bool, bool, int, str, str]:
    """What it needs before what needs it; not what pictures hide, the worst, then by type and name."""
    type, other = link.edge.type, link.other
    hidden = EDGE_TYPES[type].hidden if type in EDGE_TYPES else False
    return link.incoming, hidden, WORST_FIRST.index(other.status), type, other.name


def _ended(text: AnswerText) -> str:
    """The text, and that something was left out."""
    if text.left_out:
        text.end("Left out: what found no room here; ask for a part of it.")
    return str(text)
