"""75 seconds of the default demo: what its list of problems does while pods crash, are replaced and rolled out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from astrolabe.graph.causes.ledger import SHOWN
from tests.support.driven import DrivenDemo

Json = dict[str, Any]

SECONDS = 75
SEEDS = (1, 2)


async def looks(seed: int) -> list[list[Json]]:
    """The list once a second, as it was at first and then."""
    demo = DrivenDemo(seed)
    return [await demo.problems(), *[await demo.live(1) for _ in range(SECONDS)]]


def weight(row: Json) -> tuple[Any, ...]:
    """By what a row has its place in the list."""
    entries, kinds = len(row["entries"]), row["affected"]["kinds"]
    return row["status"], row.get("since"), "ended" in row, entries, tuple(kinds.items())


@pytest.mark.parametrize("seed", SEEDS)
async def test_rows_outlive_their_grace_period_and_stay_in_place(seed: int) -> None:
    seen = await looks(seed)
    first = {row["id"] for row in seen[0]}
    began: dict[str, int] = dict.fromkeys(first, 0)
    for second, (before, rows) in enumerate(pairwise(seen), 1):
        was, now = {row["id"]: row for row in before}, {row["id"]: row for row in rows}
        assert len(now) == len(rows)
        for gone in was.keys() - now.keys():
            assert "ended" in was[gone]
            assert second - began.pop(gone) >= SHOWN, f"{was[gone]['message']} is shown too briefly"
        for row in rows:
            began.setdefault(row["id"], second)
            if row["id"] not in first:
                # No grace is as short as this look at it: what only waits is none of these.
                assert row["status"] == "Error", row
                assert row["reason"] not in ("Progressing", "Terminating", "NoMatchingPods"), row
        steady = [row["id"] for row in rows if row["id"] in was and weight(row) == weight(was[row["id"]])]
        kept = set(steady)
        loops = [row["cause"]["name"] for row in rows if "keeps ending" in row["message"]]
        assert len(set(loops)) == len(loops), "a crash loop has two rows"
        assert steady == [row["id"] for row in before if row["id"] in kept], f"rows moved at {second} s"
