"""Pages of lists: connections as Relay has them, in an order that does not change from page to page."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from heapq import nsmallest
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLError,
    GraphQLField,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
)

from astrolabe.graph.selector import quoted
from astrolabe.http.graphql.context import Work
from astrolabe.http.graphql.shapes import list_of

#: Items of a page unless `first` is given, and at most.
PAGE = 100
LARGEST_PAGE = 1000
#: Items that are looked at in one step.
STRETCH = 200

#: Key in a type's extensions: it marks the type as that of a page.
OF_A_PAGE = "astrolabe.page"

#: By what items are sorted: texts, the last of which make it unique.
Key = tuple[str, ...]


class PageRequest(NamedTuple):
    """Which part of a list is wanted. after: the key of the item before it."""

    first: int = PAGE
    after: Key | None = None


class Connection(NamedTuple):
    """One page. items: with their keys, in order. total: of all pages."""

    items: list[tuple[Key, Any]]
    total: int
    page: PageRequest
    more: bool


def page_of(first: int, after: str | None) -> PageRequest:
    """The page that the arguments ask for. Raises GraphQLError."""
    if not 0 <= first <= LARGEST_PAGE:
        raise GraphQLError(
            f"first is a number from 0 to {LARGEST_PAGE}, not {first}", extensions={"code": "bad-argument"}
        )
    return PageRequest(first, _parse_cursor(after) if after is not None else None)


def cursor_of(key: Key) -> str:
    """The cursor of the item with this key."""
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _parse_cursor(cursor: str) -> Key:
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=Key)
    except ValueError:
        message = f"after is a cursor of an earlier page, not {quoted(cursor)}"
        raise GraphQLError(message, extensions={"code": "bad-argument"}) from None


def take_page(
    work: Work,
    items: Iterable[Any],
    page: PageRequest,
    keys: Callable[[list[Any]], list[Key]],
    values: Callable[[Key], Any],
) -> Any:
    """One page of these items, in time slices.

    items: None for what was looked at and is not in the list, so that a long search pauses too.
    keys: of some items; it may leave out items. values: what the answer has for a key, None for nothing.
    """
    best: list[Key] = []
    total = left = 0

    def steps() -> Iterator[None]:
        nonlocal best, total, left
        rest = iter(items)
        while some := list(islice(rest, STRETCH)):
            found = keys([each for each in some if each is not None])
            total += len(found)
            if not work.spend(len(some)):
                return
            if page.after is not None:
                found = [key for key in found if key > page.after]
            left += len(found)
            if page.first:
                best = nsmallest(page.first, [*best, *found])
            yield

    def result() -> Connection:
        listed = [(key, value) for key in best if (value := values(key)) is not None]
        return Connection(listed, total, page, more=left > page.first)

    return work.run(steps(), result)


PAGE_ARGUMENTS = {
    "first": GraphQLArgument(
        GraphQLNonNull(GraphQLInt),
        default_value=PAGE,
        description=f"How many, at most {LARGEST_PAGE}.",
    ),
    "after": GraphQLArgument(GraphQLString, description="The cursor of the last one of the page before."),
}

_PAGE_INFO = GraphQLObjectType(
    "PageInfo",
    {
        "hasNextPage": GraphQLField(
            GraphQLNonNull(GraphQLBoolean),
            resolve=lambda page, _: page.more,
            description="Whether there are more after this page.",
        ),
        "hasPreviousPage": GraphQLField(
            GraphQLNonNull(GraphQLBoolean),
            resolve=lambda page, _: page.page.after is not None,
            description="Whether this is not the first page.",
        ),
        "startCursor": GraphQLField(
            GraphQLString,
            resolve=lambda page, _: cursor_of(page.items[0][0]) if page.items else None,
            description="The cursor of the first one.",
        ),
        "endCursor": GraphQLField(
            GraphQLString,
            resolve=lambda page, _: cursor_of(page.items[-1][0]) if page.items else None,
            description="The cursor of the last one: `after` for the next page.",
        ),
    },
    description="Where a page is in its list.",
)


def connection_type(name: str, of: Any, what: str) -> GraphQLObjectType:
    """The type of pages of a list. what: the items, in the plural."""
    edge = GraphQLObjectType(
        f"{name}Edge",
        {
            "cursor": GraphQLField(
                GraphQLNonNull(GraphQLString),
                resolve=lambda item, _: cursor_of(item[0]),
                description="Its place.",
            ),
            "node": GraphQLField(
                GraphQLNonNull(of), resolve=lambda item, _: item[1], description="The item."
            ),
        },
        extensions={OF_A_PAGE: True},
        description=f"One of the {what} of a page, with its place.",
    )
    return GraphQLObjectType(
        f"{name}Connection",
        {
            "totalCount": GraphQLField(
                GraphQLNonNull(GraphQLInt),
                resolve=lambda page, _: page.total,
                description=f"How many {what} there are on all pages.",
            ),
            "nodes": GraphQLField(
                list_of(of),
                resolve=lambda page, _: [value for _, value in page.items],
                description=f"The {what} of this page.",
            ),
            "edges": GraphQLField(
                list_of(edge),
                resolve=lambda page, _: page.items,
                description=f"The {what} of this page, each with its cursor.",
            ),
            "pageInfo": GraphQLField(
                GraphQLNonNull(_PAGE_INFO), resolve=lambda page, _: page, description="Where this page is."
            ),
        },
        extensions={OF_A_PAGE: True},
        description=f"One page of {what}.",
    )
