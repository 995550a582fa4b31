"""What the query string of a request asks for. Everything that cannot be meant is refused by name."""

from __future__ import annotations

from typing import Annotated

import msgspec
from sanic.request import Request

from astrolabe.graph.selector import quoted
from astrolabe.graph.views.filter import EVERYTHING, Filter, FilterRules, parse_query
from astrolabe.http.errors import bad_parameter
from astrolabe.http.openapi.terms import INT64


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in history: which one, and how far."""

    epoch: str
    seq: Annotated[int, msgspec.Meta(extra_json_schema=INT64)]


class Question(msgspec.Struct, frozen=True):
    """What a GET asks for: equal questions have equal answers at the same place in history.

    uid: of the one resource it is about, else "". detail: more than names.
    """

    filter: Filter = EVERYTHING
    uid: str = ""
    detail: bool = False


#: What pages add to an address so that no cache answers; it means nothing (jQuery, Grafana).
CACHE_BUSTER = "_"


class Query:
    """The parameters of a request; each `take_` takes its own out."""

    def __init__(self, request: Request) -> None:
        self._values: dict[str, list[str]] = {}
        if request.query_string:
            self._values = dict(request.get_args(keep_blank_values=True))
            self._values.pop(CACHE_BUSTER, None)

    def take_filter(self, rules: FilterRules) -> Filter:
        """All that is left is a filter. Raises FilterError."""
        return parse_query(self._values, rules) if self._values else EVERYTHING

    def refuse_rest(self) -> None:
        """Nothing may be left. Raises Refusal."""
        if self._values:
            raise bad_parameter(f"unknown parameter {quoted(min(self._values))}; this path has none")

    def take_number(self, name: str) -> int | None:
        """A whole number, or None when it is not asked for. Raises Refusal."""
        text = self._take(name)
        if text is None:
            return None
        if not _is_number(text):
            raise bad_parameter(f"{name} is a whole number, not {quoted(text)}")
        return int(text)

    def take_flag(self, name: str, *, default: bool) -> bool:
        """`true` or `false`. Raises Refusal."""
        text = self._take(name)
        if text is None:
            return default
        if text not in ("true", "false"):
            raise bad_parameter(f"{name} is true or false, not {quoted(text)}")
        return text == "true"

    def take_position(self, name: str) -> Position | None:
        """`<epoch>:<seq>`, or None when it is not asked for. Raises Refusal."""
        text = self._take(name)
        return None if text is None else parse_position(name, text)

    def _take(self, name: str) -> str | None:
        values = self._values.pop(name, None)
        if values is None:
            return None
        if len(values) > 1:
            raise bad_parameter(f"{name} is given more than once")
        return values[0]


def parse_position(name: str, text: str) -> Position:
    """The place in history that `<epoch>:<seq>` names. Raises Refusal, naming the parameter."""
    epoch, _, seq = text.rpartition(":")
    if not epoch or not _is_number(seq):
        raise bad_parameter(f"{name} is <epoch>:<seq>, not {quoted(text)}")
    return Position(epoch, int(seq))


def _is_number(text: str) -> bool:
    """Whether it is a whole number of 64 bits; Python itself refuses to read those of many digits."""
    return text.isascii() and text.isdigit() and len(text) <= 18
