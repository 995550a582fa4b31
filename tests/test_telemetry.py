from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from astrolabe import telemetry
from tests.support.process import LOGGERS, process_as_before


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    with process_as_before():
        yield


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Whatever was logged, once it is written."""

    def read() -> str:
        for handler in logging.getLogger().handlers:
            handler.flush()
        return capsys.readouterr().err

    return read


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


def test_text_lines(logged: Callable[[], str]) -> None:
    telemetry.configure(verbosity=0, log_format="text")
    logging.getLogger("astrolabe.kube").warning("%s: connected again", "Pod")
    line = logged()
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"{time} WARNING astrolabe\.kube  Pod: connected again\n", line)


def test_json_lines(logged: Callable[[], str]) -> None:
    telemetry.configure(verbosity=0, log_format="json")
    try:
        raise ValueError("no\nluck")
    except ValueError:
        logging.getLogger("astrolabe.app").exception("a %s failed", "task")
    (line,) = logged().splitlines()
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
def test_lines_of_several_processes(log_format: Literal["text", "json"], logged: Callable[[], str]) -> None:
    telemetry.configure(verbosity=0, log_format=log_format, several=True)
    logging.getLogger("astrolabe.app").info("stopped")
    line = logged()
    if log_format == "json":
        assert json.loads(line)["process"] == os.getpid()
    else:
        assert line.endswith(f" INFO    astrolabe.app[{os.getpid()}]  stopped\n")


def test_a_traceback_follows_its_line(logged: Callable[[], str]) -> None:
    telemetry.configure(verbosity=0, log_format="text")
    try:
        raise ValueError("no luck")
    except ValueError:
        logging.getLogger("astrolabe.app").exception("failed")
    lines = logged().splitlines()
    assert lines[0].endswith("ERROR   astrolabe.app  failed")
    assert lines[1] == "    Traceback (most recent call last):"
    assert lines[-1] == "    ValueError: no luck"


FORGED = "2026-01-31T12:00:00.000Z INFO    astrolabe.app  all is well"


def test_a_message_is_one_printable_line(logged: Callable[[], str]) -> None:
    telemetry.configure(verbosity=0, log_format="text")
    logging.getLogger("astrolabe.http").warning("asked for %s", f"/\x1b[2J\x9b31m\r\n{FORGED}\u2028\ud800")
    (line,) = logged().splitlines()
    assert line.endswith(rf"astrolabe.http  asked for /\x1b[2J\x9b31m\r\n{FORGED}\u2028\ud800")


def test_a_traceback_cannot_fake_a_log_line(logged: Callable[[], str]) -> None:
    telemetry.configure(verbosity=0, log_format="text")
    try:
        raise ValueError(f"no\x1b[2J\n{FORGED}\x85{FORGED}")
    except ValueError:
        logging.getLogger("astrolabe.app").exception("failed")
    first, *rest = logged().split("\n")[:-1]
    assert first.endswith("failed")
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    assert rest[-2:] == [r"    ValueError: no\x1b[2J", rf"    {FORGED}\x85{FORGED}"]


def test_a_json_line_is_printable_and_complete(logged: Callable[[], str]) -> None:
    telemetry.configure(verbosity=0, log_format="json")
    logging.getLogger("astrolabe.http").warning("a\x1b[2J\x9b31m\u2028\n%s", "\ud800")
    line = logged()
    assert line[:-1].isprintable()
    assert json.loads(line)["message"] == "a\x1b[2J\x9b31m\u2028\n\\ud800"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_long_message_is_cut(log_format: Literal["text", "json"], logged: Callable[[], str]) -> None:
    telemetry.configure(verbosity=0, log_format=log_format)
    logging.getLogger("astrolabe.http").warning("%s", "x" * 1_000_000)
    line = logged()
    assert f"{'x' * telemetry.LONGEST_MESSAGE}… (991808 more characters)" in line
    assert len(line) < telemetry.LONGEST_MESSAGE + 200


def test_a_long_traceback_keeps_its_end(logged: Callable[[], str]) -> None:
    telemetry.configure(verbosity=0, log_format="text")
    try:
        raise ValueError("x" * 100_000 + " the end")
    except ValueError:
        logging.getLogger("astrolabe.app").exception("failed")
    text = logged()
    assert re.search(r"failed\n    … \(\d+ characters before\)\n    x", text)
    assert text.endswith("x the end\n")
    assert len(text) < telemetry.LONGEST_TRACE + 200


def test_unformattable_messages_are_logged(logged: Callable[[], str]) -> None:
    telemetry.configure(verbosity=0, log_format="text")
    logging.getLogger("astrolabe.app").info("one %d", "x")
    assert re.search(r"ERROR   astrolabe\.app  'one %d' cannot be logged: TypeError\(.*\)\n$", logged())
