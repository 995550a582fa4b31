"""The requests to compare: the original's paths, with parameter values from earlier answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar
from urllib.parse import urlencode

T = TypeVar("T")

#: The shape of an answer: the process, a list of names or of resources, or nodes and edges.
AnswerShape = Literal["health", "names", "resources", "graph"]

#: A value that no cluster has: names in Kubernetes have no capital letters.
NOBODY = "No-Such-Name"


@dataclass(frozen=True)
class ApiPath:
    """One path of the original's API. parameters: as documented there."""

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
    """One request. target: path and query."""

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
    """Values for parameters: namespaces, releases, and (namespace, release) of resources."""

    namespaces: set[str]
    releases: set[str]
    pairs: set[tuple[str, str]]


def fixed() -> Iterator[ApiRequest]:
    """The requests that do not depend on the cluster."""
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
    """The requests with values from the cluster: at most this many of each kind; 0: all."""
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
    """At most this many of the values, evenly spread; 0: all."""
    if not most or len(values) <= most:
        return list(values)
    return [values[index * len(values) // most] for index in range(most)]
