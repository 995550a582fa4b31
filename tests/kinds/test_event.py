"""What is read of an Event, from either API group and from old and new recorders."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.kinds.event import ALL_EVENTS, WARNING_EVENTS

META = {"uid": "e", "name": "web.1", "namespace": "shop", "creationTimestamp": "2026-11-30T03:00:00Z"}


def read(manifest: dict[str, Any]) -> ObjectEvent | None:
    body = msgspec.json.encode({"metadata": META, "type": "Warning", "reason": "Unhealthy", **manifest})
    return WARNING_EVENTS.facts(WARNING_EVENTS.decoder.decode(body))


def event(count: int, first: str, last: str, *, source: str = "kubelet", message: str = "no") -> ObjectEvent:
    return ObjectEvent("e", "shop", "u", "Warning", "Unhealthy", message, source, count, first, last)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        pytest.param(
            {
                "involvedObject": {"kind": "Pod", "uid": "u"},
                "message": "no",
                "source": {"component": "kubelet", "host": "n"},
                "firstTimestamp": "2026-11-30T03:00:01Z",
                "lastTimestamp": "2026-11-30T03:10:00Z",
                "count": 12,
                "eventTime": None,
                "reportingComponent": "",
            },
            event(12, "2026-11-30T03:00:01Z", "2026-11-30T03:10:00Z"),
            id="core, old recorder",
        ),
        pytest.param(
            {
                "regarding": {"kind": "Pod", "uid": "u"},
                "note": "no",
                "deprecatedSource": {"component": "kubelet"},
                "deprecatedFirstTimestamp": "2026-11-30T03:00:01Z",
                "deprecatedLastTimestamp": "2026-11-30T03:10:00Z",
                "deprecatedCount": 12,
                "eventTime": None,
            },
            event(12, "2026-11-30T03:00:01Z", "2026-11-30T03:10:00Z"),
            id="events.k8s.io, old recorder",
        ),
        pytest.param(
            {
                "regarding": {"uid": "u"},
                "note": "no",
                "eventTime": "2026-11-30T03:00:01.629855Z",
                "series": {"count": 4, "lastObservedTime": "2026-11-30T03:20:00.000001Z"},
                "deprecatedSource": {},
                "deprecatedFirstTimestamp": None,
                "deprecatedLastTimestamp": None,
                "reportingController": "default-scheduler",
            },
            event(4, "2026-11-30T03:00:01Z", "2026-11-30T03:20:00Z", source="default-scheduler"),
            id="events.k8s.io, series",
        ),
        pytest.param(
            {
                "involvedObject": {"uid": "u"},
                "message": "no",
                "series": {"count": 4, "lastObservedTime": None},
            },
            event(4, "2026-11-30T03:00:00Z", "2026-11-30T03:00:00Z", source=""),
            id="without a time of its own",
        ),
        pytest.param(
            {"regarding": {"uid": "u"}, "note": "x" * 5_000},
            event(1, "2026-11-30T03:00:00Z", "2026-11-30T03:00:00Z", source="", message="x" * 1_023 + "…"),
            id="a long message is shortened",
        ),
        pytest.param(
            {"involvedObject": {"kind": "Namespace", "name": "x"}}, None, id="regards nothing by uid"
        ),
        pytest.param({"involvedObject": {"uid": "u"}, "type": "Normal"}, None, id="no Warning"),
    ],
)
def test_read(manifest: dict[str, Any], expected: ObjectEvent | None) -> None:
    assert read(manifest) == expected


def test_all_events_include_normal_ones() -> None:
    body = msgspec.json.encode({"metadata": META, "type": "Normal", "regarding": {"uid": "u"}})
    found = ALL_EVENTS.facts(ALL_EVENTS.decoder.decode(body))
    assert found is not None
    assert found.type == "Normal"
