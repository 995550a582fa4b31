"""Positions in history: those that all replicas share, and those of a detached leader."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from astrolabe.graph.state.batch import BAND, MIN_SKIP, is_detached, next_seq, skip_ahead

#: A little behind the start of a band of stored positions.
NOW = 2 * BAND * 858_000_000 + 12_345


def test_a_jump_leads_to_an_unused_position() -> None:
    assert skip_ahead(57, microseconds=NOW, detached=False) == NOW
    assert skip_ahead(57, microseconds=NOW, detached=True) == NOW + BAND
    assert skip_ahead(NOW + 50, microseconds=NOW, detached=True) == NOW + 50 + MIN_SKIP + BAND
    assert skip_ahead(NOW + 50, microseconds=NOW, detached=False) == NOW + 50 + MIN_SKIP


@given(
    seq=st.integers(0, 2 * NOW),
    microseconds=st.integers(0, 2 * NOW),
    detached=st.booleans(),
    steps=st.integers(0, 5),
)
def test_positions_grow_and_stay_in_their_band(
    seq: int, microseconds: int, detached: bool, steps: int
) -> None:
    at = skip_ahead(seq, microseconds=microseconds, detached=detached)
    assert at >= max(seq + MIN_SKIP, microseconds)
    assert is_detached(at) is detached
    for _ in range(steps):
        following = next_seq(at, detached=detached)
        assert following > at
        assert is_detached(following) is detached
        at = following
    back = next_seq(at, detached=not detached)
    assert back > at
    assert is_detached(back) is not detached


def test_the_next_position_skips_the_other_band() -> None:
    assert next_seq(BAND - 1, detached=False) == 2 * BAND
    assert next_seq(2 * BAND - 1, detached=True) == 3 * BAND
    assert next_seq(41, detached=False) == 42
