"""The schema: the same for every cluster, whatever custom kinds come and go.

A built-in kind has a type of its own with typed `details`. Custom kinds are `CustomResource`s, whose metadata
is JSON: if their types came and went with the cluster, generated clients would break, and every valid query
would have to be validated again.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
)

from astrolabe.graph.causes.documents import SORTS
from astrolabe.graph.causes.impact import ACTIONS
from astrolabe.graph.views.filter_fields import FILTER_FIELDS
from astrolabe.http.graphql import relations, resolvers
from astrolabe.http.graphql.connections import PAGE_ARGUMENTS, connection_type
from astrolabe.http.graphql.shapes import EDGE_TYPE, JSON, STATUS, ShapeTypes, enum, list_of, plain
from astrolabe.http.graphql.updates import SUBSCRIPTIONS, update_fields
from astrolabe.http.openapi import problem_shapes, process, shapes
from astrolabe.kinds.builtin import builtin_kinds
from astrolabe.kinds.metadata import NoMetadata

CUSTOM = "CustomResource"

DIRECTION = GraphQLEnumType(
    "Direction",
    {
        "OUT": GraphQLEnumValue(relations.OUT, description="From the resource to what it uses or owns."),
        "IN": GraphQLEnumValue(relations.IN, description="From what uses or owns the resource."),
    },
    description="Which way an edge leads, seen from a resource.",
)


@cache
def schema() -> GraphQLSchema:
    """The schema. It depends on nothing but the program."""
    return _SchemaMaker().schema()


def _argument(type: Any, description: str, default: Any = None) -> GraphQLArgument:
    if default is None:
        return GraphQLArgument(type, description=description)
    return GraphQLArgument(GraphQLNonNull(type), default_value=default, description=description)


#: The arguments of a field, by name.
Arguments = dict[str, GraphQLArgument]


class _SchemaMaker:
    """Makes the types, each once."""

    def __init__(self) -> None:
        self.types = ShapeTypes({problem_shapes.ProblemNode: self._linked})
        self.filter = GraphQLInputObjectType(
            "Filter",
            {
                each.name: GraphQLInputField(
                    GraphQLList(GraphQLNonNull(STATUS if each.closed == "Status" else GraphQLString))
                    if each.shape == "values"
                    else GraphQLString,
                    description=each.description,
                )
                for each in FILTER_FIELDS.values()
            },
            description="A part of the graph, as in REST. One of several values must match, and all fields.",
        )
        self.resource = GraphQLInterfaceType(
            "Resource",
            lambda: self._common(),
            resolve_type=lambda source, *_: self.type_of.get(source.node.kind, CUSTOM),
            description="One resource of the cluster. What has no value is null.",
        )
        self.edge = GraphQLObjectType("Edge", lambda: self._edge(), description=shapes.EdgeShape.__doc__)
        self.resources = connection_type("Resource", self.resource, "resources")
        self.edges = connection_type("Edge", self.edge, "edges")
        self.type_of = {kind.key: kind.name for kind in builtin_kinds()}
        self.kinds = [self._kind(kind.name, kind.shows) for kind in builtin_kinds()]
        self.kinds.append(self._kind(CUSTOM, NoMetadata))
        self.problem = self.types.of(problem_shapes.Problem)

    def schema(self) -> GraphQLSchema:
        return GraphQLSchema(
            query=GraphQLObjectType("Query", self._query(), description="The graph at one place in history."),
            subscription=GraphQLObjectType(
                "Subscription", self._subscription(), description="The graph, and every change of it."
            ),
            types=self.kinds,
            description="A live graph of a Kubernetes cluster.",
        )

    def _common(self) -> dict[str, GraphQLField]:
        fields = self.types.fields(shapes.NodeShape)
        fields["uid"] = plain(GraphQLNonNull(GraphQLID), "uid", "The uid in Kubernetes.")
        fields["metadata"] = plain(
            GraphQLNonNull(JSON),
            "metadata",
            "What is shown of the manifest. `details` has the same with types.",
        )
        # Nodes that an older version stored may lack these.
        for name in ("namespace", "message"):
            fields[name] = plain(fields[name].type, name, fields[name].description, "")
        types = _argument(GraphQLList(GraphQLNonNull(EDGE_TYPE)), "Only along edges of these types.")
        owner = "The resource that owns it: a Pod's ReplicaSet. Of several owners, the first by uid."
        uses = "What it uses, selects, mounts or runs on: where its outgoing edges lead, but for `owns`."
        return fields | {
            "owner": GraphQLField(self.resource, resolve=resolvers.owner, description=owner),
            "owns": self._related(resolvers.owns, "What it owns."),
            "uses": self._related(resolvers.uses, uses, type=types),
            "usedBy": self._related(resolvers.used_by, "What uses, selects or mounts it.", type=types),
            "pods": self._related(
                resolvers.pods,
                "Its Pods: those that it owns or selects, and those that use it.",
            ),
            "node": GraphQLField(
                self.resource, resolve=resolvers.node_of, description="The Node that it runs on."
            ),
            "edges": GraphQLField(
                GraphQLNonNull(self.edges),
                args={
                    "type": types,
                    "direction": _argument(DIRECTION, "Only those that lead this way."),
                    **PAGE_ARGUMENTS,
                },
                resolve=resolvers.edges_of,
                description="Its edges, with the resources at their other ends.",
            ),
        }

    def _related(self, resolver: Any, description: str, **args: GraphQLArgument) -> GraphQLField:
        return GraphQLField(
            GraphQLNonNull(self.resources),
            args={**args, **PAGE_ARGUMENTS},
            resolve=resolver,
            description=description,
        )

    def _kind(self, name: str, shows: type[msgspec.Struct]) -> GraphQLObjectType:
        def fields() -> dict[str, GraphQLField]:
            if shows is NoMetadata:
                return self._common()
            details = GraphQLField(
                GraphQLNonNull(self.types.of(shows)),
                resolve=lambda source, _: source.document["metadata"],
                description="What is shown of the manifest.",
            )
            return {**self._common(), "details": details}

        what = (
            f"A {name}."
            if name != CUSTOM
            else "A resource of a custom kind, which `kind` and `apiVersion` say."
        )
        return GraphQLObjectType(name, fields, interfaces=[self.resource], description=what)

    def _edge(self) -> dict[str, GraphQLField]:
        ends = {
            "source": "The resource that uses, owns or selects.",
            "target": "The resource that is used, owned or selected.",
            "other": "Of the edge of a resource: the one at its other end.",
        }
        return self.types.fields(shapes.EdgeShape) | {
            name: GraphQLField(self.resource, resolve=getattr(resolvers, f"edge_{name}"), description=what)
            for name, what in ends.items()
        }

    def _linked(self) -> dict[str, GraphQLField]:
        """Of what names a resource."""
        what = "The resource itself, if it exists."
        return {"resource": GraphQLField(self.resource, resolve=resolvers.named, description=what)}

    def _query(self) -> dict[str, GraphQLField]:
        uid = {"uid": GraphQLArgument(GraphQLNonNull(GraphQLID), description="The uid of the resource.")}
        filter = {"filter": _argument(self.filter, "Which part of the graph; all of it unless given.")}
        types = {"type": _argument(GraphQLList(GraphQLNonNull(EDGE_TYPE)), "Only edges of these types.")}
        return {
            **self._of_graph(uid, filter, types),
            **self._of_problems(filter),
            **self._of_studies(uid, types),
            **self._of_lists(filter),
        }

    def _of_graph(self, uid: Arguments, filter: Arguments, types: Arguments) -> dict[str, GraphQLField]:
        q = {"q": _argument(GraphQLString, "A search, as in `filter`.")}
        return {
            "node": self._root(self.resource, "node", "One resource, or null.", uid),
            "nodes": self._root(
                GraphQLNonNull(self.resources),
                "nodes",
                "Resources, by namespace, kind and name.",
                {**filter, **q, **PAGE_ARGUMENTS},
            ),
            "edges": self._root(
                GraphQLNonNull(self.edges),
                "edges",
                "The edges between the resources of a part of the graph.",
                {**filter, **types, **PAGE_ARGUMENTS},
            ),
        }

    def _of_problems(self, filter: Arguments) -> dict[str, GraphQLField]:
        return {
            "problems": self._root(
                list_of(self.problem),
                "problems",
                "What is broken, by cause, the worst first. See `/api/v1/problems`.",
                {
                    **filter,
                    "sort": _argument(
                        enum("ProblemOrder", SORTS, "The order of problems."), "The order.", "severity"
                    ),
                    "first": PAGE_ARGUMENTS["first"],
                },
            ),
            "problem": self._root(
                self.problem,
                "problem",
                "One problem, or null.",
                {"id": GraphQLArgument(GraphQLNonNull(GraphQLID), description="Its id.")},
            ),
        }

    def _of_studies(self, uid: Arguments, types: Arguments) -> dict[str, GraphQLField]:
        """Questions about one resource, or about two."""
        return {
            "why": self._root(
                self.types.of(problem_shapes.Why),
                "why",
                "Why a resource is as it is. Null if it does not exist.",
                uid,
            ),
            "impact": self._root(
                self.types.of(problem_shapes.ImpactReport),
                "impact",
                "What would happen without a resource. Null if it does not exist.",
                {
                    **uid,
                    "action": _argument(
                        enum("Action", ACTIONS, "What may happen to a resource."),
                        "What happens to it.",
                        "fail",
                    ),
                },
            ),
            "path": self._root(
                self.types.of(problem_shapes.Ways),
                "path",
                "The shortest ways between two resources. Null if one of them does not exist.",
                {
                    "from": GraphQLArgument(
                        GraphQLNonNull(GraphQLID), description="Where it begins.", out_name="start"
                    ),
                    "to": GraphQLArgument(
                        GraphQLNonNull(GraphQLID), description="Where it ends.", out_name="end"
                    ),
                    **types,
                },
            ),
        }

    def _of_lists(self, filter: Arguments) -> dict[str, GraphQLField]:
        """What REST lists, and the state of all."""
        return {
            "releases": self._root(
                list_of(self.types.of(shapes.ReleaseShape)),
                "releases",
                "Helm releases. See `/api/v1/releases`.",
                filter,
            ),
            "namespaces": self._root(
                list_of(GraphQLString), "namespaces", "The names of namespaces, sorted.", filter
            ),
            "kinds": self._root(
                list_of(self.types.of(shapes.KindInfo)),
                "kinds",
                "The kinds that are watched, custom ones too.",
                filter,
            ),
            "clusters": self._root(
                list_of(self.types.of(process.CountedCluster)),
                "clusters",
                "The clusters that are served, each with its state.",
                {},
            ),
            "state": self._root(
                GraphQLNonNull(self.types.of(process.Trust, "State")),
                "state",
                "How complete and fresh the graph is.",
                {},
            ),
        }

    def _root(self, type: Any, name: str, description: str, args: Arguments) -> GraphQLField:
        return GraphQLField(type, args=args, resolve=getattr(resolvers, name), description=description)

    def _subscription(self) -> dict[str, GraphQLField]:
        updates = update_fields(self.resource, self.edge, self.problem)
        args = {
            "filter": _argument(self.filter, "Which part of the graph; all of it unless given."),
            "since": _argument(
                GraphQLString, "Resume from this `position`: what has changed since then comes first."
            ),
        }
        return {
            name: GraphQLField(
                GraphQLNonNull(updates[each.update]),
                args=args,
                subscribe=each.subscribe,
                resolve=lambda update, _, **__: update,
                description=each.description,
            )
            for name, each in SUBSCRIPTIONS.items()
        }
