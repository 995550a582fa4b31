"""The fields of a filter: one entry each. Parsing, predicate, index, flags and documents follow from it.

Most fields ask for a property of the node itself, and have a `value`: the node passes when its value is among
those asked for. The others depend on neighbours (`membership`), or are a selector or a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Literal

import msgspec

from astrolabe.graph.state.node import Node, reason_of


class FilterField(msgspec.Struct, frozen=True, kw_only=True):
    """One field: the name of a parameter, of a key in a message, of a flag.

    description: for the API. help: of the flag, whose short forms are `flags`.
    shape: several values, one of which must match; a label selector; a text.
    closed: the closed set that its values are of, as the API's description names it; "": any text.
    value: of a node, one of the values asked for; None for a field that needs more than the node.
    broad: whether so many nodes share each value that any other field says more.
    """

    name: str
    description: str
    help: str
    flags: tuple[str, ...] = ()
    shape: Literal["values", "selector", "text"] = "values"
    closed: Literal["", "Kind", "Status"] = ""
    value: Callable[[Node], str] | None = None
    broad: bool = False


_ENTRIES = (
    FilterField(
        name="namespace",
        description="Nodes of these namespaces, the Namespaces themselves, and cluster-scoped nodes linked "
        "to one of them.",
        help="Nodes of these namespaces.",
        flags=("-n",),
    ),
    FilterField(
        name="release",
        description="Nodes of these Helm releases, and what they use that has no release of its own.",
        help="Nodes of these Helm releases.",
    ),
    FilterField(
        name="kind",
        description="Nodes of these kinds, by any name that kubectl takes: `Pod`, `pods`, `po`; custom kinds "
        "also with the group, `Certificate.cert-manager.io`. A bare name prefers Kubernetes' own kind.",
        help="Nodes of these kinds.",
        closed="Kind",
        value=attrgetter("kind"),
    ),
    FilterField(
        name="status",
        description="Nodes with these statuses.",
        help="Nodes of these statuses.",
        closed="Status",
        value=attrgetter("status"),
    ),
    FilterField(
        name="reason",
        description="Nodes with these reasons, word for word, such as `CrashLoopBackOff`.",
        help="Nodes with these reasons.",
        value=reason_of,
    ),
    FilterField(
        name="cluster",
        description="Nodes of these clusters, by the names that `/api/v1/clusters` lists.",
        help="Nodes of these clusters.",
        value=attrgetter("cluster"),
        broad=True,
    ),
    FilterField(
        name="selector",
        description="Nodes whose labels match a Kubernetes label selector, equality-based or set-based.",
        help="Nodes whose labels match.",
        flags=("-l",),
        shape="selector",
    ),
    FilterField(
        name="q",
        description='Nodes that a search finds, such as `kind:deploy,sts ns:shop* -status:Ready "back-off"`: '
        "words in name, kind, namespace, release, reason or message, and `field:value`, ignoring case.",
        help="Nodes that a search finds, such as 'kind:deploy ns:shop* back-off'.",
        flags=("-q",),
        shape="text",
    ),
)

#: By name, in the order of documents and messages.
FILTER_FIELDS: Mapping[str, FilterField] = MappingProxyType({each.name: each for each in _ENTRIES})

#: The names of those that take several values.
LISTS = tuple(each.name for each in _ENTRIES if each.shape == "values")

#: Those that the node itself decides, by name.
OWN_VALUES: Mapping[str, Callable[[Node], str]] = MappingProxyType(
    {each.name: each.value for each in _ENTRIES if each.value is not None}
)


def listed(names: Iterable[str]) -> str:
    """`a`, `b` and `c`."""
    *most, last = [f"`{name}`" for name in names]
    return f"{', '.join(most)} and {last}"
