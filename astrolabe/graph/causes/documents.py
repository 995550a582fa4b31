"""Problems as JSON objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from astrolabe.graph.causes.arcs import Item
from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.causes.problems import MOST_NAMED, FoundProblem, describe, tell_release

Json = dict[str, Any]

#: The orders of a list of problems.
SORTS: dict[str, Callable[[FoundProblem], Any]] = {
    "severity": lambda problem: problem.rank,
    "reach": lambda problem: (problem.rank[1], problem.rank),
    "age": lambda problem: (problem.since or "9", problem.rank),
    "newest": lambda problem: (_reversed(problem.since), problem.rank),
    "affected": lambda problem: (-_affected(problem), problem.rank),
}


def _reversed(text: str) -> tuple[int, ...]:
    """Texts of times in reversed order; none comes last."""
    return tuple(-ord(character) for character in text) or (1,)


def _affected(problem: FoundProblem) -> int:
    """How many it affects, those that do not exist among them."""
    return len(problem.affected) + len(problem.absent)


def document_of(
    causes: Causes,
    problem: FoundProblem,
    *,
    id: str,
    also: Sequence[str] = (),
    coverage: Sequence[str] = (),
    detail: bool = False,
) -> Json:
    """A problem; see the API's description for what its keys mean."""
    affected: Json = {"total": _affected(problem), "kinds": problem.kinds}
    if detail:
        items: list[Item] = [uid for uid in problem.affected if causes.graph.node(uid) is not None]
        affected["nodes"] = [describe(causes, item) for item in (*items, *problem.absent)]
    document: Json = {
        "id": id,
        "status": problem.status,
        "reason": problem.reason,
        "message": problem.message,
        "reach": problem.reach,
    }
    if problem.since:
        document["since"] = problem.since
    if problem.cluster:
        document["cluster"] = problem.cluster
    return {
        **document,
        "cause": _cause(causes, problem, detail=detail),
        "affected": affected,
        "entries": [_who(causes, problem, uid) for uid in problem.entries[:MOST_NAMED]],
        "releases": list(map(tell_release, problem.releases)),
        "namespaces": list(problem.namespaces),
        "path": _path_of(causes, problem),
        "also": list(also),
        "coverage": list(coverage),
    }


def _cause(causes: Causes, problem: FoundProblem, *, detail: bool) -> Json:
    if problem.missing is not None:
        return describe(causes, problem.missing)
    cause = dict(_who(causes, problem, problem.members[0]))
    if len(problem.members) > 1:
        shown = problem.members if detail else problem.members[:MOST_NAMED]
        cause["count"] = len(problem.members)
        cause["members"] = [_who(causes, problem, uid) for uid in shown]
    return cause


def _path_of(causes: Causes, problem: FoundProblem) -> list[Json]:
    """A path along edges: each step names a resource, and the edge that leads to the next."""
    steps = []
    for item, arc in problem.path:
        step = dict(_who(causes, problem, item))
        if arc is not None:
            step["type"] = arc.type
            step["field"] = list(arc.field)
        steps.append(step)
    return steps


def _who(causes: Causes, problem: FoundProblem, item: Item) -> Json:
    """The resource that it is, or was: an ended problem names its Pods although they may be gone."""
    if isinstance(item, str) and causes.graph.node(item) is None and item in problem.names:
        return problem.names[item]
    return describe(causes, item)
