"""How two answers to one question differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from astrolabe.cli.compare.questions import Question

Kind = Literal[
    "missing path",
    "status code",
    "other type",
    "missing key",
    "missing node",
    "missing resource",
    "missing edge",
    "missing name",
    "missing entry",
    "other value",
    "other order",
    "other words",
    "added key",
    "added node",
    "added resource",
    "added edge",
    "added name",
    "added entry",
    "added value",
    "added answer",
]

Sort = Literal["resource", "node", "edge", "name", "entry"]

#: What it is when the second lacks one, and when it has one more.
_SORTS: Mapping[Sort, tuple[Kind, Kind]] = {
    "resource": ("missing resource", "added resource"),
    "node": ("missing node", "added node"),
    "edge": ("missing edge", "added edge"),
    "name": ("missing name", "added name"),
    "entry": ("missing entry", "added entry"),
}

#: What a client cannot rely on.
UNNOTICED: frozenset[Kind] = frozenset(
    {
        "other words",
        "added key",
        "added node",
        "added resource",
        "added edge",
        "added name",
        "added entry",
        "added value",
        "added answer",
    }
)

#: Keys whose values are of the moment, or of the process.
PASSING = frozenset({"age", "epoch", "seq"})
#: Keys whose values are prose, for people.
PROSE = frozenset({"message"})
#: Entries of one array that are looked for among those with more keys, which costs as much as there are.
WIDENED = 100
#: Keys of `/health` whose values are compared; the others tell of the process.
HEALTH = frozenset({"status"})


class Answer(NamedTuple):
    """What a server answered. media: its Content-Type, without parameters."""

    status: int
    media: str
    body: bytes

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Difference:
    """One thing that differs.

    where: in the answer, the same for all things of a sort: `nodes[].status`. item: which one of them, or "".
    first, second: what both say, as JSON; "" where they say nothing.
    """

    kind: Kind
    where: str
    item: str = ""
    first: str = ""
    second: str = ""


class _Identity(msgspec.Struct, frozen=True):
    kind: str = ""
    namespace: str | None = ""
    name: str = ""
    uid: str = ""

    @property
    def shown(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class _Ends(msgspec.Struct, frozen=True):
    type: str
    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")


def differences(question: Question, first: Answer, second: Answer) -> Iterator[Difference]:
    """What differs, of the second against the first."""
    if first.status != second.status:
        yield _status(question, first, second)
    if not (first.is_good and second.is_good) or question.method == "HEAD":
        return
    if first.media != second.media:
        yield Difference("other type", "Content-Type", "", first.media, second.media)
    one, two = _decoded(first.body), _decoded(second.body)
    if _type(one) != _type(two):
        yield Difference("other type", "the answer", "", _type(one), _type(two))
        return
    match question.path.shape, one:
        case "names", list():
            yield from _names(one, two)
        case "resources", list():
            yield from _things("resource", "[]", _by_identity(one), _by_identity(two))
        case "graph", dict():
            yield from _graph(one, two)
        case "health", dict():
            yield from _health(one, two)
        case _:
            yield from _values("", "", _whole(one), _whole(two))


def _status(question: Question, first: Answer, second: Answer) -> Difference:
    said = str(first.status), str(second.status)
    if not first.is_good and second.is_good:
        return Difference("added answer", "status", "", *said)
    is_missing = second.status in (404, 405) and not question.query
    return Difference("missing path" if is_missing else "status code", "status", "", *said)


def _decoded(body: bytes | msgspec.Raw) -> Any:
    """The document, whose keys or entries are still text; UNSET when it is no JSON."""
    shapes: tuple[Any, ...] = (dict[str, msgspec.Raw], list[msgspec.Raw], Any)
    for shape in shapes:
        try:
            return msgspec.json.decode(body, type=shape)
        except msgspec.ValidationError:
            continue
        except (msgspec.DecodeError, RecursionError):
            return msgspec.UNSET
    return msgspec.UNSET


def _whole(document: Any) -> Any:
    """A document of which all is decoded."""
    if isinstance(document, dict):
        return {key: msgspec.json.decode(value) for key, value in document.items()}
    if isinstance(document, list):
        return [msgspec.json.decode(entry) for entry in document]
    return document


def _names(first: list[msgspec.Raw], second: list[msgspec.Raw]) -> Iterator[Difference]:
    one, two = _whole(first), _whole(second)
    yield from _sets("name", "names", "", one, two)


def _health(first: Mapping[str, msgspec.Raw], second: Mapping[str, msgspec.Raw]) -> Iterator[Difference]:
    one, two = _whole(first), _whole(second)
    yield from _keys("", "", one, two)
    for key in (key for key in one if key in two):
        if key in HEALTH:
            yield from _values(key, "", one[key], two[key])
        elif _type(one[key]) != _type(two[key]):
            yield Difference("other type", key, "", _type(one[key]), _type(two[key]))


def _graph(first: Mapping[str, msgspec.Raw], second: Mapping[str, msgspec.Raw]) -> Iterator[Difference]:
    yield from _keys("", "", first, second)
    lists: dict[str, tuple[list[msgspec.Raw], list[msgspec.Raw]]] = {}
    for key in (key for key in first if key in second):
        one, two = _decoded(first[key]), _decoded(second[key])
        if isinstance(one, list) and isinstance(two, list):
            lists[key] = one, two
        else:
            yield from _values(key, "", _whole(one), _whole(two))
    nodes = lists.get("nodes", ([], []))
    yield from _things("node", "nodes[]", *map(_by_identity, nodes))
    edges = zip(lists.get("edges", ([], [])), nodes, strict=True)
    yield from _things("edge", "edges[]", *[_by_ends(side, _uids(ends)) for side, ends in edges])


def _identity(text: msgspec.Raw) -> _Identity:
    """Of what has no identity: an empty one."""
    try:
        return msgspec.json.decode(text, type=_Identity)
    except msgspec.MsgspecError:
        return _Identity()


def _by_identity(texts: Iterable[msgspec.Raw]) -> dict[tuple[str, str], msgspec.Raw]:
    """(its sort, what it is called) → its text. Names, not uids: `/resources` has none."""
    return {(identity.kind, identity.shown): text for text in texts for identity in (_identity(text),)}


def _uids(texts: Iterable[msgspec.Raw]) -> dict[str, str]:
    return {identity.uid: identity.shown for text in texts for identity in (_identity(text),)}


def _by_ends(texts: Iterable[msgspec.Raw], names: Mapping[str, str]) -> dict[tuple[str, str], msgspec.Raw]:
    found = {}
    for text in texts:
        try:
            ends = msgspec.json.decode(text, type=_Ends)
        except msgspec.MsgspecError:
            ends = _Ends("", "", "")
        source, target = (names.get(uid, uid) for uid in (ends.source, ends.target))
        found[ends.type, f"{source} → {target}"] = text
    return found


def _things(
    sort: Sort,
    where: str,
    first: Mapping[tuple[str, str], msgspec.Raw],
    second: Mapping[tuple[str, str], msgspec.Raw],
) -> Iterator[Difference]:
    """Nodes, edges or resources by what they are called."""
    missing, added = _SORTS[sort]
    for key in (key for key in first if key not in second):
        yield Difference(missing, key[0], key[1])
    for key in (key for key in second if key not in first):
        yield Difference(added, key[0], key[1])
    for key in (key for key in first if key in second):
        one, two = first[key], second[key]
        if bytes(one) == bytes(two):
            continue
        documents = [msgspec.json.decode(text) for text in (one, two)]
        if sort == "edge":  # its ends are uids, which the nodes tell of
            documents = [{k: v for k, v in each.items() if k not in ("from", "to")} for each in documents]
        yield from _values(where, key[1], *documents)


def _keys(where: str, item: str, one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[Difference]:
    for key in (key for key in one if key not in two):
        yield Difference("missing key", _below(where, key), item)
    for key in (key for key in two if key not in one):
        yield Difference("added key", _below(where, key), item)


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _values(where: str, item: str, one: Any, two: Any) -> Iterator[Difference]:
    """Two values that stand at the same place."""
    if _type(one) != _type(two):
        yield Difference("other type", where, item, _type(one), _type(two))
    elif isinstance(one, dict):
        yield from _keys(where, item, one, two)
        for key in (key for key in one if key in two):
            yield from _values(_below(where, key), item, one[key], two[key])
    elif isinstance(one, list):
        yield from _sets("entry", where, item, one, two)
    elif one != two:
        key = where.rpartition(".")[2]
        if key not in PASSING:
            yield Difference(_kind(key, one), where, item, _text(one), _text(two))


def _kind(key: str, first: Any) -> Kind:
    """What it is when the value of a key is another one."""
    if first == "":  # as if the key were not there
        return "added value"
    return "other words" if key in PROSE else "other value"


def _sets(sort: Sort, where: str, item: str, one: Sequence[Any], two: Sequence[Any]) -> Iterator[Difference]:
    """Two arrays of which a client takes each entry for itself."""
    missing, added = _SORTS[sort]
    ones, twos = Counter(map(_text, one)), Counter(map(_text, two))
    lost, new = list((ones - twos).elements()), list((twos - ones).elements())
    for text in lost[:WIDENED]:  # an object with more keys is still that one
        wider = next((each for each in new if _covers(each, text)), None)
        if wider is not None:
            lost.remove(text)
            new.remove(wider)
    yield from (Difference(missing, where, _entry(item, text), text) for text in lost)
    yield from (Difference(added, where, _entry(item, text), "", text) for text in new)
    if not lost and ones == twos and one != two and list(one) == sorted(one, key=_text):
        yield Difference("other order", where, item, "sorted", "not sorted")


def _entry(item: str, text: str) -> str:
    return item or text


def _covers(wide: str, narrow: str) -> bool:
    """Whether it is an object that has all that the other has."""
    if not (wide.startswith("{") and narrow.startswith("{")):
        return False
    more, less = (msgspec.json.decode(text) for text in (wide, narrow))
    return all(key in more and more[key] == value for key, value in less.items())


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _type(value: Any) -> str:
    """As JSON calls it."""
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
