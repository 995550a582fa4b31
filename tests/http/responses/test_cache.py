import asyncio
import gzip
from collections.abc import Callable, Iterator

import pytest

from astrolabe.http.errors import Refusal
from astrolabe.http.responses.cache import STEP, CachedBody, Pieces, Recipe, ResponseCache
from tests.support.serving import eventually


def making(*pieces: str | bytes) -> tuple[Callable[[], Pieces], list[None]]:
    """What makes these pieces, and a list that grows by one each time it is called."""
    calls: list[None] = []

    def make() -> Pieces:
        calls.append(None)
        return iter(pieces)

    return make, calls


async def get(
    bodies: ResponseCache, key: str, version: int, make: Callable[[], Pieces], *, packed: bool = False
) -> CachedBody:
    return await bodies.get(key, Recipe(version=lambda: version, make=make), packed=packed)


async def test_a_version_is_built_once() -> None:
    bodies = ResponseCache()
    make, calls = making("one ", "two")
    answers = await asyncio.gather(*[get(bodies, "key", 1, make, packed=False) for _ in range(5)])
    assert [bytes(answer) for answer in answers] == [b"one two"] * 5
    assert await get(bodies, "key", 1, make, packed=False) is answers[0]
    assert len(calls) == 1
    await get(bodies, "key", 2, make, packed=False)
    await get(bodies, "other", 2, make, packed=False)
    assert len(calls) == 3


@pytest.mark.parametrize("size", [10, 3 * STEP])
async def test_pieces_are_kept_in_order(size: int) -> None:
    make, _ = making("one ", "x" * size, b" ", "two")
    assert bytes(await get(ResponseCache(), "key", 1, make)) == b"one " + b"x" * size + b" two"


@pytest.mark.parametrize("size", [10, 100_000, 3 * STEP])
async def test_a_version_is_compressed_once(size: int) -> None:
    bodies = ResponseCache()
    make, calls = making("x" * size)
    one, two = await asyncio.gather(*[get(bodies, "key", 1, make, packed=True) for _ in range(2)])
    assert one is two
    assert gzip.decompress(bytes(one)) == b"x" * size
    assert bytes(await get(bodies, "key", 1, make)) == b"x" * size
    assert len(calls) == 1


async def test_a_cancelled_caller_does_not_affect_the_others() -> None:
    bodies = ResponseCache()
    make, calls = making("x" * 100_000)
    gone = asyncio.create_task(get(bodies, "key", 1, make, packed=True))
    stays = asyncio.create_task(get(bodies, "key", 1, make, packed=True))
    await asyncio.sleep(0)
    gone.cancel()
    assert gzip.decompress(bytes(await stays)) == b"x" * 100_000
    assert gone.cancelled()
    assert len(calls) == 1


async def test_failed_builds_are_not_cached() -> None:
    bodies = ResponseCache()

    def fail() -> Iterator[str]:
        raise LookupError("nobody")

    with pytest.raises(LookupError):
        await get(bodies, "key", 1, fail, packed=False)
    make, _ = making("there")
    assert bytes(await get(bodies, "key", 1, make)) == b"there"


async def test_builds_that_fail_halfway_are_not_cached() -> None:
    bodies = ResponseCache()

    def half() -> Iterator[str]:
        yield "half"
        raise LookupError("of it")

    with pytest.raises(LookupError):
        await get(bodies, "key", 1, half, packed=False)
    make, _ = making("whole")
    assert bytes(await get(bodies, "key", 1, make)) == b"whole"


async def test_the_least_recently_used_is_evicted_first() -> None:
    bodies = ResponseCache(entries=2)
    made = {key: making(key) for key in "abc"}
    for key in "abac":
        await get(bodies, key, 1, made[key][0], packed=False)
    await get(bodies, "a", 1, made["a"][0], packed=False)
    await get(bodies, "b", 1, made["b"][0], packed=False)
    assert {key: len(calls) for key, (_, calls) in made.items()} == {"a": 1, "b": 2, "c": 1}


async def test_bytes_are_bounded_but_the_latest_entry_stays() -> None:
    bodies = ResponseCache(size=1000)
    small, small_calls = making("x" * 600)
    large, large_calls = making("x" * 5000)
    await get(bodies, "small", 1, small, packed=False)
    await get(bodies, "large", 1, large, packed=False)
    await get(bodies, "large", 1, large, packed=False)
    await get(bodies, "small", 1, small, packed=False)
    assert (len(small_calls), len(large_calls)) == (2, 1)


