from __future__ import annotations

from typing import Any

from astrolabe.engine.serving_state import ClusterInfo, PartialEntry, Progress, ServingState
from astrolabe.http.grafana.frames import Notice, notices
from tests.support.serving import serve
from tests.support.worlds import World, facts


def said(**state: Any) -> tuple[Notice, ...]:
    known: dict[str, Any] = {"cluster": ClusterInfo(), "progress": Progress(), "partial": (), "why": ""}
    return notices(ServingState(since="2026-11-30T04:05:00Z", **{**known, **state}))


def test_no_notices_while_live() -> None:
    assert said(state="live") == ()


def test_other_values_follow_the_shown_values() -> None:
    progress, why = Progress(12, 38, 1335), "12 of 38 kinds are listed; Pod cannot be listed: 504"
    text = (
        "So far: 12 of 38 kinds, 1,335 objects; Pod cannot be listed: 504. More may be broken than is shown."
    )
    assert said(state="syncing", progress=progress, why=why) == (Notice("info", text),)
    partial = (
        PartialEntry("Secret", "forbidden", "403 Forbidden"),
        PartialEntry("Pod", "skipped", "1 object is left out", 1),
    )
    text = "Not everything is seen: Secret (403 Forbidden), Pod (1 object is left out)."
    assert said(state="partial", partial=partial) == (Notice("warning", text),)
    text = "Stale since 2026-11-30 04:05:00 UTC: the API server cannot be reached. This is how it was then."
    assert said(state="stale", why="the API server cannot be reached") == (Notice("warning", text),)


async def test_frames_carry_the_notices_of_the_state() -> None:
    world = World()
    world.set(facts("Pod", "web"))
    async with serve(world) as site:
        nodes, edges = await site.json("/api/v1/grafana/frames")
        assert [notice["severity"] for notice in nodes["schema"]["meta"]["notices"]] == ["info"]
        assert nodes["schema"]["meta"]["notices"][0]["text"].startswith("So far: 0 of 8 kinds, ")
        assert "notices" not in edges["schema"]["meta"]
        world.sync()
        site.state.refresh()
        nodes, _ = await site.json("/api/v1/grafana/frames")
        assert nodes["schema"]["meta"] == {"preferredVisualisationType": "nodeGraph"}
