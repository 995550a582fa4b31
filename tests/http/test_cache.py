import asyncio
import gzip
from collections.abc import Callable, Iterator

import pytest

from astrolabe.http.cache import JOIN_FROM, Bodies, Pieces


def making(*pieces: str | bytes) -> tuple[Callable[[], Pieces], list[None]]:
    """What makes these pieces, and a list that grows by one each time it is called."""
    calls: list[None] = []

    def make() -> Pieces:
        calls.append(None)
        return iter(pieces)

    return make, calls


async def test_a_version_is_made_once() -> None:
    bodies = Bodies()
    make, calls = making("one ", "two")
    answers = await asyncio.gather(*[bodies.get("key", 1, make, packed=False) for _ in range(5)])
    assert answers == [b"one two"] * 5
    assert await bodies.get("key", 1, make, packed=False) is answers[0]
    assert len(calls) == 1
    await bodies.get("key", 2, make, packed=False)
    await bodies.get("other", 2, make, packed=False)
    assert len(calls) == 3


@pytest.mark.parametrize("size", [10, JOIN_FROM])
async def test_pieces_are_joined(size: int) -> None:
    make, _ = making("one ", "x" * size, b" ", "two")
    assert await Bodies().get("key", 1, make, packed=False) == b"one " + b"x" * size + b" two"


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_version_is_compressed_once(size: int) -> None:
    bodies = Bodies()
    make, calls = making("x" * size)
    one, two = await asyncio.gather(*[bodies.get("key", 1, make, packed=True) for _ in range(2)])
    assert one is two
    assert gzip.decompress(one) == b"x" * size
    assert await bodies.get("key", 1, make, packed=False) == b"x" * size
    assert len(calls) == 1


async def test_a_caller_that_goes_away_does_not_take_it_from_the_others() -> None:
    bodies = Bodies()
    make, calls = making("x" * 100_000)
    gone = asyncio.create_task(bodies.get("key", 1, make, packed=True))
    stays = asyncio.create_task(bodies.get("key", 1, make, packed=True))
    await asyncio.sleep(0)
    gone.cancel()
    assert gzip.decompress(await stays) == b"x" * 100_000
    assert gone.cancelled()
    assert len(calls) == 1


async def test_what_cannot_be_made_is_not_kept() -> None:
    bodies = Bodies()

    def fail() -> Iterator[str]:
        raise LookupError("nobody")

    with pytest.raises(LookupError):
        await bodies.get("key", 1, fail, packed=False)
    make, _ = making("there")
    assert await bodies.get("key", 1, make, packed=False) == b"there"


async def test_what_fails_half_way_is_not_kept() -> None:
    bodies = Bodies()

    def half() -> Iterator[str]:
        yield "half"
        raise LookupError("of it")

    with pytest.raises(LookupError):
        await bodies.get("key", 1, half, packed=False)
    make, _ = making("whole")
    assert await bodies.get("key", 1, make, packed=False) == b"whole"


async def test_what_was_not_asked_for_longest_goes_first() -> None:
    bodies = Bodies(entries=2)
    made = {key: making(key) for key in "abc"}
    for key in "abac":
        await bodies.get(key, 1, made[key][0], packed=False)
    await bodies.get("a", 1, made["a"][0], packed=False)
    await bodies.get("b", 1, made["b"][0], packed=False)
    assert {key: len(calls) for key, (_, calls) in made.items()} == {"a": 1, "b": 2, "c": 1}


async def test_bytes_are_bounded_but_the_latest_is_kept() -> None:
    bodies = Bodies(size=1000)
    small, small_calls = making("x" * 600)
    large, large_calls = making("x" * 5000)
    await bodies.get("small", 1, small, packed=False)
    await bodies.get("large", 1, large, packed=False)
    await bodies.get("large", 1, large, packed=False)
    await bodies.get("small", 1, small, packed=False)
    assert (len(small_calls), len(large_calls)) == (2, 1)


async def test_a_long_body_gives_way_to_others() -> None:
    bodies = Bodies()
    turns = 0

    def slow() -> Iterator[str]:
        started = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < started + 0.05:
            yield "."

    task = asyncio.create_task(bodies.get("key", 1, slow, packed=False))
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 5


async def test_closing_ends_what_is_being_made() -> None:
    bodies = Bodies()

    def endless() -> Iterator[str]:
        while True:
            yield "."

    waiting = asyncio.create_task(bodies.get("key", 1, endless, packed=True))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await bodies.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
