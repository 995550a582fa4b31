"""Restores the simulated API server from a backup while it runs."""

from __future__ import annotations

from contextlib import suppress

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.store import Expired, ObjectStore

#: Versions that writes to kinds which are not watched (Leases, Events) take meanwhile. Without them what is
#: written after the restoration would soon have the versions of before, and nobody could tell.
MEANWHILE = 1_000_000


def back_up(store: ObjectStore, churn: Churn) -> int:
    """Returns the version to go back to. What is written from now on is far ahead of it.

    Nothing is half done then: what is under way is finished first, for nobody will go on with it afterwards.
    """
    churn.finish()
    revision = store.revision
    store.settle(revision + MEANWHILE)
    return revision


def restore(store: ObjectStore, churn: Churn, revision: int) -> bool:
    """Whether the cluster is again as it was then; not if that was compacted. Nobody who watches is told."""
    with suppress(Expired):
        store.restore(revision)
        churn.resync()
        return True
    return False
