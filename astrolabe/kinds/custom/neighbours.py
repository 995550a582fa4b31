"""The status of custom resources that only their neighbours can tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from astrolabe.graph.model.facts import Derive, Derived, Neighborhood, Peer, Read
from astrolabe.graph.state.edge_types import SELECTS
from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.custom import subsets
from astrolabe.kinds.custom.paths import show
from astrolabe.kinds.custom.rule import KindRule, ReferenceRule
from astrolabe.kinds.custom.verdict import NOT_JUDGED

#: Missing references that one message names.
MOST_NAMED = 5

NOT_SELECTED = "NotSelected"
SELECTS_NOTHING = "SelectsNothing"


def judge_by_neighbours(rule: KindRule) -> tuple[Derive | None, tuple[Read, ...]]:
    """How the neighbours decide, and what is read of them; None if they do not."""
    status = rule.status
    if status is None:
        return None, ()
    if status.by_references and rule.subsets is not None and rule.subsets.labels:
        return _by_subsets, subsets.READS
    if status.by_references:
        return _by_references, ()
    selections = [each for each in rule.references if each.select is not None and each.edge == SELECTS]
    must = selections if status.must_select else []
    if not (status.selected_by or must):
        return None, ()
    selectors = tuple([kind.key for kind in status.selected_by])
    selected = tuple([kind.key for each in must for kind in each.to])
    # Whether they are there is all that matters, so there is no order between the kinds.
    reads = [Read("incoming", SELECTS, kind, own=True) for kind in selectors]
    reads += [Read("outgoing", SELECTS, kind, own=True) for kind in selected]
    return _by_selections(selectors, selected, must), tuple(reads)


def _by_selections(
    selectors: Sequence[str], selected: Sequence[str], references: Sequence[ReferenceRule]
) -> Derive:
    unselected = _not_selected(selectors)
    nothing = _selects_nothing(references)

    def derive(itself: Peer, neighborhood: Neighborhood) -> Derived:
        if itself.status.severity != READY:
            return Derived(itself.status)
        if (
            unselected is not None
            and neighborhood.is_complete_everywhere(selectors)
            and not any(_is_any(neighborhood.incoming(SELECTS, kind, own=True)) for kind in selectors)
        ):
            return unselected
        if (
            nothing is not None
            and neighborhood.is_complete_everywhere(selected)
            and not any(_is_any(neighborhood.outgoing(SELECTS, kind, own=True)) for kind in selected)
        ):
            return nothing
        return Derived(itself.status)

    return derive


def _is_any(peers: Iterable[Peer]) -> bool:
    return next(iter(peers), None) is not None


def _not_selected(selectors: Sequence[str]) -> Derived | None:
    if not selectors:
        return None
    message = f"No {_plain(selectors[0])} selects it: no selector matches its labels and its namespace"
    # No error: what else reads such objects is not known to all who watch them.
    return Derived(Status(PENDING, NOT_SELECTED, message), {"decidedBy": "metadata.labels"})


def _selects_nothing(references: Sequence[ReferenceRule]) -> Derived | None:
    if not references:
        return None
    first = references[0]
    assert first.select is not None
    field = show(first.select.selector or first.select.labels)
    message = f"No {first.to[0].kind} matches its selector, so it has no targets"
    return Derived(Status(ERROR, SELECTS_NOTHING, message), {"decidedBy": field})


def _plain(key: str) -> str:
    return key.partition(".")[0]


def _by_subsets(itself: Peer, neighborhood: Neighborhood) -> Derived:
    return subsets.judge(itself, neighborhood, _by_references(itself, neighborhood))


def _by_references(itself: Peer, neighborhood: Neighborhood) -> Derived:
    """The status of a kind whose manifest has none: does everything that it names exist?"""
    if itself.status.reason != NOT_JUDGED:
        return Derived(itself.status)
    missing = list(neighborhood.unresolved)
    if missing:
        named = ", ".join([f"{_plain(each.kind)} {each.name}" for each in missing[:MOST_NAMED]])
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        verb = "does" if len(missing) == 1 else "do"
        status = Status(ERROR, "ReferenceMissing", f"{named}{more} {verb} not exist")
        return Derived(status, {"decidedBy": missing[0].field})
    if neighborhood.unseen:
        unseen = next(iter(neighborhood.unseen))
        message = f"Nobody can tell whether {_plain(unseen.kind)} {unseen.name} exists"
        return Derived(Status(UNKNOWN, NOT_JUDGED, message))
    return Derived(Status(READY, "Ready", "Everything that it names exists"))
