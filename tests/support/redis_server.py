"""A real Redis that a test can start, kill and pause. It leaves nothing behind."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import ConnectionError

#: Certificate and key of 127.0.0.1, by its own authority.
CERTIFICATE, KEY = (Path(__file__).parents[1] / "kube" / "tls" / name for name in ("cert.pem", "key.pem"))
PROGRAM = shutil.which("redis-server") or "redis-server"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def tls_settings(port: int) -> dict[str, str]:
    """Settings of a server, or Sentinel, that takes TLS at this port, and speaks it to other servers."""
    return {
        "tls-port": str(port),
        "tls-cert-file": str(CERTIFICATE),
        "tls-key-file": str(KEY),
        "tls-ca-cert-file": str(CERTIFICATE),
        "tls-auth-clients": "no",
        "tls-replication": "yes",
    }


class RedisServer:
    """On a port of its own, with its data in `folder`. options: more arguments, as `--requirepass x`.

    program: another than Debian's redis-server. tls: whether it has a port for that beside.
    told: the port that others are told of, that of TLS where there is one.
    """

    def __init__(
        self, folder: Path, *options: str, port: int = 0, program: str = PROGRAM, tls: bool = False
    ) -> None:
        self.port = self.told = port or free_port()
        if tls:
            self.told = free_port()
            settings = tls_settings(self.told)
            options = (*options, *[part for name in settings for part in (f"--{name}", settings[name])])
        self._program = program
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it with what data there is, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                *(self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)),
                *("--appendonly", "yes", "--save", "", "--slowlog-log-slower-than", "5000"),
                *self._options,
            ],
            stdout=subprocess.DEVNULL,
        )
        ends = time.monotonic() + 20
        while True:
            assert self._process.poll() is None, "redis-server ended"
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as asking:
                    asking.sendall(b"PING\r\n")
                    if asking.recv(64):  # whatever it is: it listens everywhere
                        return
            except OSError:
                assert time.monotonic() < ends, "redis-server does not answer"
                time.sleep(0.01)  # a pace of asking: nothing tells of it

    def kill(self, *, lose_data: bool = False) -> None:
        """End it as a crash does."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
        self._process = None
        if lose_data:
            for path in self._folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    @property
    def running(self) -> bool:
        return self._process is not None

    def stop(self) -> None:
        if self._process is not None:
            self.kill()

    @contextmanager
    def client(self, **options: Any) -> Iterator[Redis]:
        """Someone else who speaks to it."""
        with Redis(port=self.port, protocol=2, **options) as client:
            yield client

    @asynccontextmanager
    async def listening(self, **options: Any) -> AsyncIterator[AsyncRedis]:
        async with AsyncRedis(port=self.port, protocol=2, **options) as client:
            yield client

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def redis_server(
    folder: Path, *options: str, program: str = PROGRAM, tls: bool = False
) -> Iterator[RedisServer]:
    """A Redis that runs as long as the context."""
    server = RedisServer(folder, *options, program=program, tls=tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def answers(server: RedisServer) -> None:
    """Wait until it answers commands, and not only connections: it loads its data first."""
    async with asyncio.timeout(20), server.listening() as client:
        while True:
            try:
                await client.ping()
            except ConnectionError:  # of which "loading" is one
                await asyncio.sleep(0.01)
            else:
                return
