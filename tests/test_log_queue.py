"""The log of a process whose reader stalls, by a real pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest

from astrolabe.http.ops.metrics import of_process

#: Logs as many lines as it is told to, and says on stdout that it has.
PROGRAM = """
import logging, os, sys, threading
from astrolabe import telemetry
telemetry.configure(verbosity=0, log_format="text")
logger = logging.getLogger("astrolabe.test")
for line in sys.stdin:
    for number in range(int(line)):
        logger.info("%06d %s", number, "x" * 100)
    print(telemetry.lines_dropped(), flush=True)
"""


@contextmanager
def program(text: str = PROGRAM) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(process: subprocess.Popen[bytes], lines: int) -> int:
    """Let it log so many; returns how many it has dropped."""
    stdin, stdout = _opened(process.stdin), _opened(process.stdout)
    stdin.write(b"%d\n" % lines)
    stdin.flush()
    return int(stdout.readline())


def _opened(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


@pytest.mark.timeout(60)
def test_a_stalled_reader_delays_nobody_and_learns_what_it_missed() -> None:
    with program() as process:
        dropped = ask(process, 20_000)
        assert 10_000 < dropped < 20_000
        _, errors = process.communicate()
    lines = errors.decode().splitlines()
    assert lines[-1].endswith(
        f"WARNING astrolabe.telemetry  {dropped} log lines were dropped: nobody reads them"
    )
    assert [line.split()[3] for line in lines[:-1]] == [f"{n:06}" for n in range(20_000 - dropped)]
    assert process.returncode == 0


@pytest.mark.timeout(60)
def test_the_notice_of_dropped_lines_is_in_place() -> None:
    with program() as process:
        dropped = ask(process, 20_000)
        stderr = _opened(process.stderr)
        kept = [stderr.readline() for _ in range(20_000 - dropped)]
        assert kept[-1].split()[3] == b"%06d" % (20_000 - dropped - 1)
        assert stderr.readline().endswith(b" %d log lines were dropped: nobody reads them\n" % dropped)
        assert ask(process, 1) == dropped
        assert stderr.readline().split()[3] == b"000000"


@pytest.mark.timeout(60)
def test_a_process_exits_even_if_nobody_reads_its_log() -> None:
    with program() as process:
        ask(process, 20_000)
        _opened(process.stdin).close()
        assert process.wait(timeout=10) == 0


def test_the_error_that_ends_a_process_is_its_last_line() -> None:
    with program(f"{PROGRAM}\nraise ValueError('no\\x1bluck')") as process:
        _, errors = process.communicate(b"3\n")
    lines = errors.decode().splitlines()
    assert process.returncode == 1
    assert lines[3].endswith("CRITICAL astrolabe  ended by an error")
    assert lines[-1] == r"    ValueError: no\x1bluck"


def test_a_forked_process_logs_its_own_lines_and_no_others() -> None:
    text = """
import logging, os, warnings
from astrolabe import telemetry
warnings.simplefilter("ignore")  # that a process with threads forks
telemetry.configure(verbosity=0, log_format="text")
logging.info("before")
logging.getLogger("astrolabe.test").info("parent")
if (pid := os.fork()) == 0:
    logging.getLogger("astrolabe.test").info("child")
    logging.shutdown()
    os._exit(0)
os.waitpid(pid, 0)
"""
    with program(text) as process:
        _, errors = process.communicate()
    assert sorted(line.split()[-1] for line in errors.decode().splitlines()) == ["child", "parent"]


def test_a_closed_reader_ends_no_process() -> None:
    with program() as process:
        _opened(process.stderr).close()
        ask(process, 10)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == -signal.SIGTERM


def test_a_nonblocking_pipe_is_handled() -> None:
    with program() as process:
        os.set_blocking(_opened(process.stderr).fileno(), False)
        # Of a pipe each end has flags of its own; those of a terminal are shared.
        dropped = ask(process, 10)
        os.set_blocking(_opened(process.stderr).fileno(), True)
        _, errors = process.communicate()
    assert (dropped, len(errors.splitlines())) == (0, 10)


def test_the_lines_that_were_dropped_are_a_metric() -> None:
    (family,) = [
        each for each in of_process(ready=True, role="leader", lines_dropped=7) if "log" in each.name
    ]
    assert [(sample.name, sample.value) for sample in family.samples] == [
        ("astrolabe_log_lines_dropped_total", 7)
    ]
