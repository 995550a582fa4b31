"""The life of one application on a real API server, put back into a `ObjectStore`: see tests/recordings/shop.

Widgets (a custom resource), events and customresourcedefinitions are recorded too; kinds that are not in the
table are left out.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from astrolabe.kinds.kind import Kind
from astrolabe.sim.store import ObjectStore
from tests.support.kinds import KINDS

RECORDINGS = Path(__file__).parent.parent / "recordings"

Json = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One recorded event. seconds: since the start of the recording. line: as it came, with its newline."""

    seconds: float
    kind: str
    type: str
    manifest: Json
    line: bytes


class Recording:
    """The recording, for the kinds given.

    kinds: those of them that were recorded. changes: all events in the order of their arrival, bookmarks left
    out.
    """

    def __init__(self, kinds: Sequence[Kind[Any]] = KINDS, *, folder: Path = RECORDINGS / "shop") -> None:
        self._folder = folder
        self._served = kinds
        self.kinds = [kind for kind in kinds if (folder / f"{kind.plural}.list.json").exists()]
        lines = [change for kind in self.kinds for change in self._watched(kind)]
        self.changes = sorted(lines, key=lambda change: change.seconds)

    def store(self) -> ObjectStore:
        """A store with what there was before the application."""
        return self._filled("list")

    def final_store(self) -> ObjectStore:
        """A store with what there was in the end."""
        return self._filled("final")

    def shuffled(self, seed: int) -> list[Change]:
        """The changes in another order between kinds; each kind keeps its own, as a watch does."""
        queues = {kind.name: [c for c in self.changes if c.kind == kind.name] for kind in self.kinds}
        order = [change.kind for change in self.changes]
        random.Random(seed).shuffle(order)
        positions = dict.fromkeys(queues, 0)
        changes = []
        for name in order:
            changes.append(queues[name][positions[name]])
            positions[name] += 1
        return changes

    def lines(self, kind: Kind[Any]) -> list[bytes]:
        """The lines of the recorded watch of a kind, bookmarks included, each with its newline."""
        recorded = (self._folder / f"{kind.plural}.watch.jsonl").read_bytes().splitlines(keepends=True)
        return [line.split(b"\t", 1)[1] for line in recorded]

    def items(self, kind: Kind[Any], when: str = "final") -> list[Json]:
        """The items of the first ("list") or the last ("final") recorded LIST of a kind."""
        items: list[Json] = self._list(kind, when)["items"]
        return items

    def _list(self, kind: Kind[Any], when: str) -> Json:
        recorded: Json = msgspec.json.decode((self._folder / f"{kind.plural}.{when}.json").read_bytes())
        return recorded

    def _filled(self, when: str) -> ObjectStore:
        store = ObjectStore(self._served)
        revisions = []
        for kind in self.kinds:
            recorded = self._list(kind, when)
            revisions.append(int(recorded["metadata"]["resourceVersion"]))
            for item in sorted(recorded["items"], key=lambda item: int(item["metadata"]["resourceVersion"])):
                store.create(kind.name, item)
        store.settle(max(revisions))
        return store

    def _watched(self, kind: Kind[Any]) -> Iterable[Change]:
        stamped = (self._folder / f"{kind.plural}.watch.jsonl").read_bytes().splitlines(keepends=True)
        for entry in stamped:
            seconds, line = entry.split(b"\t", 1)
            event = msgspec.json.decode(line)
            if event["type"] != "BOOKMARK":
                yield Change(float(seconds), kind.name, event["type"], event["object"], line)


def replay(store: ObjectStore, changes: Iterable[Change]) -> None:
    """Do to the store what was recorded; uids and resourceVersions stay what they were."""
    write = {"ADDED": store.create, "MODIFIED": store.update, "DELETED": store.delete}
    for change in changes:
        write[change.type](change.kind, change.manifest)
