"""Filters: which part of the graph a client asks for. They are the same in REST and stream."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from astrolabe.graph import selector as selectors
from astrolabe.graph.search import parser
from astrolabe.graph.search.parser import SearchError, Vocabulary
from astrolabe.graph.search.term import Term
from astrolabe.graph.selector import Selector, SelectorError, quoted
from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import SEVERITIES
from astrolabe.graph.views.filter_fields import FILTER_FIELDS, LISTS, OWN_VALUES


class FilterError(ValueError):
    """A filter is invalid or too large. The message names the parameter and what is allowed.

    at: where in `q` it does not parse, counted in characters from 0; None for anything else.
    """

    def __init__(self, message: str, *, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at


class FilterRules(msgspec.Struct, frozen=True):
    """What a filter may ask for.

    kinds: the allowed values of `kind`; may change at any time.
    terms: the limit of parameters, where each requirement of the selector and each term of the search counts
        as one.
    values: the limit of values in one of these. size: the limit of bytes in all texts.
    vocabulary: of the search. None: only these kinds, word for word.
    """

    kinds: Collection[str]
    terms: int = 64
    values: int = 64
    size: int = 2048
    vocabulary: Vocabulary | None = None

    @classmethod
    def of(
        cls, kinds: Collection[str], *, vocabulary: Vocabulary | None = None, **limits: int
    ) -> FilterRules:
        """The rules for these kinds, with these limits."""
        return cls(kinds, vocabulary=vocabulary, **limits)

    @property
    def words(self) -> Vocabulary:
        """What a search may name."""
        return self.vocabulary or _KindsOnly(self.kinds)


class _KindsOnly:
    """A vocabulary of kinds."""

    def __init__(self, kinds: Collection[str]) -> None:
        self.kinds = kinds
        self.metadata: Collection[str] = ()
        self.cluster = ""
        self.clusters: Collection[str] | None = None

    def kind(self, word: str, /) -> str:
        for kind in self.kinds:
            if kind.lower() == word.lower():
                return kind
        raise ValueError(f"unknown kind {quoted(word)}; it is one of {', '.join(self.kinds)}")


_VALUE_OF = dict(OWN_VALUES)  # a proxy takes twice as long

#: A field that depends on the node alone, and its accepted values.
OwnValues = tuple[str, frozenset[str]]


class Filter(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """Values of one field are alternatives (OR); all fields must match (AND). An empty field matches all.

    own: the restrictions that depend on the node alone (`OWN_VALUES`), in order.
    search: the terms of the search (`q`), in order.
    """

    namespace: frozenset[str] = frozenset()
    release: frozenset[str] = frozenset()
    own: tuple[OwnValues, ...] = ()
    selector: Selector = Selector()
    search: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        """Whether it restricts anything."""
        return self != EVERYTHING

    @property
    def anywhere(self) -> Filter:
        """The same in all namespaces."""
        return msgspec.structs.replace(self, namespace=frozenset()) if self.namespace else self

    @property
    def only_excludes(self) -> bool:
        """Whether it keeps every node except those with certain labels."""
        if self.namespace or self.release or self.own or self.search:
            return False
        return all(each.negative for each in self.selector.requirements)

    @property
    def looks_at_edges(self) -> bool:
        """Whether a term of the search depends on the edges of a node."""
        for term in self.search:
            if not term.is_local:
                return True
        return False

    def relates(self, node: Node, state: ReadableGraph) -> bool:
        """Whether the terms of the search that depend on edges find the node."""
        return all(term.relates(node, state) for term in self.search if not term.is_local)

    def passes(self, node: Node) -> bool:
        """Whether the node passes, leaving aside what depends on neighbours: namespace, release, and terms
        about edges.
        """
        for name, values in self.own:
            if _VALUE_OF[name](node) not in values:
                return False
        if self.selector.requirements and not self.selector.matches(node.labels()):
            return False
        for term in self.search:
            if term.is_local and not term.finds(node):
                return False
        return True


EVERYTHING = Filter()


def parse_query(query: Mapping[str, Sequence[str]], rules: FilterRules) -> Filter:
    """Parse the filter of a URL. Lists may be repeated or comma-separated. Raises FilterError.

    The caller removes parameters that do not belong to the filter.
    """
    _check_names(query)
    _check_size([text for texts in query.values() for text in texts], rules)
    lists = {name: _split(query.get(name, ())) for name in LISTS}
    return _build(lists, ",".join(query.get("selector", ())), " ".join(query.get("q", ())), rules)


def parse_message(document: Any, rules: FilterRules) -> Filter:
    """Parse the filter of a subscribe message: lists of strings, or one string. Raises FilterError."""
    if document is None:
        return EVERYTHING
    if not isinstance(document, dict):
        raise FilterError(f"a filter is an object, not {type(document).__name__}")
    _check_names(document)
    lists = {name: _texts(name, document.get(name)) for name in LISTS}
    selector, q = (_text(name, document.get(name)) for name in ("selector", "q"))
    _check_size([*[text for texts in lists.values() for text in texts], selector, q], rules)
    return _build(lists, selector, q, rules)


def _build(lists: Mapping[str, Iterable[str]], selector: str, q: str, rules: FilterRules) -> Filter:
    values = {name: frozenset(value for value in lists[name] if value) for name in LISTS}
    values["kind"] = frozenset(_kind(word, rules) for word in values["kind"])
    values["cluster"] = _clusters(values["cluster"], rules.words)
    try:
        parsed = selectors.parse(selector)
    except SelectorError as error:
        raise FilterError(f"selector {quoted(selector)} does not parse: {error}") from error
    try:
        search = parser.parse(q, rules.words)
    except SearchError as error:
        raise FilterError(f"q does not parse: {error}", at=error.at) from error
    filter = Filter(
        namespace=values["namespace"],
        release=values["release"],
        own=own_values(values),
        selector=_in_order(parsed),
        search=search,
    )
    _check_counts(filter, values, rules)
    for name, field in FILTER_FIELDS.items():
        if field.closed:
            _check(name, values[name], rules.kinds if field.closed == "Kind" else SEVERITIES)
    return filter


def _kind(word: str, rules: FilterRules) -> str:
    """The key of the kind that the word means; the word itself if it means none."""
    if word in rules.kinds:
        return word
    try:
        return rules.words.kind(word)
    except ValueError:
        return word


def _clusters(named: frozenset[str], words: Vocabulary) -> frozenset[str]:
    """The clusters that nodes are asked for: none where there is only one. Raises FilterError."""
    known = words.clusters
    allowed = known if known is not None else {words.cluster} - {""}
    unknown = min([name for name in named if name not in allowed], default=None)
    if unknown is not None:
        listed = f"it is one of {', '.join(allowed)}" if allowed else "this server has one, without a name"
        raise FilterError(f"unknown cluster {quoted(unknown)}; {listed}")
    return named if known is not None else frozenset()


def own_values(given: Mapping[str, frozenset[str]]) -> tuple[OwnValues, ...]:
    """`Filter.own` of the values given by field."""
    return tuple([(name, given[name]) for name in OWN_VALUES if given.get(name)])


def _in_order(selector: Selector) -> Selector:
    """Each requirement once and sorted, so that selectors with the same requirements are equal."""
    once = set(selector.requirements)
    return Selector(tuple(sorted(once, key=lambda each: (each.key, each.operator, sorted(each.values)))))


def _check_size(texts: Sequence[str], rules: FilterRules) -> None:
    """Check the size before any work whose cost depends on it."""
    size = sum([len(text) for text in texts])
    if size <= rules.size:
        size = sum([len(text.encode(errors="surrogatepass")) for text in texts])
    if size > rules.size:
        raise _too_much(f"the filter has {size} bytes", rules.size, "--max-filter-bytes")


def _check_counts(filter: Filter, given: Mapping[str, frozenset[str]], rules: FilterRules) -> None:
    lists: dict[str, Collection[object]] = {**given}
    lists |= {f"selector {quoted(each.key)}": each.values for each in filter.selector.requirements}
    lists |= {f"q {quoted(each.field or 'text')}": each.values for each in filter.search}
    for name, values in lists.items():
        if len(values) > rules.values:
            raise _too_much(f"{name} has {len(values)} values", rules.values, "--max-filter-values")
    terms = len(filter.selector.requirements) + len(filter.search)
    terms += sum([bool(values) for values in given.values()])
    if terms > rules.terms:
        raise _too_much(f"the filter has {terms} terms", rules.terms, "--max-filter-terms")


def _too_much(what: str, allowed: int, flag: str) -> FilterError:
    return FilterError(f"{what}; at most {allowed} are allowed ({flag})")


def _check_names(names: Iterable[Any]) -> None:
    for name in names:
        if name not in FILTER_FIELDS:
            raise FilterError(
                f"unknown parameter {quoted(str(name))}; a filter has {', '.join(FILTER_FIELDS)}"
            )


#: The key of a custom kind. One that is not known may be there later, and a client that comes back after a
#: restart may be faster than discovery.
_CUSTOM_KEY = re.compile(r"[A-Z][A-Za-z0-9]{0,62}(\.[a-z0-9-]{1,63}){2,8}")


def _check(name: str, values: Iterable[str], allowed: Collection[str]) -> None:
    unknown = min([value for value in values if value not in allowed], default=None)
    if unknown is not None and not (name == "kind" and _CUSTOM_KEY.fullmatch(unknown)):
        raise FilterError(f"unknown {name} {quoted(unknown)}; it is one of {_listed(name, allowed)}")


def _listed(name: str, allowed: Collection[str]) -> str:
    """What is allowed. Custom kinds may be hundreds."""
    if name != "kind":
        return ", ".join(allowed)
    own = sorted(kind for kind in allowed if "." not in kind)
    more = len(allowed) - len(own)
    return ", ".join(own) + (f", or one of {more} custom kinds (/api/v1/kinds)" if more else "")


def _split(values: Iterable[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",")]


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FilterError(f"{name} is a string, not {type(value).__name__}")
    return value


def _texts(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return _split([value])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise FilterError(f"{name} is a list of strings")
    return _split(value)
