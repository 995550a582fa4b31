"""Edges between clusters: what objects of one cluster say of objects in another.

The manifests of a cluster name others by a name of the cluster or by the address of its API server, and the
object by kind, namespace and name. An edge is there while both ends are. The time of a change depends on what
it concerns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar
from urllib.parse import urlsplit

from astrolabe.engine.serving_state import ClusterInfo
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import qualified
from astrolabe.graph.state.node import Node

#: A resource by cluster, kind, namespace and name.
Place = tuple[str, str, str, str]

K = TypeVar("K")

#: Nodes whose names are read in one step.
STEP = 500
_PORTS = {"https": 443, "http": 80}


class ClusterNames:
    """Finds a cluster by what manifests call it: its name, its context, or the address of its API server. The
    host alone is enough if no other cluster's API server is there."""

    def __init__(self) -> None:
        self._infos: frozenset[ClusterInfo] = frozenset()
        self._names: dict[str, str] = {}
        self._hosts: dict[str, str] = {}

    def become(self, infos: Iterable[ClusterInfo]) -> bool:
        """Know these clusters. Returns whether others were known before."""
        told = frozenset(infos)
        if told == self._infos:
            return False
        self._infos, self._names = told, {}
        hosts: dict[str, list[str]] = {}
        for info in sorted(told, key=lambda each: each.name, reverse=True):
            if info.server:
                address = _address(info.server)
                self._names[address] = info.name
                hosts.setdefault(_host(address), []).append(info.name)
            if info.context:
                self._names[info.context] = info.name
        self._hosts = {host: names[0] for host, names in hosts.items() if len(names) == 1}
        self._names.update({info.name: info.name for info in told})
        return True

    def find(self, text: str) -> str | None:
        """The name of the cluster; None if it is none of these."""
        return self._names.get(text) or self._names.get(_address(text)) or self._hosts.get(text.lower())


def _address(text: str) -> str:
    """`https://host:port`, in whatever way it is written."""
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return text
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def _host(address: str) -> str:
    """`https://host:port` without scheme and port."""
    return address.partition("://")[2].rpartition(":")[0]


