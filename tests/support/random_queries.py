"""Random queries, and what REST's documents say that their answers are: a second, naive reading of the schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from astrolabe.http.graphql.schema import schema

Json = dict[str, Any]
#: How a relation with pages chooses edges: by whether the edge leads away from the resource, and by its type.
RELATIONS: Mapping[str, Callable[[bool, str], bool]] = {
    "owns": lambda out, type: out and type == "owns",
    "uses": lambda out, type: out and type != "owns",
    "usedBy": lambda out, type: not out and type != "owns",
}
SINGLE: Mapping[str, Callable[[bool, str], bool]] = {
    "owner": lambda out, type: not out and type == "owns",
    "node": lambda out, type: out and type == "runs-on",
}
EDGE_FIELDS = ("type", "from", "to", "field")


class Selection:
    """The text of a selection, and what it makes of a document of REST."""

    def __init__(self, text: str, of: Callable[[Any], Any]) -> None:
        self.text = text
        self.of = of


class RestGraph:
    """The graph as REST answers it. kinds: as `/api/v1/kinds` lists them."""

    def __init__(self, document: Json, kinds: list[Json]) -> None:
        self._keys = {(kind["group"], kind["kind"].partition(".")[0]): kind["kind"] for kind in kinds}
        self.nodes: dict[str, Json] = {node["uid"]: node for node in document["nodes"]}
        self.edges: list[Json] = document["edges"]
        self._of: dict[str, list[tuple[bool, Json, str]]] = {uid: [] for uid in self.nodes}
        for edge in self.edges:
            self._of[edge["from"]].append((True, edge, edge["to"]))
            if edge["from"] != edge["to"]:
                self._of[edge["to"]].append((False, edge, edge["from"]))

    def place(self, node: Json) -> tuple[str, str, str, str]:
        """By what resources are sorted."""
        group = node["apiVersion"].rpartition("/")[0]
        return node["namespace"], self._keys[group, node["kind"]], node["name"], node["uid"]

    def others(self, uid: str, chooses: Callable[[bool, str], bool]) -> list[Json]:
        """The resources at the other ends of some edges, in the order of pages."""
        uids = {other for out, edge, other in self._of[uid] if chooses(out, edge["type"])}
        return sorted((self.nodes[each] for each in uids), key=self.place)

    def edges_of(self, uid: str) -> list[tuple[bool, Json, str]]:
        """Edges, whether they lead away, and the uids of their other ends; in the order of pages."""
        return sorted(self._of[uid], key=lambda each: (each[1]["type"], each[1]["from"], each[1]["to"]))


class Queries:
    """Makes random selections. The same seed makes the same."""

    def __init__(self, random: Random, graph: RestGraph) -> None:
        self.random = random
        self.graph = graph
        self._alias = 0

    def some(self, names: list[str]) -> list[str]:
        """One to four of these."""
        return self.random.sample(names, min(len(names), self.random.randint(1, 4)))

    def shape(self, type: GraphQLObjectType, depth: int = 3) -> Selection:
        """Some fields of an object that is a document of REST as it is."""
        chosen: dict[str, Callable[[Any], Any]] = {}
        texts = []
        for name in self.some([each for each in type.fields if each != "resource"]):
            field_type = type.fields[name].type
            inner = get_named_type(field_type)
            if is_leaf_type(inner):
                texts.append(name)
                chosen[name] = lambda value, enum=inner.name == "EdgeType": _leaf(value, enum=enum)
            elif depth and isinstance(inner, GraphQLObjectType):
                below = self.shape(inner, depth - 1)
                texts.append(f"{name} {{ {below.text} }}")
                chosen[name] = lambda value, of=below.of: _through(value, of)
        if not texts:
            return Selection("__typename", lambda _: {"__typename": type.name})
        return Selection(
            " ".join(texts), lambda document: {name: of(document.get(name)) for name, of in chosen.items()}
        )

    def resource(self, depth: int) -> Selection:
        """Some fields and relations of a resource."""
        common = schema().type_map["Resource"].fields  # type: ignore[attr-defined]
        shown = [name for name, field in common.items() if not field.args and name not in SINGLE]
        chosen: dict[str, Callable[[Json], Any]] = {}
        texts = []
        for name in self.some(shown):
            inner = get_named_type(common[name].type)
            if is_leaf_type(inner):
                texts.append(name)
                chosen[name] = lambda node, name=name: node.get(name)
            else:
                below = self.shape(inner, 1)
                texts.append(f"{name} {{ {below.text} }}")
                chosen[name] = lambda node, name=name, of=below.of: _through(node.get(name), of)
        for _ in range(self.random.randint(0, 2) if depth else 0):
            self._alias += 1
            alias = f"r{self._alias}"
            text, of = self._relation(depth)
            texts.append(f"{alias}: {text}")
            chosen[alias] = of
        return Selection(" ".join(texts), lambda node: {name: of(node) for name, of in chosen.items()})

    def _relation(self, depth: int) -> tuple[str, Callable[[Json], Any]]:
        kind = self.random.choice(("single", "page", "page", "edges"))
        if kind == "single":
            name = self.random.choice(list(SINGLE))
            below = self.resource(depth - 1)

            def one(node: Json) -> Any:
                others = self.graph.others(node["uid"], SINGLE[name])
                return below.of(min(others, key=lambda each: each["uid"])) if others else None

            return f"{name} {{ {below.text} }}", one
        first = self.random.randint(0, 5)
        if kind == "page":
            name = self.random.choice(list(RELATIONS))
            below = self.resource(depth - 1)
            text = (
                f"{name}(first: {first}) {{ totalCount nodes {{ {below.text} }} pageInfo {{ hasNextPage }} }}"
            )

            def page(node: Json) -> Any:
                return _page(self.graph.others(node["uid"], RELATIONS[name]), first, below.of)

            return text, page
        below, direction = self.resource(depth - 1), self.random.choice(("OUT", "IN"))
        shown = self.some(list(EDGE_FIELDS))
        text = (
            f"edges(first: {first}, direction: {direction}) "
            f"{{ totalCount nodes {{ {' '.join(shown)} other {{ {below.text} }} }} pageInfo {{ hasNextPage }} }}"
        )

        def edges(node: Json) -> Any:
            found = [
                (edge, other)
                for out, edge, other in self.graph.edges_of(node["uid"])
                if out is (direction == "OUT")
            ]
            return _page(
                found,
                first,
                lambda each: {
                    **{name: _leaf(each[0][name], enum=name == "type") for name in shown},
                    "other": below.of(self.graph.nodes[each[1]]),
                },
            )

        return text, edges


def _page(items: list[Any], first: int, of: Callable[[Any], Any]) -> Json:
    return {
        "totalCount": len(items),
        "nodes": [of(each) for each in items[:first]],
        "pageInfo": {"hasNextPage": len(items) > first},
    }


def _leaf(value: Any, *, enum: bool) -> Any:
    if not enum or value is None:
        return value
    return [_leaf(each, enum=True) for each in value] if isinstance(value, list) else value.replace("-", "_")


def _through(value: Any, of: Callable[[Any], Any]) -> Any:
    """Apply it to the object, or to each in lists."""
    if isinstance(value, list):
        return [_through(each, of) for each in value]
    return None if value is None else of(value)
