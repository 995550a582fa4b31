"""The fields of the search language: one entry each, of which parsing, matching, completion and documents are
made. All that a node shows can be searched: what is not listed here is a key of its metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from astrolabe.graph.search.document import document_of, texts_at
from astrolabe.graph.state.node import Node, reason_of

#: How the values of a field are written: a text with wildcards; a part of a text; one of a closed set;
#: another object, as `kind/name`; `true`, `false` or an object; the other end of an edge; its type; the name
#: of a cluster, which is the same for all nodes unless several are served.
Shape = Literal["text", "part", "kind", "status", "object", "unresolved", "neighbour", "edge", "cluster"]


#: What a name of a cluster is parsed to that is the name of the only one; and any other.
THIS_CLUSTER, OTHER_CLUSTER = "this", "other"


class SearchField(msgspec.Struct, frozen=True, kw_only=True):
    """One field.

    aliases: other names of it. texts: of a node, one of which must match; None where that takes its edges.
    indexed: whether views are found by its value, so that other nodes cost them nothing. Every node has one.
    compares: whether it can be compared with `>` and `<`.
    """

    name: str
    description: str
    example: str
    aliases: tuple[str, ...] = ()
    shape: Shape = "text"
    texts: Callable[[Node], Iterable[str]] | None = None
    indexed: bool = False
    compares: bool = False


def _owners(node: Node) -> Iterator[str]:
    for owner in document_of(node).owner_references:
        yield from _names(owner.get("kind", ""), "", owner.get("name", ""))


def _unresolved(node: Node) -> Iterator[str]:
    yield "true" if node.unresolved else "false"
    if node.unresolved:
        yield from missing(node)


def missing(node: Node) -> Iterator[str]:
    """What its unresolved references name, in each way in which an object can be written."""
    for each in document_of(node).unresolved:
        yield from _names(each.get("kind", ""), each.get("namespace", ""), each.get("name", ""))


def names_of(node: Node) -> Iterator[str]:
    """Each way in which a term can name this node: `name`, `kind/name`, `kind/namespace/name`."""
    yield from _names(node.kind, node.namespace, node.name)


def _names(kind: str, namespace: str, name: str) -> Iterator[str]:
    yield name
    yield f"{kind}/{name}"
    if namespace:
        yield f"{kind}/{namespace}/{name}"


def _labels(node: Node) -> Iterator[str]:
    for key, value in node.labels().items():
        yield key
        yield f"{key}={value}"


def _metadata(*paths: str) -> Callable[[Node], Iterator[str]]:
    split = [tuple(path.lower().split(".")) for path in paths]

    def texts(node: Node) -> Iterator[str]:
        metadata = document_of(node).metadata
        for path in split:
            yield from texts_at(metadata, path)

    return texts


_ENTRIES = (
    SearchField(
        name="name",
        description="The name.",
        example="name:web-*",
        texts=lambda node: (node.name,),
        indexed=True,
    ),
    SearchField(
        name="namespace",
        aliases=("ns", "n"),
        description="The namespace.",
        example="ns:shop*",
        texts=lambda node: (node.namespace,),
        indexed=True,
    ),
    SearchField(
        name="kind",
        aliases=("k",),
        description="The kind, by any of the names that kubectl takes.",
        example="kind:deploy,sts",
        shape="kind",
        texts=lambda node: (node.kind,),
        indexed=True,
    ),
    SearchField(
        name="cluster",
        description="The cluster, by the name that `/health` shows.",
        example="cluster:prod",
        shape="cluster",
        texts=lambda node: (node.cluster or THIS_CLUSTER,),
    ),
    SearchField(
        name="status",
        description="Ready, Pending, Error or Unknown.",
        example="status:Error",
        shape="status",
        texts=lambda node: (node.status,),
        indexed=True,
    ),
    SearchField(
        name="reason",
        description="The reason of its status, in one word.",
        example="reason:CrashLoop*",
        texts=lambda node: (reason_of(node),),
        indexed=True,
    ),
    SearchField(
        name="message",
        description="A part of the message of its status.",
        example='message:"exit code 137"',
        shape="part",
        texts=lambda node: (document_of(node).message,),
    ),
    SearchField(
        name="since",
        description="When its status began.",
        example="since>2026-11-01T08:00:00Z",
        texts=lambda node: (document_of(node).since,),
        compares=True,
    ),
    SearchField(
        name="release",
        description="The Helm release.",
        example="release:cart",
        texts=lambda node: (node.release,),
        indexed=True,
    ),
    SearchField(
        name="chart",
        description="The Helm chart.",
        example="chart:cart-*",
        texts=lambda node: (node.chart,),
    ),
    SearchField(
        name="label",
        aliases=("l",),
        description="A label: its key, or key and value.",
        example="label:app=web",
        texts=_labels,
    ),
    SearchField(
        name="owner",
        description="A direct owner, by name or as kind/name.",
        example="owner:job/nightly",
        shape="object",
        texts=_owners,
    ),
    SearchField(
        name="image",
        description="An image of its containers.",
        example="image:*nginx*",
        texts=_metadata("images", "image"),
    ),
    SearchField(
        name="node",
        description="The node that a Pod runs on.",
        example="node:node-2",
        texts=_metadata("nodeName"),
    ),
    SearchField(
        name="restarts",
        description="How often its containers restarted.",
        example="restarts>5",
        texts=_metadata("restarts"),
        compares=True,
    ),
    SearchField(
        name="created",
        aliases=("creationtimestamp",),
        description="When it was created.",
        example="created>2026-11-01",
        texts=_metadata("creationTimestamp"),
        compares=True,
    ),
    SearchField(
        name="uid",
        description="The uid.",
        example="uid:0e1c*",
        texts=lambda node: (node.uid,),
    ),
    SearchField(
        name="unresolved",
        description="Whether it refers to something that does not exist, or to what.",
        example="unresolved:true",
        shape="unresolved",
        texts=_unresolved,
    ),
    SearchField(
        name="uses",
        description="Something that it uses, existing or not, as kind/name, kind/namespace/name or name.",
        example="uses:secret/db",
        shape="neighbour",
    ),
    SearchField(
        name="used-by",
        description="Something that uses it, written likewise.",
        example="used-by:sts/web",
        shape="neighbour",
    ),
    SearchField(
        name="edge",
        description="The type of an edge that begins or ends at it.",
        example="edge:mounts",
        shape="edge",
    ),
)

#: By name, in the order of documents.
SEARCH_FIELDS: Mapping[str, SearchField] = MappingProxyType({each.name: each for each in _ENTRIES})

#: By every name that is accepted.
BY_WORD: Mapping[str, SearchField] = MappingProxyType(
    {word: each for each in _ENTRIES for word in (each.name, *each.aliases)}
)

#: A path into the metadata begins so.
METADATA = "metadata."


def metadata_field(path: str) -> SearchField:
    """A field for a key of the metadata, in lower case."""
    return SearchField(
        name=METADATA + path,
        description="A key of the metadata.",
        example=f"{METADATA}{path}:*",
        texts=_metadata(path),
        compares=True,
    )
