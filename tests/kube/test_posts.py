"""Reviews take the same ways to an API server as all else: through proxies, and never to another host."""

from pathlib import Path

import pytest
from aiohttp import web

from astrolabe.kube.access_reviews import AccessReviews
from astrolabe.kube.client import Cluster
from astrolabe.users import Question, ReviewUnavailable, User
from tests.kube.support import settings_for, write_kubeconfig
from tests.support.redis_server import free_port

pytestmark = pytest.mark.asyncio

JANE = User("jane", ("team",))
ALLOWED = {"status": {"allowed": True}}


class Listening:
    """A server that notes what it is asked. answer: to everything."""

    def __init__(self, *, status: int = 201, headers: dict[str, str] | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self.port = free_port()
        self._status, self._headers = status, headers

    async def __aenter__(self) -> "Listening":
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.headers["Host"], request.headers.get("Authorization", "")))
        return web.json_response(ALLOWED, status=self._status, headers=self._headers)


async def permits(folder: Path, url: str) -> bool:
    cluster = await Cluster.connect(settings_for(write_kubeconfig(folder / "config", url, token="secret")))
    try:
        return await AccessReviews(cluster).permits(JANE, Question(resource="pods"))
    finally:
        await cluster.close()


async def test_reviews_use_the_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Listening() as proxy, Listening() as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert await permits(tmp_path, "http://api.example:6443")
        assert proxy.asked == [("api.example:6443", "Bearer secret")]
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert await permits(tmp_path, f"http://127.0.0.1:{server.port}")
        assert server.asked == [(f"127.0.0.1:{server.port}", "Bearer secret")]
        assert len(proxy.asked) == 1


async def test_a_review_follows_no_redirect(tmp_path: Path) -> None:
    async with Listening() as other:
        target = f"http://127.0.0.1:{other.port}/x"
        async with Listening(status=307, headers={"Location": target}) as server:
            with pytest.raises(ReviewUnavailable):
                await permits(tmp_path, f"http://127.0.0.1:{server.port}")
        assert other.asked == []
