"""Few records take a tuple, many a dict; whatever comes and goes, the set has what a set has."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from astrolabe.graph.model.facts import Rules
from astrolabe.graph.model.few import FEW, Few, each_record, with_record, without_record
from astrolabe.graph.model.record import Record
from tests.support.worlds import facts

RECORDS = [Record(facts("Pod", str(number)), Rules("Pod", "v1")) for number in range(FEW + 2)]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(RECORDS)), max_size=40))
def test_it_is_a_set(history: list[tuple[bool, Record]]) -> None:
    few: Few | None = None
    plain: set[Record] = set()
    for comes, record in history:
        few = with_record(few, record) if comes else without_record(few, record)
        plain = plain | {record} if comes else plain - {record}
        assert len(each_record(few)) == len(plain)
        assert set(each_record(few)) == plain
        assert (few is None) is (not plain)


def test_a_dict_is_for_many() -> None:
    found: list[Any] = []
    few: Few | None = None
    for record in RECORDS:
        few = with_record(few, record)
        found.append(type(few))
    assert found == [Record, *[tuple] * (FEW - 1), dict, dict]
