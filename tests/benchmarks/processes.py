"""Helpers in processes of their own, so that what one side costs is not taken for the other's.

The parent asks and the helper answers, a line of JSON each over its standard input and output:
`["command", {"option": 1}]`, then whatever the command returns. The helper ends when its input does.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Commands = Mapping[str, Callable[..., Awaitable[Any]]]

#: Seconds that a helper has to end once its input did.
PATIENCE = 30
#: Bytes that a command may have.
LONGEST = 1 << 24


class Helper:
    """A running `python -m tests.benchmarks.<module>`, as its parent sees it; or of another package of the tests."""

    def __init__(self, module: str, *arguments: str, package: str = "tests.benchmarks") -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{package}.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for the parent, which ends it.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, command: str, **options: Any) -> Any:
        """What the command returns. Raises AssertionError when the helper failed; its trace is on stderr."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([command, options]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, f"{self._module} failed at {command}"
        return json.loads(answer)

    def interrupt(self) -> None:
        """Tell it to come to an end with what it is doing; a helper that has something long to do listens."""
        self._process.send_signal(signal.SIGUSR1)

    def end(self) -> None:
        """Let it end by itself; one that does not is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextmanager
def helper(module: str, *arguments: str, package: str = "tests.benchmarks") -> Iterator[Helper]:
    """A helper that ends with the context."""
    running = Helper(module, *arguments, package=package)
    try:
        yield running
    finally:
        running.end()


async def answer(commands: Commands) -> None:
    """The helper's side: answer the commands of the standard input, one at a time, until it ends."""
    reader = asyncio.StreamReader(limit=LONGEST)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async for line in reader:
        command, options = json.loads(line)
        print(json.dumps(await commands[command](**options)), flush=True)


def allow_many_files() -> None:
    """Let this process open as many sockets as the system permits."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
