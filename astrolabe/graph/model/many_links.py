"""The links of a holder that has very many, such as the inventory of an Argo CD Application.

Who asks what such a holder says about one resource does not have to look at all of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from astrolabe.graph.model.contributions import permit_key
from astrolabe.graph.model.links import BY_UID, Link, NameKey, Ref, RefByUid, Select
from astrolabe.graph.model.record import Record

#: What a reference looks for: a kind and a name, or a uid.
_Target = tuple[str, str] | str
#: Links that are compared at a time.
_CHUNK = 256


class ManyLinks:
    """The links of one holder by what they look for.

    waiting: what links that came or went look for, and whose edges are not made or removed yet; with those
        that went. moving: the (type, reverse) of these links.
    """

    __slots__ = ("_by_target", "_permitted", "_selections", "moving", "waiting")

    def __init__(self, links: Sequence[Link]) -> None:
        self.waiting: dict[_Target | Select, list[Link]] = {}
        self.moving: set[tuple[str, bool]] = set()
        self._by_target: dict[_Target, Link | tuple[Link, ...]] = {}
        self._selections: dict[Select, None] = {}
        self._permitted: tuple[Ref, ...] = ()
        self.exchange((), links, links)
        self.take(len(links))

    def exchange(self, gone: Sequence[Link], come: Sequence[Link], links: Sequence[Link]) -> None:
        """Some links go and some come, and wait; all of them are in `links` then, in this order."""
        by_target, waiting = self._by_target, self.waiting
        shared: set[_Target] = set()
        for link in gone:
            target = _target(link)
            waiting.setdefault(target, []).append(link)
            if not isinstance(target, Select) and isinstance(by_target.pop(target, None), tuple):
                shared.add(target)
        for link in come:
            target = _target(link)
            if target not in waiting:
                waiting[target] = []
            if isinstance(target, Select):
                continue
            if target in by_target:
                shared.add(target)
            else:
                by_target[target] = link
        if shared:
            self._collect(shared, links)
        for some in (gone, come):
            self.moving.update([(link.type, not isinstance(link, Select) and link.reverse) for link in some])
            if any(isinstance(link, Select) for link in some):
                self._selections = {link: None for link in links if isinstance(link, Select)}
            if any(isinstance(link, Ref) and link.permit is not None for link in some):
                self._permitted = tuple([each for each in links if isinstance(each, Ref) and each.permit])

    def _collect(self, shared: set[_Target], links: Iterable[Link]) -> None:
        """Find the links that look for these. Several may look for the same one."""
        found: dict[_Target, list[Link]] = {target: [] for target in shared}
        for link in links:
            target = _target(link)
            if not isinstance(target, Select) and (several := found.get(target)) is not None:
                several.append(link)
        for target, several in found.items():
            if len(several) > 1:
                self._by_target[target] = tuple(several)
            elif several:
                self._by_target[target] = several[0]
            else:
                self._by_target.pop(target, None)

    def take(self, most: int) -> list[Link]:
        """Links that look for some of what waits, which waits no longer; one of those that differ in their
        fields."""
        found: dict[Hashable, Link] = {}
        for _ in range(min(most, len(self.waiting))):
            target, gone = self.waiting.popitem()
            some = [*gone, *([target] if isinstance(target, Select) else self._looking_for(target))]
            if len(some) == 1:
                found[target] = some[0]
            else:
                found.update([(_identity(link), link) for link in some])
        if not self.waiting:
            self.moving.clear()
        return list(found.values())

    def about(self, record: Record) -> list[Link]:
        """The links that may resolve to this record.

        A selection that waits is not told of changed labels yet, so it makes no edges until it is taken.
        """
        found: list[Link] = [select for select in self._selections if select not in self.waiting]
        targets: list[_Target] = [(record.kind, name) for name in (record.name, *record.aliases)]
        for target in (record.uid, *targets):
            found.extend(self._looking_for(target))
        return found

    def concerned(self, name_key: NameKey, name: str) -> set[tuple[str, bool]]:
        """The (type, reverse) of the references to this name, and of all that wait."""
        return self.moving.union([(link.type, link.reverse) for link in self._naming(name_key, name)])

    def has(self, select: Select) -> bool:
        """Whether this selection is one of the links."""
        return select in self._selections

    def wants(self, name_key: NameKey, name: str) -> bool:
        """Whether one of the references is to this name, or needs the permission that is found under it."""
        return any(True for _ in self._naming(name_key, name)) or any(
            link.permit is not None and name in link.permit.names and permit_key(link) == name_key
            for link in self._permitted
        )

    def _naming(self, name_key: NameKey, name: str) -> Iterator[Ref | RefByUid]:
        for link in self._looking_for(name if name_key == BY_UID else (name_key[0], name)):
            if not isinstance(link, Select) and link.name_key == name_key:
                yield link

    def _looking_for(self, target: _Target) -> tuple[Link, ...]:
        found = self._by_target.get(target)
        if found is None:
            return ()
        return found if isinstance(found, tuple) else (found,)


def _target(link: Link) -> _Target | Select:
    if isinstance(link, Ref):
        return (link.kind, link.name)
    return link.uid if isinstance(link, RefByUid) else link


def _identity(link: Link) -> Hashable:
    """All of a link but its field."""
    if isinstance(link, Select):
        return link
    return (
        link.type,
        link.reverse,
        link.name_key,
        link.target,
        link.permit if isinstance(link, Ref) else None,
    )


def differing(old: Sequence[Link], new: Sequence[Link]) -> tuple[int, int]:
    """How many links are the same at the beginning of both, and then at the end."""
    if len(new) > len(old) and new[: len(old)] == old:
        return len(old), 0
    most = min(len(old), len(new))
    begin = 0
    while begin + _CHUNK <= most and old[begin : begin + _CHUNK] == new[begin : begin + _CHUNK]:
        begin += _CHUNK
    while begin < most and old[begin] == new[begin]:
        begin += 1
    most -= begin
    end, last, newest = 0, len(old), len(new)
    while end + _CHUNK <= most and (
        old[last - end - _CHUNK : last - end] == new[newest - end - _CHUNK : newest - end]
    ):
        end += _CHUNK
    while end < most and old[-1 - end] == new[-1 - end]:
        end += 1
    return begin, end
