"""The resolvers of the schema. Each reads what other doors read, and knows no rule of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

from astrolabe.graph.state.edge_types import OWNS
from astrolabe.http.errors import Refusal
from astrolabe.http.graphql import relations
from astrolabe.http.graphql.connections import page_of
from astrolabe.http.graphql.context import Info, QueryContext, Resource, refused
from astrolabe.http.graphql.relations import IN, OUT, EdgeValue, edges_page, pods_of, resources_page

Json = dict[str, Any]


def _context(info: Info) -> QueryContext:
    return info.context


# Relations of a resource


def owner(source: Resource, info: Info) -> Resource | None:
    return relations.owner_of(source, _context(info))


def node_of(source: Resource, info: Info) -> Resource | None:
    return relations.runs_on(source, _context(info))


def _neighbours(
    source: Resource, info: Info, direction: str, types: Sequence[str] | None, first: int, after: str | None
) -> Any:
    """A page of what edges of these types lead to in this direction."""
    context = _context(info)
    uids = relations.neighbours(context, source.node.uid, direction, types)
    return resources_page(context, uids, page_of(first, after))


def owns(source: Resource, info: Info, first: int, after: str | None = None) -> Any:
    return _neighbours(source, info, OUT, (OWNS,), first, after)


def uses(
    source: Resource,
    info: Info,
    first: int,
    after: str | None = None,
    type: Sequence[str] | None = None,
) -> Any:
    return _neighbours(source, info, OUT, type, first, after)


def used_by(
    source: Resource,
    info: Info,
    first: int,
    after: str | None = None,
    type: Sequence[str] | None = None,
) -> Any:
    return _neighbours(source, info, IN, type, first, after)


def pods(source: Resource, info: Info, first: int, after: str | None = None) -> Any:
    return pods_of(_context(info), source.node.uid, page_of(first, after))


def edges_of(
    source: Resource,
    info: Info,
    first: int,
    after: str | None = None,
    type: Sequence[str] | None = None,
    direction: str | None = None,
) -> Any:
    context = _context(info)
    found = relations.edges_of(context.graph, source.node.uid, type, direction)
    return edges_page(context, found, page_of(first, after), source.node.uid)


def edge_source(source: EdgeValue, info: Info) -> Resource | None:
    return _context(info).resource(source.edge.source)


def edge_target(source: EdgeValue, info: Info) -> Resource | None:
    return _context(info).resource(source.edge.target)


def edge_other(source: EdgeValue, info: Info) -> Resource | None:
    return _context(info).resource(source.other)


def named(source: Json, info: Info) -> Resource | None:
    return _context(info).resource(source.get("uid", ""))


# The root. What needs a filter says so at once, before anything is awaited: see `QueryContext`.


async def node(_: Any, info: Info, uid: str) -> Resource | None:
    context = _context(info)
    await context.begin()
    return context.resource(uid)


def nodes(
    _: Any,
    info: Info,
    first: int,
    after: str | None = None,
    filter: Json | None = None,
    q: str | None = None,
) -> Awaitable[Any]:
    context, page = _context(info), page_of(first, after)
    if q is not None:
        filter = {**(filter or {}), "q": " ".join(part for part in ((filter or {}).get("q"), q) if part)}
    wanted = context.want(filter)

    async def answer() -> Any:
        await context.begin()
        found = resources_page(context, context.members(wanted), page)
        return await found if isinstance(found, Awaitable) else found

    return answer()


def edges(
    _: Any,
    info: Info,
    first: int,
    after: str | None = None,
    filter: Json | None = None,
    type: Sequence[str] | None = None,
) -> Awaitable[Any]:
    context, page = _context(info), page_of(first, after)
    wanted = context.want(filter)

    async def answer() -> Any:
        await context.begin()
        within = relations.edges_within(context.graph, context.members(wanted), type)
        found = edges_page(context, within, page)
        return await found if isinstance(found, Awaitable) else found

    return answer()


async def problems(_: Any, info: Info, first: int, sort: str, filter: Json | None = None) -> list[Json]:
    context = _context(info)
    page_of(first, None)
    part = context.filter(filter)
    try:
        found = await (context.lister.part(part) if part else context.lister.everything())
    except Refusal as refusal:
        raise refused(refusal) from None
    await context.begin()
    documents = context.lister.documents(found, sort=sort, limit=first, detail=_asks_for_nodes(info))
    return [document async for document in context.work.each(documents)]


async def problem(_: Any, info: Info, id: str) -> Json | None:
    context = _context(info)
    found = await context.lister.everything()
    await context.begin()
    return next(context.lister.documents(found, detail=True, id=id), None)


async def why(_: Any, info: Info, uid: str) -> Json | None:
    context = _context(info)
    await context.begin()
    return await _unless_unknown(context.studies.why(uid))


async def impact(_: Any, info: Info, uid: str, action: str) -> Json | None:
    context = _context(info)
    await context.begin()
    return await _unless_unknown(context.studies.impact(uid, action))


async def path(_: Any, info: Info, start: str, end: str, type: Sequence[str] | None = None) -> Json | None:
    context = _context(info)
    await context.begin()
    return await _unless_unknown(context.studies.path(start, end, type or ()))


async def releases(_: Any, info: Info, filter: Json | None = None) -> Any:
    return await _table(info, "releases", filter)


async def namespaces(_: Any, info: Info, filter: Json | None = None) -> Any:
    return await _table(info, "namespaces", filter)


async def kinds(_: Any, info: Info, filter: Json | None = None) -> Any:
    return await _table(info, "kinds", filter)


async def clusters(_: Any, info: Info) -> Any:
    context = _context(info)
    await context.begin()
    return await context.clusters()


async def state(_: Any, info: Info) -> Json:
    context = _context(info)
    await context.begin()
    return context.source.state.refresh().document()


async def _table(info: Info, name: str, filter: Json | None) -> Any:
    context = _context(info)
    part = context.filter(filter)
    await context.begin()
    try:
        return await context.tables(name, part)
    except Refusal as refusal:
        raise refused(refusal) from None


async def _unless_unknown(answer: Awaitable[Json]) -> Json | None:
    try:
        return await answer
    except Refusal as refusal:
        if refusal.status == 404:
            return None
        raise refused(refusal) from None


def _asks_for_nodes(info: Info) -> bool:
    """Whether the nodes that a problem affects may be asked for: a field of that name stands below it."""
    rest: list[Any] = [*info.field_nodes]
    while rest:
        selections = rest.pop().selection_set
        for each in selections.selections if selections else ():
            name = getattr(each, "name", None)
            if each.kind == "fragment_spread":
                rest.append(info.fragments[each.name.value])
            elif each.kind == "field" and name is not None and name.value == "nodes":
                return True
            else:
                rest.append(each)
    return False
