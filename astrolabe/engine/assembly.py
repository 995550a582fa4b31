"""Builds the engine from the settings."""

from __future__ import annotations

from collections.abc import Callable

from astrolabe.engine.engine import Engine, Publisher
from astrolabe.engine.event_keeper import EventKeeper
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import Selector, parse
from astrolabe.graph.state.cluster_part import ServedPart
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.settings import Settings


def create_engine(
    settings: Settings,
    catalogue: Catalogue,
    publisher: Publisher,
    readiness: ReadinessTracker,
    *,
    epoch: str,
    served: Callable[[], ServedPart],
    restored: bool = False,
    cluster: str = "",
) -> Engine:
    """An empty engine for the kinds of the catalogue.

    served, restored: see `Engine`. cluster: see `Model`.
    """
    return Engine(
        Model([kind.rules for kind in catalogue], roots=_roots(settings), cluster=cluster),
        publisher,
        readiness,
        epoch=epoch,
        window=settings.batch_window,
        selected=settings.selector_mode == "strict" and bool(settings.label_selector),
        served=served,
        restored=restored,
        events=EventKeeper(most=settings.max_events, most_each=settings.max_events_per_object),
    )


def _roots(settings: Settings) -> Selector | None:
    """The selector of closure mode.

    None in strict mode, in which the API server selects, and without a selector.
    """
    if settings.selector_mode == "strict" or not settings.label_selector.strip():
        return None
    return parse(settings.label_selector)
