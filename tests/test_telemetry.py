from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from typing import Literal

import pytest

from astrolabe import telemetry
from tests.support.process import LOGGERS, process_as_before


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    with process_as_before():
        yield


@pytest.mark.parametrize(
    ("verbosity", "levels"),
    [
        (0, ["WARNING", "INFO", "WARNING", "WARNING"]),
        (1, ["INFO", "INFO", "WARNING", "WARNING"]),
        (2, ["INFO", "DEBUG", "WARNING", "WARNING"]),
        (3, ["DEBUG", "DEBUG", "WARNING", "WARNING"]),
        (4, ["DEBUG", "DEBUG", "DEBUG", "WARNING"]),
    ],
)
def test_levels_by_verbosity(verbosity: int, levels: list[str]) -> None:
    telemetry.configure(verbosity=verbosity, log_format="text")
    effective = [logging.getLogger(f"{name}.x" if name else "").getEffectiveLevel() for name in LOGGERS]
    assert [logging.getLevelName(level) for level in effective] == levels


def test_text_lines(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(verbosity=0, log_format="text")
    logging.getLogger("astrolabe.kube").warning("%s: connected again", "Pod")
    line = capsys.readouterr().err
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"{time} WARNING astrolabe\.kube  Pod: connected again\n", line)


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(verbosity=0, log_format="json")
    try:
        raise ValueError("no\nluck")
    except ValueError:
        logging.getLogger("astrolabe.app").exception("a %s failed", "task")
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert {key: entry[key] for key in ("level", "logger", "message")} == {
        "level": "error",
        "logger": "astrolabe.app",
        "message": "a task failed",
    }
    assert entry["exception"].startswith("Traceback (most recent call last):\n")
    assert entry["exception"].endswith("ValueError: no\nluck")
    assert entry["time"].endswith("Z")
    assert "process" not in entry


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_lines_of_several_processes(
    log_format: Literal["text", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.configure(verbosity=0, log_format=log_format, several=True)
    logging.getLogger("astrolabe.app").info("stopped")
    line = capsys.readouterr().err
    if log_format == "json":
        assert json.loads(line)["process"] == os.getpid()
    else:
        assert line.endswith(f" INFO    astrolabe.app[{os.getpid()}]  stopped\n")


def test_a_traceback_follows_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(verbosity=0, log_format="text")
    try:
        raise ValueError("no luck")
    except ValueError:
        logging.getLogger("astrolabe.app").exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("ERROR   astrolabe.app  failed")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: no luck"
