"""Searches as people write them, and slowly, from the documents of nodes, what each must find."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from hypothesis import strategies as st

from astrolabe.graph.search.parser import parse
from astrolabe.graph.search.term import Term
from astrolabe.graph.state.graph import ReadableGraph

Json = dict[str, Any]


class Spoken(NamedTuple):
    """A term as it is written. values: with `*`, unless `quoted`."""

    field: str
    operator: str
    values: tuple[str, ...]
    negated: bool
    quoted: bool

    def __str__(self) -> str:
        values = ",".join(f'"{value}"' if self.quoted else value for value in self.values)
        return f"{'-' if self.negated else ''}{self.field}{self.operator if self.field else ''}{values}"


class Words:
    """The words of a small world of kinds."""

    metadata = ("n", "pods", "creationTimestamp")
    cluster = "Prod-1"
    clusters = None
    kinds = ("Pod", "Service", "Ingress", "PersistentVolume", "Namespace", "Secret")
    _KINDS = {"po": "Pod", "pods": "Pod", "svc": "Service", "ing": "Ingress", "pv": "PersistentVolume"}

    def kind(self, word: str, /) -> str:
        for kind in self.kinds:
            if word.lower() == kind.lower() or self._KINDS.get(word.lower()) == kind:
                return kind
        raise ValueError(f"unknown kind {word!r}")


WORDS = Words()

_OBJECTS = ("pod/x", "pod/*", "svc/y", "x", "po/a/x", "pods/b/*", "*/x", "secret/y", "pv/*")
_VALUES: dict[str, tuple[str, ...]] = {
    "": ("x", "pod", "r1", "ervice", "*", "p*d", "Read", "backends", "a", "[]"),
    "name": ("x", "y", "X", "*", "z*"),
    "ns": ("a", "b", "A*", "*"),
    "cluster": ("prod-1", "PROD*", "*1", "test"),
    "kind": ("po", "Service", "pods", "*e*", "ing"),
    "status": ("ready", "Error"),
    "reason": ("Ready", "pods", "Back*", "*"),
    "message": ("x", "['nobody']", "*", "error"),
    "release": ("r1", "r2", "r*"),
    "chart": ("c-1", "*", "c*"),
    "label": ("app", "app=1", "helm=*", "none"),
    "owner": _OBJECTS,
    "unresolved": ("true", "false", "pod/x", "secret/*"),
    "uses": _OBJECTS,
    "used-by": _OBJECTS,
    "edge": ("owns", "mounts", "uses-secret", "binds"),
    "metadata.n": ("0", "1", "*"),
    "metadata.pods": ("x", "y", "*"),
}
_BOUNDS = {
    "metadata.n": ("0", "1", "2.5", "-1"),
    "created": ("2025-01-01", "2026-01-01T00:00:00Z", "2027-05-05T01:02:03+02:00"),
}


def _spoken() -> st.SearchStrategy[Spoken]:
    plain = st.sampled_from(sorted(_VALUES)).flatmap(
        lambda field: st.builds(
            Spoken,
            field=st.just(field),
            operator=st.just(":"),
            values=st.lists(st.sampled_from(_VALUES[field]), min_size=1, max_size=2).map(tuple),
            negated=st.booleans(),
            quoted=st.booleans()
            if field not in ("kind", "uses", "used-by", "owner", "edge")
            else st.just(False),
        )
    )
    compared = st.sampled_from(sorted(_BOUNDS)).flatmap(
        lambda field: st.builds(
            Spoken,
            field=st.just(field),
            operator=st.sampled_from((">", ">=", "<", "<=")),
            values=st.sampled_from(_BOUNDS[field]).map(lambda bound: (bound,)),
            negated=st.booleans(),
            quoted=st.just(False),
        )
    )
    return st.one_of(plain, plain, plain, compared)


#: What was said, by what it was parsed to.
SAID: dict[tuple[Term, ...], tuple[Spoken, ...]] = {(): ()}


def _parsed(spoken: tuple[Spoken, ...]) -> tuple[Term, ...]:
    terms = parse(" ".join(map(str, spoken)), WORDS)
    SAID[terms] = spoken
    return terms


searches = st.one_of(st.just(()), st.lists(_spoken(), min_size=1, max_size=3).map(tuple).map(_parsed))


def found(terms: tuple[Term, ...], graph: ReadableGraph, uid: str) -> bool:
    """Whether a search finds a node, by what was said."""
    return all(_holds(each, graph, uid) is not each.negated for each in SAID[terms])


def _holds(spoken: Spoken, graph: ReadableGraph, uid: str) -> bool:
    node = graph.node(uid)
    assert node is not None
    document = node.document()
    if spoken.operator != ":":
        return any(_compares(text, spoken) for text in _texts(spoken.field, document, graph, uid))
    for value in spoken.values:
        for text in _texts(spoken.field, document, graph, uid):
            wanted = _meant(spoken.field, value).lower().replace("[", "[[]")
            wanted = wanted.replace("*", "[*]") if spoken.quoted else wanted
            if spoken.field in ("", "message"):
                wanted = f"*{wanted}*"
            if fnmatchcase(text.lower(), wanted):
                return True
    return False


def _meant(field: str, value: str) -> str:
    """With the kind's own name in place of another word for it."""
    if field == "kind" and "*" not in value:
        return WORDS.kind(value)
    kind, slash, rest = value.partition("/")
    if field in ("uses", "used-by", "owner", "unresolved") and slash and "*" not in kind:
        return f"{WORDS.kind(kind)}/{rest}"
    return value


