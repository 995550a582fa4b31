"""The query string of a request. A wrong or unknown parameter is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from sanic.request import Request

from astrolabe.graph.selector import quoted
from astrolabe.graph.views.filter import EVERYTHING, Filter, FilterRules, parse_query
from astrolabe.http.errors import bad_parameter
from astrolabe.http.openapi.terms import INT64


class StreamPosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in history: which one, and how far."""

    epoch: str
    seq: Annotated[int, msgspec.Meta(extra_json_schema=INT64)]


class QueryParams(msgspec.Struct, frozen=True):
    """The parameters of a GET. Equal ones get equal responses at the same position.

    uid: of the one resource it asks for, else "". detail: more than names.
    events: a digest of the Events that the response shows, which change without a batch; "" without any.
    """

    filter: Filter = EVERYTHING
    uid: str = ""
    detail: bool = False
    events: str = ""


#: Ignored: pages add it so that no cache answers (jQuery, Grafana).
CACHE_BUSTER = "_"


class QueryReader:
    """Reads the parameters of a request. Each `pop_` method removes its own."""

    def __init__(self, request: Request) -> None:
        self._values: dict[str, list[str]] = {}
        if request.query_string:
            self._values = dict(request.get_args(keep_blank_values=True))
            self._values.pop(CACHE_BUSTER, None)

    def pop_filter(self, rules: FilterRules) -> Filter:
        """The filter that all remaining parameters make. Raises FilterError."""
        return parse_query(self._values, rules) if self._values else EVERYTHING

    def pop_cluster(self, rules: FilterRules) -> Filter:
        """The filter that `cluster` alone makes. Raises FilterError."""
        named = self._values.pop("cluster", None)
        return parse_query({"cluster": named}, rules) if named else EVERYTHING

    def refuse_unknown(self, *known: str) -> None:
        """Raise Refusal if a parameter is left. known: those that the path has, for the message."""
        if self._values:
            has = " and ".join(known) or "none"
            raise bad_parameter(f"unknown parameter {quoted(min(self._values))}; this path has {has}")

    def pop_number(self, name: str) -> int | None:
        """A whole number, or None if not given. Raises Refusal."""
        text = self._pop(name)
        if text is None:
            return None
        if not _is_number(text):
            raise bad_parameter(f"{name} is a whole number, not {quoted(text)}")
        return int(text)

    def pop_text(self, name: str) -> str:
        """A text, "" if not given. Raises Refusal."""
        return self._pop(name) or ""

    def pop_flag(self, name: str, *, default: bool) -> bool:
        """`true` or `false`. Raises Refusal."""
        text = self._pop(name)
        if text is None:
            return default
        if text not in ("true", "false"):
            raise bad_parameter(f"{name} is true or false, not {quoted(text)}")
        return text == "true"

    def pop_choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of these words. Raises Refusal."""
        text = self._pop(name)
        if text is None:
            return default
        if text not in choices:
            raise bad_parameter(f"{name} is one of {', '.join(choices)}, not {quoted(text)}")
        return text

    def pop_list(self, name: str) -> list[str]:
        """Texts, repeated or separated by commas."""
        values = self._values.pop(name, [])
        return [text for value in values for text in value.split(",") if text]

    def pop_position(self, name: str) -> StreamPosition | None:
        """`<epoch>:<seq>`, or None if not given. Raises Refusal."""
        text = self._pop(name)
        return None if text is None else parse_position(name, text)

    def _pop(self, name: str) -> str | None:
        values = self._values.pop(name, None)
        if values is None:
            return None
        if len(values) > 1:
            raise bad_parameter(f"{name} is given more than once")
        return values[0]


def parse_position(name: str, text: str) -> StreamPosition:
    """The position `<epoch>:<seq>`. Raises Refusal, which names the parameter."""
    epoch, _, seq = text.rpartition(":")
    if not epoch or not _is_number(seq):
        raise bad_parameter(f"{name} is <epoch>:<seq>, not {quoted(text)}")
    return StreamPosition(epoch, int(seq))


def _is_number(text: str) -> bool:
    """Whether it is a whole number of at most 64 bits."""
    return text.isascii() and text.isdigit() and len(text) <= 18
