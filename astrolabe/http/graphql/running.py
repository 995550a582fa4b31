"""Runs queries and subscriptions within their limits, and encodes what they answer in slices of time."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from graphql import ExecutionResult, GraphQLError
from graphql.execution import create_source_event_stream

from astrolabe.graph.views.filter import FilterRules
from astrolabe.http.graphql.context import QueryContext, Work
from astrolabe.http.graphql.documents import QueryCache, QueryErrors
from astrolabe.http.graphql.executor import SlicedExecutor
from astrolabe.http.graphql.limits import check_cost, too_much
from astrolabe.http.graphql.requests import GraphQLRequest
from astrolabe.http.graphql.schema import schema
from astrolabe.http.graphql.updates import Subscribing, UpdateEvent, not_a_subscription
from astrolabe.http.source import GraphSource
from astrolabe.settings import Limits
from astrolabe.timeslice import Lane, in_slices, turns

logger = logging.getLogger("astrolabe.http")

#: Items of a list that are encoded in one step.
STEP = 20
#: Errors of one answer that are told.
MOST_ERRORS = 20

Tables = Callable[..., Awaitable[Any]]


class Answer(NamedTuple):
    """An answer as JSON. executed: whether the query could be executed, whatever it answers."""

    chunks: Sequence[bytes]
    executed: bool
    epoch: str = ""
    seq: int = 0


class QueryRunner:
    """Runs the queries of one source. tables: reads a document of REST by its name."""

    def __init__(
        self,
        source: GraphSource,
        rules: FilterRules,
        limits: Limits,
        cache: QueryCache,
        tables: Tables,
        clusters: Tables,
    ) -> None:
        self.source = source
        self._rules = rules
        self._limits = limits
        self._cache = cache
        self._tables = tables
        self._clusters = clusters

    async def is_subscription(self, request: GraphQLRequest) -> bool:
        """Whether it asks for a subscription. Raises QueryErrors."""
        return (await self._cache.get(request.query)).is_subscription(request.operation_name)

    async def answer(self, request: GraphQLRequest) -> Answer:
        """The answer to a query."""
        context = self._context()
        try:
            return await self._executed(await self._executor(request, context), context)
        except QueryErrors as failed:
            return self.failure(failed)
        finally:
            context.close()

    def failure(self, failed: QueryErrors) -> Answer:
        """The answer to a query that cannot be executed, or is beyond a limit."""
        errors = [_formatted(each) for each in failed.errors]
        return Answer([msgspec.json.encode({"errors": errors, "extensions": self._extensions(None)})], False)

    async def follow(self, request: GraphQLRequest, subscribing: Subscribing) -> AsyncIterator[bytes]:
        """The answers of a subscription, one per event. Raises QueryErrors."""
        context = self._context()
        context.subscribing = subscribing
        executor = await self._executor(request, context, subscribes=True)
        stream: Any = create_source_event_stream(executor)
        if isinstance(stream, ExecutionResult):
            raise QueryErrors(stream.errors or [])
        try:
            async for update in stream:
                await turns().admit(Lane.PEER)  # many may follow the same changes
                yield b"".join((await self._event(executor, update)).chunks)
        finally:
            await stream.aclose()

    async def _event(self, executor: Any, update: UpdateEvent) -> Answer:
        context = self._context()
        context.hold()
        try:
            of_event = executor.build_per_event_executor(update)
            of_event.context_value = context
            return await self._executed(of_event, context)
        except QueryErrors as failed:
            return self.failure(failed)
        finally:
            context.close()

    async def _executed(self, executor: Any, context: QueryContext) -> Answer:
        """What an executor finds. Raises QueryErrors if that is beyond a limit."""
        result = executor.execute_operation(False)
        if isinstance(result, Awaitable):
            result = await result
        self._check(context)
        return await self._encode(result, context)

    def _context(self) -> QueryContext:
        work = Work(self._limits.max_query_visits)
        return QueryContext(self.source, self._rules, work, self._tables, self._clusters)

    async def _executor(
        self, request: GraphQLRequest, context: QueryContext, *, subscribes: bool = False
    ) -> Any:
        """What executes the query. Raises QueryErrors."""
        parsed = await self._cache.get(request.query)
        variables, name = request.variables or {}, request.operation_name
        executor = SlicedExecutor.build(
            schema(), parsed.document, None, context, variables, name, max_coercion_errors=MOST_ERRORS
        )
        if isinstance(executor, list):
            raise QueryErrors(executor)
        if parsed.is_subscription(name) is not subscribes:
            raise QueryErrors([not_a_subscription() if not subscribes else _no_subscription()])
        try:
            # As coerced: 1000.0 is a 1000, too.
            check_cost(parsed.document, name, executor.variable_values.coerced, self._limits)
        except GraphQLError as error:
            raise QueryErrors([error]) from None
        return executor

    def _check(self, context: QueryContext) -> None:
        """Raise QueryErrors if the query wanted to look at more than it may."""
        if context.work.exhausted:
            most = self._limits.max_query_visits
            text = f"the query looks at more than {most} nodes and edges: narrow its filters"
            raise QueryErrors([too_much(text, most, "--max-query-visits", "too-expensive")])

    async def _encode(self, result: ExecutionResult, context: QueryContext) -> Answer:
        """Raises QueryErrors if the answer is too large."""
        document: dict[str, Any] = {}
        if result.errors:
            document["errors"] = [_formatted(each) for each in result.errors[:MOST_ERRORS]]
        document["data"] = result.data
        document["extensions"] = self._extensions(context)
        chunks: list[bytes] = []
        size, most = 0, self._limits.max_query_answer
        async for piece in in_slices(_pieces(document), Lane.ANSWER):
            size += len(piece)
            if size > most:
                text = f"the answer has more than {most} bytes: ask for smaller pages or fewer fields"
                raise QueryErrors([too_much(text, most, "--max-query-answer", "too-big")])
            chunks.append(piece)
        return Answer([b"".join(chunks)] if size < 1 << 16 else chunks, True, context.epoch, context.seq)

    def _extensions(self, context: QueryContext | None) -> dict[str, Any]:
        state = {"state": self.source.state.current.state}
        if context is None or not context.epoch:
            return state
        return {"position": f"{context.epoch}:{context.seq}", **state}


def _no_subscription() -> GraphQLError:
    return GraphQLError("this is no subscription", extensions={"code": "bad-request"})


def _formatted(error: GraphQLError) -> dict[str, Any]:
    """The error as it is told. What is a fault of the server is told to its log alone."""
    cause = error.original_error
    if cause is not None and not isinstance(cause, GraphQLError):
        logger.error("failed to answer a query", exc_info=cause)
        error = GraphQLError(
            "the server failed; its log says why",
            error.nodes,
            path=error.path,
            extensions={"code": "internal-error"},
        )
    return dict(error.formatted)


def _pieces(value: Any) -> Iterator[bytes]:
    """The value as JSON, in pieces of a few objects each."""
    if isinstance(value, dict) and any(isinstance(each, dict | list) for each in value.values()):
        before = b"{"
        for key, each in value.items():
            yield before + msgspec.json.encode(key) + b":"
            yield from _pieces(each)
            before = b","
        yield b"}" if value else b"{}"
    elif isinstance(value, list) and len(value) > STEP:
        before = b"["
        for start in range(0, len(value), STEP):
            yield before + msgspec.json.encode(value[start : start + STEP])[1:-1]
            before = b","
        yield b"]"
    else:
        yield msgspec.json.encode(value)
