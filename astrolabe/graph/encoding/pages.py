"""The whole graph as bytes, in pages. After a change, only the pages that it affects are encoded again."""

from __future__ import annotations

from collections.abc import Iterable

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.graph import ServedGraph

#: The average number of nodes per page. Each changed node costs the encoding of about this many.
PAGE = 32
#: If the graph has grown by this factor since the pages were made, they are made again.
GROWTH = 4


class EncodedPage:
    """The nodes that share a hash. nodes, edges: their texts, and those of their outgoing edges, each after a
    comma; empty if there are none.
    """

    __slots__ = ("edges", "nodes", "uids")

    def __init__(self) -> None:
        self.uids: dict[str, None] = {}
        self.nodes = b""
        self.edges = b""

    def encode(self, graph: ServedGraph) -> None:
        """Make the texts as the graph is now."""
        nodes = graph.nodes
        self.nodes = _listed([nodes[uid].text for uid in self.uids])
        self.edges = _listed([edge.text for uid in self.uids for edge in graph.outgoing(uid)])


class Pages:
    """All pages of a graph.

    Call `update` for every batch, after the graph has applied it. That costs nothing until the pages are
    first requested. From then on, its time is proportional to what changed, and memory holds a second copy of
    all texts and 40 bytes per node: about 1 KB for a node with two edges.
    """

    def __init__(self, graph: ServedGraph) -> None:
        self._graph = graph
        self._pages: list[EncodedPage] = []
        #: Nodes that are older than the pages and not in any page yet.
        self._unplaced: list[str] = []
        #: Pages that may be outdated.
        self._stale: dict[EncodedPage, None] = {}

    def update(self, changes: Changes) -> None:
        """Follow a batch."""
        if not self._pages:
            return
        if len(self._graph.nodes) > len(self._pages) * PAGE * GROWTH:
            self._pages, self._unplaced, self._stale = [], [], {}
            return
        self._enter([node.uid for node in changes.nodes_set])
        for uid in changes.nodes_removed:
            self._page(uid).uids.pop(uid, None)
        touched = [*changes.nodes_removed, *[edge.source for edge in changes.edges_set]]
        touched += [source for _, source, _ in changes.edges_removed]
        self._stale.update(dict.fromkeys(map(self._page, touched)))

    def refresh(self, most: int | None = None) -> int:
        """Encode at most this many pages (None: all). Returns how much is left, 0 if nothing.

        The first `take` of a large graph takes long. Callers that cannot wait call `refresh` in steps first.
        """
        if not self._pages:
            self._pages = [EncodedPage() for _ in range(len(self._graph.nodes) // PAGE + 1)]
            self._unplaced = list(self._graph.nodes)
        if self._unplaced:
            self._place(len(self._unplaced) if most is None else most * PAGE)
        if self._unplaced:
            return len(self._unplaced)
        stale = self._stale
        for _ in range(len(stale) if most is None else min(most, len(stale))):
            stale.popitem()[0].encode(self._graph)
        return len(stale)

    def take(self) -> tuple[list[bytes], list[bytes]]:
        """The texts of all nodes and all edges as the graph is now. Each begins with a comma; none is empty.

        They are the pages' own objects, so sending them copies nothing.
        """
        self.refresh()
        nodes = [page.nodes for page in self._pages if page.nodes]
        return nodes, [page.edges for page in self._pages if page.edges]

    def _place(self, count: int) -> None:
        start = max(len(self._unplaced) - count, 0)
        self._enter([uid for uid in self._unplaced[start:] if uid in self._graph.nodes])
        del self._unplaced[start:]

    def _enter(self, uids: Iterable[str]) -> None:
        for uid in uids:
            page = self._page(uid)
            page.uids[uid] = None
            self._stale[page] = None

    def _page(self, uid: str) -> EncodedPage:
        return self._pages[hash(uid) % len(self._pages)]


def _listed(texts: list[str]) -> bytes:
    return ("," + ",".join(texts)).encode() if texts else b""
