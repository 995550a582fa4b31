"""Tasks that run as long as the process: what happens when one ends, and in what order they are closed."""

from __future__ import annotations

import asyncio

import pytest

from astrolabe.modes.supervisor import Supervisor, TaskFailed


async def fail() -> None:
    raise RuntimeError("no luck")


async def finish() -> None:
    pass


async def test_a_task_that_fails_is_logged_with_its_traceback_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    supervisor = Supervisor()
    supervisor.spawn(fail(), name="engine")
    with pytest.raises(TaskFailed, match=r"^the engine ended unexpectedly; the log says why$"):
        await supervisor.wait_for_failure()
    assert "the engine ended unexpectedly" in caplog.text
    assert "RuntimeError: no luck" in caplog.text
    await supervisor.close()


async def test_a_task_that_returns_has_failed_too() -> None:
    supervisor = Supervisor()
    supervisor.spawn(finish(), name="memory")
    with pytest.raises(TaskFailed, match=r"^the memory ended"):
        await supervisor.wait_for_failure()
    await supervisor.close()


async def test_a_task_that_may_end_fails_only_by_an_exception() -> None:
    supervisor = Supervisor()
    supervisor.spawn(finish(), name="announcer", may_end=True)
    await asyncio.sleep(0)
    supervisor.spawn(fail(), name="other announcer", may_end=True)
    with pytest.raises(TaskFailed, match=r"^the other announcer ended"):
        await supervisor.wait_for_failure()
    await supervisor.close()


async def test_the_first_failure_is_named() -> None:
    supervisor = Supervisor()
    supervisor.spawn(fail(), name="engine")
    supervisor.spawn(fail(), name="watches")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(TaskFailed, match=r"^the engine ended"):
        await supervisor.wait_for_failure()
    await supervisor.close()


async def test_tasks_are_closed_in_reverse_order(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []

    async def run_until_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append("engine")

    async def close_cluster() -> None:
        closed.append("cluster")

    async def close_server() -> None:
        closed.append("server")

    supervisor = Supervisor()
    supervisor.on_close(close_cluster)
    supervisor.spawn(run_until_cancelled(), name="engine")
    supervisor.on_close(close_server)
    await asyncio.sleep(0)
    await supervisor.close()
    assert closed == ["server", "engine", "cluster"]
    assert caplog.text == ""

    await supervisor.close()
    assert closed == ["server", "engine", "cluster"]
