"""Sets of records that mostly have one or two: then they are no object or a tuple, and only beyond a dict.

A data structure of its own, which the indices of labels and of names share.
"""

from __future__ import annotations

from collections.abc import Collection

from astrolabe.graph.model.record import Record

#: A dict of two takes four times as much memory as a tuple.
FEW = 4
#: The order is that in which they came, but for one that left and came again.
Few = Record | tuple[Record, ...] | dict[Record, None]


def with_record(known: Few | None, record: Record) -> Few:
    """The set with this record. A dict is changed in place."""
    if known is None or known is record:
        return record
    if isinstance(known, dict):
        known[record] = None
        return known
    if not isinstance(known, tuple):
        return (known, record)
    if record in known:
        return known
    return (*known, record) if len(known) < FEW else dict.fromkeys((*known, record))


def without_record(known: Few | None, record: Record) -> Few | None:
    """The set without it; None if nothing is left. A dict is changed in place."""
    if isinstance(known, dict):
        known.pop(record, None)
        return known or None
    if isinstance(known, tuple):
        rest = tuple([each for each in known if each is not record])
        return rest if len(rest) > 1 else rest[0]
    return None if known is record else known


def each_record(known: Few | None) -> Collection[Record]:
    """Its records."""
    if known is None:
        return ()
    return known if isinstance(known, tuple | dict) else (known,)
