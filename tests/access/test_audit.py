"""The audit log: a line for each answer, and for the beginning and end of each stream."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from astrolabe import telemetry
from tests.access.test_access import two_shops
from tests.access.test_changing_rights import Follower, follow
from tests.support.tenants import tenancy


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "audit.jsonl"
    telemetry.configure_audit(str(path))
    yield path
    telemetry.close_audit()


def lines_of(path: Path) -> list[dict[str, Any]]:
    for handler in logging.getLogger(telemetry.AUDIT).handlers:
        handler.flush()
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.asyncio
async def test_entries_name_user_request_and_result(audit: Path) -> None:
    async with tenancy(two_shops(), "jane", "secret-token") as site:
        await site.json("jane", "/api/v1/graph?namespace=shop")
        await site.ask("stranger", "/api/v1/graph")
        await site.ask("jane", "/metrics?token=secret-token")
        async with follow(site, "jane") as socket:
            await Follower(socket).until("shop-pod", "web")
    told = [
        (each["user"], each["path"], each["event"], each.get("status"))
        for each in lines_of(audit)
        if each["path"].startswith(("/api", "/metrics"))
    ]
    assert told == [
        ("jane", "/api/v1/graph?namespace=shop", "answered", 200),
        ("", "/api/v1/graph", "answered", 401),
        ("jane", "/metrics?token=…", "answered", 403),
        ("jane", "/api/v1/ws", "opened", 101),
        ("jane", "/api/v1/ws", "closed", None),
    ]
    first = lines_of(audit)[0]
    assert first["groups"] == ["system:authenticated"]
    assert first["address"] == "127.0.0.1"
    assert first["method"] == "GET"


def test_the_audit_log_is_readable_by_its_owner_only(audit: Path) -> None:
    assert audit.stat().st_mode & 0o777 == 0o600


def test_an_unwritable_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        telemetry.configure_audit(str(tmp_path / "nowhere" / "audit"))


def test_dropped_lines_are_reported_as_json() -> None:
    record = logging.LogRecord(
        "astrolabe.telemetry", logging.WARNING, "", 0, "3 lines were dropped", None, None
    )
    assert json.loads(telemetry.AuditFormatter().format(record))["event"] == "dropped"