def _texts(field: str, document: Json, graph: ReadableGraph, uid: str) -> Iterator[str]:
    match field:
        case "":
            for key in ("name", "kind", "namespace", "release", "reason", "message"):
                yield document.get(key, "")
        case "cluster":
            yield WORDS.cluster
        case "ns":
            yield document["namespace"]
        case "label":
            for key, value in document.get("labels", {}).items():
                yield from (key, f"{key}={value}")
        case "owner":
            for each in document.get("ownerReferences", ()):
                yield from (each["name"], f"{each['kind']}/{each['name']}")
        case "unresolved":
            yield "true" if "unresolved" in document else "false"
            yield from _missing(document)
        case "uses":
            yield from _missing(document)
            for edge in graph.outgoing(uid):
                if edge.type != "owns":
                    yield from _named(graph, edge.target)
        case "used-by":
            for edge in graph.incoming(uid):
                if edge.type != "owns":
                    yield from _named(graph, edge.source)
        case "edge":
            yield from (edge.type for edge in (*graph.outgoing(uid), *graph.incoming(uid)))
        case "metadata.n" | "metadata.pods" | "created":
            key = {"created": "creationTimestamp"}.get(field, field.removeprefix("metadata."))
            value = document["metadata"].get(key, [])
            yield from map(str, value if isinstance(value, list) else [value])
        case _:
            yield document.get(field, "")


def _missing(document: Json) -> Iterator[str]:
    for each in document.get("unresolved", ()):
        yield from _names(each["kind"], each.get("namespace", ""), each["name"])


def _named(graph: ReadableGraph, uid: str) -> Iterator[str]:
    other = graph.node(uid)
    assert other is not None
    yield from _names(other.kind, other.namespace, other.name)


def _names(kind: str, namespace: str, name: str) -> Iterator[str]:
    yield from (name, f"{kind}/{name}")
    if namespace:
        yield f"{kind}/{namespace}/{name}"


def _compares(text: str, spoken: Spoken) -> bool:
    (bound,) = spoken.values
    if spoken.field == "created":
        bound = {
            "2025-01-01": "2025-01-01T00:00:00Z",
            "2027-05-05T01:02:03+02:00": "2027-05-04T23:02:03Z",
        }.get(bound, bound)
        pair: Any = (text, bound)
    else:
        pair = (float(text), float(bound))
    return {
        ">": pair[0] > pair[1],
        ">=": pair[0] >= pair[1],
        "<": pair[0] < pair[1],
        "<=": pair[0] <= pair[1],
    }[spoken.operator]
