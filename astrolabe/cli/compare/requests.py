"""What is asked: the original's paths, with values for their parameters that its answers name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar
from urllib.parse import urlencode

T = TypeVar("T")

#: What an answer is: the process, a list of names, of resources, or nodes and edges.
AnswerShape = Literal["health", "names", "resources", "graph"]

#: A value that no cluster has: no name of Kubernetes has a capital letter.
NOBODY = "No-Such-Name"


@dataclass(frozen=True)
class ApiPath:
    """One path of the original's API. parameters: those that its documentation names."""

    path: str
    shape: AnswerShape
    parameters: tuple[str, ...] = ()


HEALTH = ApiPath("/health", "health")
NAMESPACES = ApiPath("/api/v1/namespaces", "names")
RELEASES = ApiPath("/api/v1/releases", "names", ("namespace",))
CHARTS = ApiPath("/api/v1/charts", "names", ("namespace",))
RESOURCES = ApiPath("/api/v1/resources", "resources", ("release", "namespace"))
GRAPH = ApiPath("/api/v1/graph", "graph", ("release", "namespace"))

PATHS = (HEALTH, NAMESPACES, RELEASES, CHARTS, RESOURCES, GRAPH)


@dataclass(frozen=True)
class ApiRequest:
    """One request. target: path and query, as they are asked for."""

    path: ApiPath
    query: str = ""
    method: Literal["GET", "HEAD"] = "GET"
    slash: bool = False

    @property
    def target(self) -> str:
        query = f"?{self.query}" if self.query else ""
        return f"{self.path.path}{'/' if self.slash else ''}{query}"

    @property
    def shown(self) -> str:
        """For people."""
        return f"HEAD {self.target}" if self.method == "HEAD" else self.target


@dataclass(frozen=True)
class ParameterValues:
    """What parameters may be: names of namespaces and releases, and (namespace, release) of resources."""

    namespaces: set[str]
    releases: set[str]
    pairs: set[tuple[str, str]]


def fixed() -> Iterator[ApiRequest]:
    """What is asked whatever is in the cluster."""
    for path in PATHS:
        yield ApiRequest(path)
        yield ApiRequest(path, method="HEAD")
        yield ApiRequest(path, slash=True)
        yield ApiRequest(path, "_=1795594321123")  # as jQuery and Grafana ask, so that no cache answers
        for name in path.parameters:
            yield ApiRequest(path, f"{name}=")
            yield ApiRequest(path, f"{name}={NOBODY}")
        if len(path.parameters) > 1:
            yield ApiRequest(path, "&".join(f"{name}={NOBODY}" for name in path.parameters))


def named(values: ParameterValues, most: int) -> Iterator[ApiRequest]:
    """What is asked of what is in the cluster: of at most so many values of each kind; 0: of all."""
    namespaces = spread(sorted(values.namespaces), most)
    releases = spread(sorted(values.releases), most)
    pairs = spread(sorted(values.pairs), most)
    for path in PATHS:
        if "namespace" in path.parameters:
            yield from (ApiRequest(path, urlencode({"namespace": name})) for name in namespaces)
        if "release" in path.parameters:
            yield from (ApiRequest(path, urlencode({"release": name})) for name in releases)
            yield from (
                ApiRequest(path, urlencode({"release": release, "namespace": namespace}))
                for namespace, release in pairs
            )


def spread(values: Sequence[T], most: int) -> list[T]:
    """At most so many of them, evenly spread; 0: all."""
    if not most or len(values) <= most:
        return list(values)
    return [values[index * len(values) // most] for index in range(most)]
