"""What the model keeps about one resource."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from astrolabe.graph.model.facts import Facts, Rules, WarningEvent
from astrolabe.graph.model.links import Link, Ref, RefByUid
from astrolabe.graph.state.edge import NO_EDGES, Edges
from astrolabe.graph.state.identity import Release
from astrolabe.graph.state.node import Node

_CREATION = '"creationTimestamp":"'
_CREATED = re.compile(_CREATION + r'([^"]*)"')


class Record:
    """One resource: its facts, its edges, and what its neighbours make of it.

    sought_as: the `Select.kind` by which it is found.
    own_text: the part of the node's text that depends on the manifest only (`encode_own`). It is kept until
        the node is built; from then on, it is the node's text from `split` on.
    own_status, own_details: by the manifest alone. status, details: as derived from neighbours.
    warning: the Warning that the node shows. warned: whether the status is in the words of a Warning.
    own_release, label_release, made_by, own_chart: by the manifest. release, chart: as settled, mostly
        inherited.
    unresolved_candidates: required references that do not resolve. unresolved: those that should resolve.
    emitted: whether it is in the graph since the last commit.
    """

    __slots__ = (
        "aliases",
        "chart",
        "closure_ends",
        "details",
        "emitted",
        "extra",
        "incoming",
        "kind",
        "label_release",
        "links",
        "made_by",
        "name",
        "namespace",
        "node",
        "outgoing",
        "own_chart",
        "own_details",
        "own_release",
        "own_status",
        "own_text",
        "release",
        "revision",
        "root",
        "rules",
        "selectable",
        "sought_as",
        "split",
        "status",
        "uid",
        "unresolved",
        "unresolved_candidates",
        "warned",
        "warning",
    )

    def __init__(self, facts: Facts, rules: Rules) -> None:
        self.rules = rules
        self.kind = rules.kind
        self.sought_as = rules.sought_as or rules.kind
        self.uid = facts.uid
        self.name = facts.name
        self.namespace = facts.namespace
        self.links: tuple[Link, ...] = ()
        self.aliases: tuple[str, ...] = ()
        self.selectable: Mapping[str, str] | None = None
        self.own_status = self.status = facts.status
        self.own_details: Any = facts.details
        self.details: Any = None
        self.extra: dict[str, Any] | None = None
        self.warning: WarningEvent | None = None
        self.warned = False
        self.own_release = facts.release
        self.label_release = facts.label_release
        self.made_by = facts.made_by
        self.own_chart = facts.chart
        self.release: Release | None = None
        self.chart = ""
        self.revision = facts.revision
        self.root = False
        self.closure_ends = facts.closure_ends
        self.unresolved_candidates: tuple[Ref | RefByUid, ...] = ()
        self.unresolved: tuple[Ref | RefByUid, ...] = ()
        self.outgoing: Edges = NO_EDGES
        self.incoming: Edges = NO_EDGES
        self.own_text = ""
        self.node: Node | None = None
        self.split = 0
        self.emitted = False

    def __repr__(self) -> str:
        return f"<Record {self.kind} {self.namespace}/{self.name} {self.uid}>"

    @property
    def manifest_text(self) -> str:
        """The part of the text that depends on the manifest only, wherever it is kept."""
        return self.own_text or (self.node.text[self.split :] if self.node else "")

    def is_of(self, facts: Facts) -> bool:
        """Whether facts with the same uid are of the same resource: the API never changes these fields, and
        a Pod is a mirror of a static one, at which the closure ends, from the beginning."""
        return (
            facts.name == self.name
            and facts.namespace == self.namespace
            and facts.kind == self.kind
            and facts.closure_ends == self.closure_ends
            and self._was_created(facts.metadata.get("creationTimestamp", ""))
        )

    @property
    def created(self) -> str:
        """metadata.creationTimestamp, or ""; read from the text, so that it is not stored twice."""
        if self.own_text or self.node is None:
            found = _CREATED.search(self.own_text)
        else:
            found = _CREATED.search(self.node.text, self.split)
        return found[1] if found else ""

    def _was_created(self, at: str) -> bool:
        """The same as `created == at`, in less time when it is so."""
        text, start = (
            (self.own_text, 0) if self.own_text or self.node is None else (self.node.text, self.split)
        )
        found = text.find(_CREATION, start)
        if found < 0:
            return not at
        return text.startswith(at + '"', found + len(_CREATION))

    def says(self, text: str) -> bool:
        """Whether this is the part of the text that depends on the manifest only."""
        if self.own_text or self.node is None:
            return text == self.own_text
        whole = self.node.text
        return self.split + len(text) == len(whole) and whole.endswith(text)