class Crossings:
    """Keeps the edges between clusters: adds to the changes of a batch what follows from them.

    graph: returns the served one, which has applied all batches before. names: of the clusters.
    """

    def __init__(self, graph: Callable[[], ServedGraph], names: ClusterNames) -> None:
        self._graph = graph
        self._names = names
        #: What each source refers to elsewhere, and where that is meant to be.
        self._refs: dict[str, tuple[Ref, ...]] = {}
        self._kinds: dict[str, tuple[str, str]] = {}
        self._sources: dict[Place, set[str]] = {}
        #: The fields by which objects make an edge, by these objects: both ends may name the other.
        self._makers: dict[EdgeKey, dict[str, tuple[str, ...]]] = {}
        #: The edges that an object makes, and the objects whose edges end at a node.
        self._made: dict[str, frozenset[EdgeKey]] = {}
        self._by_end: dict[str, set[str]] = {}
        #: The uids of all resources of the clusters that are referred to.
        self._uids: dict[str, dict[tuple[str, str, str], str]] = {}
        self._unread: dict[str, None] = {}
        self._dirty: set[str] = set()

    @property
    def is_due(self) -> bool:
        """Whether something waits that no change of the graph brings about."""
        return bool(self._dirty or self._unread)

    def note(self, uid: str, kind: str, namespace: str, refs: tuple[Ref, ...]) -> None:
        """Know what an object, of this id, refers to in other clusters."""
        before = self._refs.get(uid, ())
        if before == refs:
            return
        self._forget_places(uid, before)
        if refs:
            self._refs[uid], self._kinds[uid] = refs, (kind, namespace)
        else:
            del self._refs[uid], self._kinds[uid]
        self._add_places(uid, refs)
        self._dirty.add(uid)

    def note_listed(self, cluster: str, kind: str, namespace: str, listed: Iterable[str]) -> None:
        """Only these objects of a kind are left in a cluster, or in a namespace of it."""
        prefix = qualified(cluster, "")
        known = [
            uid
            for uid, (its_kind, its_namespace) in self._kinds.items()
            if its_kind == kind and namespace in ("", its_namespace) and uid.startswith(prefix)
        ]
        for uid in set(known).difference(listed) if known else ():
            self.note(uid, kind, namespace, ())

    def forget(self, cluster: str) -> None:
        """A cluster is gone, with all its objects."""
        prefix = qualified(cluster, "")
        for uid in [uid for uid in self._refs if uid.startswith(prefix)]:
            self.note(uid, *self._kinds[uid], ())
        self._uids.pop(cluster, None)
        self._unread.pop(cluster, None)

    def rename(self) -> None:
        """Clusters have other names, or other clusters have these."""
        self._sources = {}
        for uid, refs in self._refs.items():
            self._add_places(uid, refs)
        self._dirty.update(self._refs)

    def doubt(self) -> None:
        """The served graph may lack some of the edges: all are compared with it."""
        self._dirty.update(self._refs, self._made)

    def read(self) -> Iterator[None]:
        """Read the names in clusters that are newly referred to, in steps. The graph may change meanwhile."""
        for cluster in list(self._unread):
            found = self._uids.get(cluster)
            if found is None:
                continue
            for number, node in enumerate(list(self._graph().nodes.values())):
                if node.cluster == cluster and self._graph().nodes.get(node.uid) is node:
                    found.setdefault(_name_of(node), node.uid)
                if number % STEP == 0:
                    yield
            if self._uids.get(cluster) is not found:
                continue  # it left meanwhile, and may have come back
            self._unread.pop(cluster, None)
            for place, sources in self._sources.items():
                if place[0] == cluster:
                    self._dirty.update(sources)

    def __call__(self, changes: Changes) -> None:
        """Complete the changes of the next batch."""
        if not (self._refs or self._made or self._dirty or self._uids):
            return
        gone = set(changes.nodes_removed)
        for node in changes.nodes_set:
            self._note_node(node)
        for uid in changes.nodes_removed:
            self._note_gone(uid)
        dirty, self._dirty = self._dirty, set()
        new = {node.uid for node in changes.nodes_set}
        graph = self._graph()
        touched: dict[EdgeKey, None] = {}
        for uid in sorted(dirty):
            made = self._made_by(uid, lambda each: each in new or (each in graph.nodes and each not in gone))
            touched.update(dict.fromkeys([*self._made.get(uid, ()), *made]))
            self._keep(uid, made)
        removed = dict.fromkeys(changes.edges_removed)
        for key in touched:
            edge, served = self._edge(key), graph.edge(key)
            if edge is None and served is not None:
                removed[key] = None
            elif edge is not None and edge != served:
                changes.edges_set.append(edge)
        changes.edges_removed = list(removed)

    def _note_node(self, node: Node) -> None:
        if node.uid in self._refs:
            self._dirty.add(node.uid)
        uids = self._uids.get(node.cluster)
        if uids is not None:
            name = _name_of(node)
            uids[name] = node.uid
            self._dirty.update(self._sources.get((node.cluster, *name), ()))

    def _note_gone(self, uid: str) -> None:
        self._dirty.update(self._by_end.get(uid, ()))
        node = self._graph().nodes.get(uid)
        if node is None:
            return
        uids, name = self._uids.get(node.cluster), _name_of(node)
        if uids is not None and uids.get(name) == uid:
            del uids[name]

    def _made_by(self, uid: str, is_there: Callable[[str], bool]) -> dict[EdgeKey, tuple[str, ...]]:
        """The edges that the references of an object make, each with the fields."""
        fields: dict[EdgeKey, list[str]] = {}
        for ref in self._refs.get(uid, ()) if is_there(uid) else ():
            place = self._place_of(uid, ref)
            target = self._uids.get(place[0], {}).get(place[1:]) if place is not None else None
            if target is not None and is_there(target):
                key = (ref.type, target, uid) if ref.reverse else (ref.type, uid, target)
                fields.setdefault(key, []).append(ref.field)
        return {key: tuple(dict.fromkeys(paths)) for key, paths in fields.items()}

    def _keep(self, uid: str, made: dict[EdgeKey, tuple[str, ...]]) -> None:
        for key in self._made.pop(uid, ()):
            makers = self._makers[key]
            del makers[uid]
            if not makers:
                del self._makers[key]
            for end in key[1:]:
                self._drop(self._by_end, end, uid)
        for key, fields in made.items():
            self._makers.setdefault(key, {})[uid] = fields
            for end in key[1:]:
                self._by_end.setdefault(end, set()).add(uid)
        if made:
            self._made[uid] = frozenset(made)

    @staticmethod
    def _drop(holders: dict[K, set[str]], key: K, uid: str) -> None:
        some = holders.get(key)
        if some is not None:
            some.discard(uid)
            if not some:
                del holders[key]

    def _edge(self, key: EdgeKey) -> Edge | None:
        """The edge, by the fields of its source and those of its target; None if nobody makes it."""
        makers = self._makers.get(key)
        if makers is None:
            return None
        forward, backward = makers.get(key[1], ()), makers.get(key[2], ())
        return Edge(*key, (*forward, *backward), len(forward))

    def _place_of(self, uid: str, ref: Ref) -> Place | None:
        """Where it is; None if that is no other cluster that is served."""
        cluster = self._names.find(ref.cluster)
        if cluster is None or uid.startswith(qualified(cluster, "")):
            return None
        return cluster, ref.kind, ref.namespace, ref.name

    def _add_places(self, uid: str, refs: Iterable[Ref]) -> None:
        for ref in refs:
            place = self._place_of(uid, ref)
            if place is not None:
                self._sources.setdefault(place, set()).add(uid)
                if place[0] not in self._uids:
                    self._uids[place[0]], self._unread[place[0]] = {}, None

    def _forget_places(self, uid: str, refs: Iterable[Ref]) -> None:
        for ref in refs:
            place = self._place_of(uid, ref)
            if place is not None:
                self._drop(self._sources, place, uid)


def _name_of(node: Node) -> tuple[str, str, str]:
    return node.kind, node.namespace, node.name
