"""Executes queries in time slices. Fields that are already in a JSON object need no resolver."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from graphql import GraphQLObjectType
from graphql.execution import Executor
from graphql.pyutils import Path

from astrolabe.http.graphql.context import FEW, QueryContext
from astrolabe.http.graphql.shapes import PLAIN, PlainKey


class _FieldPlan:
    """How the fields of one selection are answered.

    plain: name in the answer, key and default of each field in order; empty if all need a resolver.
    reads: whether a key of the source is needed.
    rest: those that need a resolver; each has a place in `plain`.
    """

    __slots__ = ("fields", "plain", "reads", "rest")

    def __init__(self, fields: Any, plain: list[tuple[str, str, Any]], rest: Any, *, reads: bool) -> None:
        self.fields = fields  # is kept alive, so that its id is not reused
        self.plain = plain
        self.rest = rest
        self.reads = reads


class SlicedExecutor(Executor[Any]):
    """graphql-core's executor, with two additions.

    A list is completed item by item with pauses, so no query holds the loop for longer than a slice. Fields
    that are `PlainKey`s are copied from their JSON object: it is an answer of ours already, which need not be
    checked value by value. That is eight times as fast.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._plans: dict[int, _FieldPlan] = {}

    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        """The same for one event, without what was remembered of the selections of others."""
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        executor._plans = {}  # type: ignore[attr-defined]
        return executor

    @property
    def _context(self) -> QueryContext:
        context: QueryContext = self.context_value
        return context

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        plan = self._plans.get(id(grouped_field_set))
        if plan is None:
            plan = self._plans[id(grouped_field_set)] = _plan(parent_type, grouped_field_set)
        if not plan.plain:
            return super().execute_fields(parent_type, source_value, path, plan.rest, position_context)
        document: dict[str, Any] = {}
        if plan.reads:
            document = source_value if type(source_value) is dict else source_value.document
        results = {name: document.get(key, default) for name, key, default in plan.plain}
        if not plan.rest:
            return results
        others = super().execute_fields(parent_type, source_value, path, plan.rest, position_context)
        if self.is_awaitable(others):
            return _merged(results, others)
        results.update(cast("dict[str, Any]", others))
        return results

    def complete_iterable_value(
        self,
        item_type: Any,
        field_details_list: Any,
        info: Any,
        path: Path,
        items: Iterable[Any],
        position_context: Any,
    ) -> Any:
        work = self._context.work
        items = items if isinstance(items, list | tuple) else list(items)
        if len(items) > FEW or work.over:
            each = work.each(items)
            return self.complete_async_iterator_value(
                item_type, field_details_list, info, path, each, position_context
            )
        work.spend(len(items))
        return super().complete_iterable_value(
            item_type, field_details_list, info, path, items, position_context
        )


def _plan(parent_type: GraphQLObjectType, fields: Any) -> _FieldPlan:
    plain: list[tuple[str, str, Any]] = []
    rest = {}
    answered = reads = False
    for name, details in fields.items():
        field_name = details[0].node.name.value
        if field_name == "__typename":
            plain.append((name, "", parent_type.name))
            answered = True
            continue
        field = parent_type.fields.get(field_name)
        key: PlainKey | None = field.extensions.get(PLAIN) if field is not None else None
        if key is None or details[0].node.arguments:
            plain.append((name, "", None))
            rest[name] = details
        else:
            plain.append((name, key.key, key.default))
            answered = reads = True
    return _FieldPlan(fields, plain if answered else [], rest, reads=reads)


async def _merged(results: dict[str, Any], others: Any) -> dict[str, Any]:
    results.update(await others)
    return results
