"""The parameters of a list or a watch, parsed and validated in the same order as a real server."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from astrolabe.graph import selector
from astrolabe.graph.selector import Selector, SelectorError
from astrolabe.sim.api.errors import bad_request, forbidden_option
from astrolabe.sim.store import Item

Match = Literal["", "Exact", "NotOlderThan"]

#: How a server handles sendInitialEvents: 1.32 and later serve it; without the feature gate it is rejected
#: with 422; older servers ignore it.
WatchList = Literal["served", "rejected", "ignored"]


#: The selector that matches everything.
ALL = Selector()


#: The fields by which a server selects Events, beside those of every object. (A real server has a few more.)
EVENT_FIELDS = ("type", "reason")


class _EventFields(msgspec.Struct, gc=False):
    type: str = ""
    reason: str = ""


_EVENT_DECODER = msgspec.json.Decoder(_EventFields)


class _LabelsOnly(msgspec.Struct, gc=False):
    labels: dict[str, str] = {}


_LABELS_DECODER = msgspec.json.Decoder(_LabelsOnly)


@dataclass(frozen=True)
class SelectionPredicate:
    """The objects that a request selects.

    namespace: "" for all. fields: (field, whether equal, value) of the fieldSelector.
    """

    namespace: str = ""
    labels: Selector = ALL
    fields: tuple[tuple[str, bool, str], ...] = ()

    @property
    def has_selectors(self) -> bool:
        """Whether a selector is set. A list then does not report how many items remain."""
        return bool(self.labels.requirements or self.fields)

    def matches(self, item: Item) -> bool:
        """Whether the object is selected."""
        if self.namespace and not item.key.startswith(f"{self.namespace}/"):
            return False
        return self.matches_selectors(item)

    def matches_selectors(self, item: Item) -> bool:
        """Whether the selectors match. Ignores the namespace."""
        for field, equal, value in self.fields:
            if (_field(item, field) == value) is not equal:
                return False
        if not self.labels.requirements:
            return True
        return self.labels.matches(
            _LABELS_DECODER.decode(item.body[len(b'{"metadata":') : item.meta_end]).labels
        )


def _field(item: Item, field: str) -> str:
    if field in EVENT_FIELDS:
        found: str = getattr(_EVENT_DECODER.decode(item.body), field)
        return found
    namespace, _, name = item.key.rpartition("/")
    return name if field == "metadata.name" else namespace


@dataclass(frozen=True)
class ListOptions:
    """The options of a list or a watch.

    version: None if unset. limit: 0 for none. timeout: seconds; None for none.
    """

    predicate: SelectionPredicate
    version: int | None
    match: Match
    limit: int
    token: str
    bookmarks: bool
    initial_events: bool | None
    timeout: float | None


def parse_list_options(
    namespace: str,
    parameters: Mapping[str, str],
    *,
    watch_list: WatchList = "served",
    fields: Collection[str] = (),
) -> ListOptions:
    """Parse the query parameters. Raises StatusError: 400 if one is malformed, 422 if two conflict.

    fields: by which the kind can be selected, beside its name and namespace.
    """
    watching = is_watch(parameters)
    known = dict(parameters)
    if watch_list == "ignored" and "sendInitialEvents" in known:
        del known["sendInitialEvents"]
        known.pop("resourceVersionMatch", None)
    _validate(known, watching=watching, watch_list=watch_list)
    version = known.get("resourceVersion", "")
    return ListOptions(
        predicate=SelectionPredicate(
            namespace,
            _labels(known.get("labelSelector", "")),
            _fields(known.get("fieldSelector", ""), fields),
        ),
        version=_integer(version, "resourceVersion") if version else None,
        match=known.get("resourceVersionMatch", ""),  # type: ignore[arg-type]  # validated above
        limit=_integer(known.get("limit") or "0", "limit"),
        token=known.get("continue", ""),
        bookmarks=_true(known.get("allowWatchBookmarks")),
        initial_events=_true(known["sendInitialEvents"]) if "sendInitialEvents" in known else None,
        timeout=_integer(known.get("timeoutSeconds") or "0", "timeoutSeconds") or None,
    )


def is_watch(parameters: Mapping[str, str]) -> bool:
    return _true(parameters.get("watch"))


def _true(text: str | None) -> bool:
    return text is not None and text.lower() in ("1", "true", "t")


def _integer(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise bad_request(
            f'{name}: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        ) from None


def _validate(known: Mapping[str, str], *, watching: bool, watch_list: WatchList) -> None:
    """apimachinery `ValidateListOptions`."""
    match = known.get("resourceVersionMatch", "")
    if "sendInitialEvents" in known:
        _validate_initial_events(match, watching=watching, watch_list=watch_list)
    elif match:
        _validate_match(known, match, watching=watching)
    if known.get("continue") and known.get("resourceVersion", "0") != "0":
        raise bad_request("specifying resource version is not allowed when using continue")


def _validate_initial_events(match: str, *, watching: bool, watch_list: WatchList) -> None:
    if not watching:
        raise forbidden_option("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if watch_list == "rejected":
        message = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        raise forbidden_option("sendInitialEvents", message)
    if match != "NotOlderThan":
        message = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise forbidden_option("resourceVersionMatch", message)


def _validate_match(known: Mapping[str, str], match: str, *, watching: bool) -> None:
    field = "resourceVersionMatch"
    if watching:
        raise forbidden_option(
            field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        )
    if known.get("continue"):
        raise forbidden_option(field, "resourceVersionMatch is forbidden when continue is provided")
    if not known.get("resourceVersion"):
        raise forbidden_option(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match == "Exact" and known["resourceVersion"] == "0":
        raise forbidden_option(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    if match not in ("Exact", "NotOlderThan"):
        raise bad_request(
            f'resourceVersionMatch: Unsupported value: "{match}": supported values: "Exact", "NotOlderThan"'
        )


def _labels(text: str) -> Selector:
    try:
        return selector.parse(text)
    except SelectorError as error:
        raise bad_request(str(error)) from error


def _fields(text: str, more: Collection[str]) -> tuple[tuple[str, bool, str], ...]:
    terms = []
    for term in filter(None, text.split(",")):
        name, operator, value = _split(term)
        if name not in ("metadata.name", "metadata.namespace", *more):
            raise bad_request(f"field label not supported: {name}")
        terms.append((name, operator != "!=", value))
    return tuple(terms)


def _split(term: str) -> tuple[str, str, str]:
    for operator in ("!=", "==", "="):
        name, found, value = term.partition(operator)
        if found:
            return name, operator, value
    raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
