"""What is known of the rights of one user, and what is being found out."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from astrolabe.http.access.doubts import Doubts
from astrolabe.http.access.inquiry import Answers
from astrolabe.http.access.namespace_search import NamespaceSearch

#: Questions about single objects or paths that one user has under way, and that are remembered.
SINGLE_ABREAST, MOST_SINGLE = 4, 256


class RememberedUser:
    """What is known of a user. named: namespaces that they named. asked: when all questions were.

    doubts: answers that may have become wrong. asking_about: those that are being asked again.
    failures: how often in a row the API server did not answer. paused: until asked about again,
    unless by a request. changes: of roles, so far.
    single: answers about objects and paths.
    is_calm: whether nobody waits for what is being asked, and nothing is known to have changed.
    took: how long it took to ask all questions. found: namespaces where the search for them, if no bindings
    may be watched, found a right. is_shown: whether what is known is worth to be shown, if incomplete.
    """

    def __init__(self) -> None:
        self.answers = Answers()
        self.named: OrderedDict[str, None] = OrderedDict()
        self.asked = 0.0
        self.took = 0.0
        self.used = 0.0
        self.failures = 0
        self.paused = False
        self.doubts = Doubts(all=True)
        self.asking_about = Doubts()
        self.changes = 0
        self.asking: asyncio.Task[None] | None = None
        self.is_calm = False
        self.single: OrderedDict[object, tuple[bool, float]] = OrderedDict()
        self.single_abreast = asyncio.Semaphore(SINGLE_ABREAST)
        self.found: dict[str, None] = {}
        self.search: NamespaceSearch | None = None
        self.is_shown = asyncio.Event()

    @property
    def is_doubted(self) -> bool:
        """Whether any answer is about to be given again."""
        return bool(self.doubts or self.asking_about) and self.answers.table is not None

    def may_be_wrong(self, kind: str, namespace: str) -> bool:
        """Whether this answer is about to be given again."""
        return self.doubts.covers(kind, namespace) or self.asking_about.covers(kind, namespace)
