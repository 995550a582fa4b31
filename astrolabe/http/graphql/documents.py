"""Queries as parsed and validated documents, remembered by their text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import MaxIntrospectionDepthRule

from astrolabe.http.graphql.limits import Breadth, check_text
from astrolabe.http.graphql.schema import schema
from astrolabe.settings import Limits
from astrolabe.timeslice import Lane, in_slices

#: Tokens of all documents that are remembered: some 500 bytes each.
REMEMBERED = 8_000
#: Longer queries are validated rule by rule, with pauses: a token takes 30 microseconds in all.
SHORT = 60
#: Most errors that are reported of one document.
MOST_ERRORS = 5


_RULES = (*specified_rules, MaxIntrospectionDepthRule)


class ParsedQuery(NamedTuple):
    """A document that may be executed."""

    document: DocumentNode
    tokens: int

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation that is to be executed, if there is one such."""
        operations = [each for each in self.document.definitions if isinstance(each, OperationDefinitionNode)]
        if name is not None:
            operations = [each for each in operations if each.name is not None and each.name.value == name]
        return operations[0] if len(operations) == 1 else None

    def is_subscription(self, name: str | None) -> bool:
        """Whether the operation is one."""
        operation = self.operation(name)
        return operation is not None and operation.operation is OperationType.SUBSCRIPTION


class QueryErrors(Exception):
    """A query cannot be executed."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("; ".join(str(each) for each in errors))
        self.errors = list(errors)


class QueryCache:
    """Parses, checks and validates queries, and caches the valid ones (least recently used go first)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._known: OrderedDict[str, ParsedQuery] = OrderedDict()
        self._tokens = 0

    async def get(self, text: str) -> ParsedQuery:
        """The query of this text. Raises QueryErrors."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        try:
            parsed = self._parse(text)
        except GraphQLError as error:
            raise QueryErrors([error]) from None
        if parsed.tokens <= SHORT:
            errors = _validate(parsed.document)
        else:
            errors = []
            async for found in in_slices(_errors_by_rule(parsed.document), Lane.ANSWER):
                errors += found
                if len(errors) >= MOST_ERRORS:
                    break
        if errors:
            raise QueryErrors(errors)
        self._remember(text, parsed)
        return parsed

    def _parse(self, text: str) -> ParsedQuery:
        size = check_text(text, self._limits)
        document = parse(text, max_tokens=self._limits.max_query_tokens + 1)
        Breadth(document, self._limits).check()
        return ParsedQuery(document, size.tokens)

    def _remember(self, text: str, parsed: ParsedQuery) -> None:
        if text in self._known:  # meanwhile
            return
        self._known[text] = parsed
        self._tokens += parsed.tokens
        while self._tokens > REMEMBERED and len(self._known) > 1:
            _, dropped = self._known.popitem(last=False)
            self._tokens -= dropped.tokens


def _validate(document: DocumentNode) -> list[GraphQLError]:
    return validate(schema(), document, _RULES, max_errors=MOST_ERRORS)


def _errors_by_rule(document: DocumentNode) -> Iterator[list[GraphQLError]]:
    for rule in _RULES:
        # Looking for similar names takes as long as all rules.
        yield validate(schema(), document, [rule], max_errors=MOST_ERRORS, hide_suggestions=True)
