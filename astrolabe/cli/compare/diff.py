"""The differences between two answers to one request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from astrolabe.cli.compare.discrepancy import Discrepancy, DiscrepancyKind, Reply
from astrolabe.cli.compare.parsing import by_ends, by_identity, decoded, read, uids_of, whole
from astrolabe.cli.compare.requests import ApiRequest

Sort = Literal["resource", "node", "edge", "name", "entry"]

#: (kind of difference if the second lacks one, and if it has one more).
_SORTS: Mapping[Sort, tuple[DiscrepancyKind, DiscrepancyKind]] = {
    "resource": ("missing resource", "added resource"),
    "node": ("missing node", "added node"),
    "edge": ("missing edge", "added edge"),
    "name": ("missing name", "added name"),
    "entry": ("missing entry", "added entry"),
}

#: Stands for an unknown kind of object.
UNKNOWN = "?"
#: Keys whose values depend on the moment or the process.
PASSING = frozenset({"age", "epoch", "seq"})
#: Keys whose values are text for people.
PROSE = frozenset({"message"})
#: Most entries of an array to look for among entries with more keys, since each search scans the array.
WIDENED = 100
#: Keys of `/health` whose values are compared; the others describe the process.
HEALTH = frozenset({"status"})


def differences(request: ApiRequest, first: Reply, second: Reply) -> Iterator[Discrepancy]:
    """How the second answer differs from the first."""
    if first.status != second.status:
        yield _status(request, first, second)
    if not (first.is_good and second.is_good) or request.method == "HEAD":
        return
    if first.media != second.media:
        yield Discrepancy("other type", "Content-Type", "", first.media, second.media)
    one, two = decoded(first.body), decoded(second.body)
    if _type(one) != _type(two):
        yield Discrepancy("other type", "the answer", "", _type(one), _type(two))
        return
    match request.path.shape, one:
        case "names", list():
            yield from _names(one, two)
        case "resources", list():
            yield from _things("resource", "[]", by_identity(one), by_identity(two))
        case "graph", dict():
            yield from _graph(one, two)
        case "health", dict():
            yield from _health(one, two)
        case _:
            yield from _values("the answer", "", whole(one), whole(two))


def _status(request: ApiRequest, first: Reply, second: Reply) -> Discrepancy:
    text = str(first.status), str(second.status)
    if not first.is_good and second.is_good:
        return Discrepancy("added answer", "status", "", *text)
    is_missing = second.status in (404, 405) and not request.query
    return Discrepancy("missing path" if is_missing else "status code", "status", "", *text)


def _names(first: list[msgspec.Raw], second: list[msgspec.Raw]) -> Iterator[Discrepancy]:
    one, two = whole(first), whole(second)
    yield from _sets("name", "names", "", one, two)


def _health(first: Mapping[str, msgspec.Raw], second: Mapping[str, msgspec.Raw]) -> Iterator[Discrepancy]:
    one, two = whole(first), whole(second)
    yield from _keys("", "", one, two)
    for key in (key for key in one if key in two):
        if key in HEALTH:
            yield from _values(key, "", one[key], two[key])
        elif _type(one[key]) != _type(two[key]):
            yield Discrepancy("other type", key, "", _type(one[key]), _type(two[key]))


def _graph(first: Mapping[str, msgspec.Raw], second: Mapping[str, msgspec.Raw]) -> Iterator[Discrepancy]:
    yield from _keys("", "", first, second)
    lists: dict[str, tuple[list[msgspec.Raw], list[msgspec.Raw]]] = {}
    for key in (key for key in first if key in second):
        one, two = decoded(first[key]), decoded(second[key])
        if isinstance(one, list) and isinstance(two, list):
            lists[key] = one, two
        else:
            yield from _values(key, "", whole(one), whole(two))
    nodes = lists.get("nodes", ([], []))
    yield from _things("node", "nodes[]", *map(by_identity, nodes))
    edges = zip(lists.get("edges", ([], [])), nodes, strict=True)
    yield from _things("edge", "edges[]", *[by_ends(side, uids_of(ends)) for side, ends in edges])


def _things(
    sort: Sort,
    where: str,
    first: Mapping[tuple[str, str], msgspec.Raw],
    second: Mapping[tuple[str, str], msgspec.Raw],
) -> Iterator[Discrepancy]:
    """Differences between nodes, edges or resources, matched by name."""
    missing, added = _SORTS[sort]
    for key in (key for key in first if key not in second):
        yield Discrepancy(missing, key[0] or UNKNOWN, key[1])
    for key in (key for key in second if key not in first):
        yield Discrepancy(added, key[0] or UNKNOWN, key[1])
    for key in (key for key in first if key in second):
        one, two = first[key], second[key]
        if bytes(one) == bytes(two):
            continue
        documents = [read(text) for text in (one, two)]
        if sort == "edge":  # its ends are uids, which the nodes tell of
            documents = [_without(each, "from", "to") for each in documents]
        yield from _values(where, key[1], *documents)


def _without(document: Any, *keys: str) -> Any:
    if not isinstance(document, dict):
        return document
    return {key: value for key, value in document.items() if key not in keys}


def _keys(where: str, item: str, one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[Discrepancy]:
    for key in (key for key in one if key not in two):
        yield Discrepancy("missing key", _below(where, key), item)
    for key in (key for key in two if key not in one):
        yield Discrepancy("added key", _below(where, key), item)


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _values(where: str, item: str, one: Any, two: Any) -> Iterator[Discrepancy]:
    """Differences between two values at the same place."""
    if _type(one) != _type(two):
        yield Discrepancy("other type", where, item, _type(one), _type(two))
    elif isinstance(one, dict):
        yield from _keys(where, item, one, two)
        for key in (key for key in one if key in two):
            yield from _values(_below(where, key), item, one[key], two[key])
    elif isinstance(one, list):
        yield from _sets("entry", where, item, one, two)
    elif one != two:
        key = where.rpartition(".")[2]
        if key not in PASSING:
            yield Discrepancy(_kind(key, one), where, item, _text(one), _text(two))


def _kind(key: str, first: Any) -> DiscrepancyKind:
    """The kind of difference if a key has another value."""
    if first == "":  # as if the key were not there
        return "added value"
    return "other words" if key in PROSE else "other value"


def _sets(sort: Sort, where: str, item: str, one: Sequence[Any], two: Sequence[Any]) -> Iterator[Discrepancy]:
    """Differences between two arrays whose entries a client reads one by one."""
    missing, added = _SORTS[sort]
    ones, twos = Counter(map(_text, one)), Counter(map(_text, two))
    lost, new = list((ones - twos).elements()), list((twos - ones).elements())
    for text in lost[:WIDENED]:  # an object with more keys is still that one
        wider = next((each for each in new if _covers(each, text)), None)
        if wider is not None:
            lost.remove(text)
            new.remove(wider)
    yield from (Discrepancy(missing, where, _entry(item, text), text) for text in lost)
    yield from (Discrepancy(added, where, _entry(item, text), "", text) for text in new)
    if not lost and ones == twos and one != two and list(one) == sorted(one, key=_text):
        yield Discrepancy("other order", where, item, "sorted", "not sorted")


def _entry(item: str, text: str) -> str:
    return item or text


def _covers(wide: str, narrow: str) -> bool:
    """Whether one object contains everything that the other has."""
    if not (wide.startswith("{") and narrow.startswith("{")):
        return False
    more, less = (msgspec.json.decode(text) for text in (wide, narrow))
    return all(key in more and more[key] == value for key, value in less.items())


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _type(value: Any) -> str:
    """The JSON name of the type."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case dict():
            return "object"
        case list():
            return "array"
    return "no JSON"
