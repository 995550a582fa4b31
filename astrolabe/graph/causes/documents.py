"""Problems as JSON objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from astrolabe.graph.causes.arcs import Arc, Item
from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.causes.problems import MOST_NAMED, FoundProblem, describe

Json = dict[str, Any]

#: The orders of a list of problems.
SORTS: dict[str, Callable[[FoundProblem], Any]] = {
    "severity": lambda problem: problem.rank,
    "reach": lambda problem: (problem.rank[1], problem.rank),
    "age": lambda problem: (problem.since or "9", problem.rank),
    "newest": lambda problem: (_reversed(problem.since), problem.rank),
    "affected": lambda problem: (-len(problem.affected), problem.rank),
}


def _reversed(text: str) -> tuple[int, ...]:
    """Texts of times in reversed order; none comes last."""
    return tuple(-ord(character) for character in text) or (1,)


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
    affected: Json = {"total": len(problem.affected) + len(problem.absent), "kinds": problem.kinds}
    if detail:
        items: list[Item] = [*problem.affected, *problem.absent]
        affected["nodes"] = [describe(causes, item) for item in items]
    document: Json = {
        "id": id,
        "status": problem.status,
        "reason": problem.reason,
        "message": problem.message,
    }
    if problem.since:
        document["since"] = problem.since
    return {
        **document,
        "cause": _cause(causes, problem, detail=detail),
        "affected": affected,
        "entries": [describe(causes, uid) for uid in problem.entries[:MOST_NAMED]],
        "releases": [{"namespace": namespace, "name": name} for namespace, name in problem.releases],
        "namespaces": list(problem.namespaces),
        "path": path_of(causes, problem.path),
        "also": list(also),
        "coverage": list(coverage),
    }


def _cause(causes: Causes, problem: FoundProblem, *, detail: bool) -> Json:
    if problem.missing is not None:
        return describe(causes, problem.missing)
    cause = describe(causes, problem.members[0])
    if len(problem.members) > 1:
        shown = problem.members if detail else problem.members[:MOST_NAMED]
        cause["count"] = len(problem.members)
        cause["members"] = [describe(causes, uid) for uid in shown]
    return cause


def path_of(causes: Causes, path: Sequence[tuple[Item, Arc | None]]) -> list[Json]:
    """A way along edges: each step says who it is, and by which edge it leads to the next."""
    steps = []
    for item, arc in path:
        step = describe(causes, item)
        if arc is not None:
            step["type"] = arc.type
            step["field"] = list(arc.field)
        steps.append(step)
    return steps