async def test_a_body_that_nobody_asks_for_is_dropped_and_its_memory_is_free() -> None:
    bodies = ResponseCache(kept=0.1)
    old, old_calls = making("x" * 1000)
    new, new_calls = making("x" * 10)
    await get(bodies, "old", 1, old)
    await get(bodies, "new", 1, new)
    async with asyncio.timeout(10):
        while bodies.size != 10:  # asked for all the time, it stays
            await get(bodies, "new", 1, new)
            await asyncio.sleep(0.005)
    await eventually(lambda: bodies.size == 0)
    await get(bodies, "old", 1, old)
    assert (len(old_calls), len(new_calls)) == (2, 1)


async def test_a_long_body_yields_to_others() -> None:
    bodies = ResponseCache()
    turns = 0

    def slow() -> Iterator[str]:
        started = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < started + 0.05:
            yield "."

    task = asyncio.create_task(get(bodies, "key", 1, slow, packed=False))
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 5


async def test_closing_cancels_running_builds() -> None:
    bodies = ResponseCache()

    def endless() -> Iterator[str]:
        while True:
            yield "."

    waiting = asyncio.create_task(get(bodies, "key", 1, endless, packed=True))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await bodies.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def endless() -> Iterator[str]:
    while True:
        yield "."


async def test_a_request_that_waits_too_long_is_refused_with_retry_after() -> None:
    bodies = ResponseCache(timeout=0.05)
    running = [asyncio.create_task(get(bodies, key, 1, endless)) for key in "ab"]
    await asyncio.sleep(0)
    with pytest.raises(Refusal, match="waited") as refused:
        await get(bodies, "c", 1, making("there")[0])
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert bytes(await get(bodies, "c", 1, making("there")[0])) == b"there"


async def test_an_abandoned_answer_is_not_built() -> None:
    """A client that goes away while its body is made leaves nothing running."""
    bodies = ResponseCache()
    waiting = asyncio.create_task(get(bodies, "key", 1, endless, packed=True))
    await asyncio.sleep(0.02)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await eventually(lambda: not bodies._running and not bodies.size)


async def test_answers_being_read_count_towards_the_memory_limit() -> None:
    bodies = ResponseCache(size=1000, timeout=0.05)
    old = await get(bodies, "key", 1, making("x" * 800)[0])
    new = await get(bodies, "key", 2, making("y" * 800)[0])
    assert bodies.size == 1600
    with pytest.raises(Refusal, match="read"):
        await get(bodies, "other", 1, making("z")[0])
    waiting = asyncio.create_task(get(bodies, "other", 1, making("z")[0]))
    await asyncio.sleep(0.01)
    del old, new
    assert bytes(await waiting) == b"z"


async def test_concurrent_answers_are_limited_by_memory() -> None:
    """Each would find room as long as none is made."""
    bodies = ResponseCache(size=1000)
    most, held = 0, []

    async def read(number: int) -> None:
        nonlocal most
        make, _ = making("x" * 400, "x" * 400)
        recipe = Recipe(version=lambda: 1, make=make, take=lambda: asyncio.sleep(0.001))
        held.append(await bodies.get(number, recipe, packed=False))
        most = max(most, bodies.size)
        await asyncio.sleep(0.02)  # it reads for so long
        held.pop()

    await asyncio.gather(*map(read, range(20)))
    assert most <= 1000 + 3 * 800  # two that are being made, and the one that found room


async def test_texts_of_the_current_graph_are_not_counted_but_older_ones_are() -> None:
    bodies = ResponseCache(size=10)
    pages = [b"a" * 600, b"b" * 600]

    async def whole(version: int) -> CachedBody:
        recipe = Recipe(version=lambda: version, make=lambda: iter(list(pages)), borrowed=True)
        return await bodies.get("graph", recipe, packed=False)

    old = await whole(1)
    assert (old.size, bodies.size) == (1200, 0)
    pages[1] = b"c" * 600
    new = await whole(2)
    assert bodies.size == 600
    del old
    assert bodies.size == 0
    assert bytes(new) == b"a" * 600 + b"c" * 600
