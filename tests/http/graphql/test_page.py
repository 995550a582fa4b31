"""GraphiQL at the address of the API: for a browser that opens it, and with the rights of nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from astrolabe.http import server
from tests.support.serving import Site, serve
from tests.support.worlds import shop

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "graphiql.html").write_text("<!doctype html>GraphiQL")
    monkeypatch.setattr(server, "find_static", lambda: tmp_path)


async def test_a_browser_gets_the_page(site: Site) -> None:
    async with site.get("/graphql", headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert await answer.text() == "<!doctype html>GraphiQL"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")


async def test_a_browser_that_asks_gets_an_answer(site: Site) -> None:
    async with site.get("/graphql?query={state{state}}", headers=BROWSER) as answer:
        assert (await answer.json())["data"] == {"state": {"state": "live"}}


async def test_a_get_without_a_query_is_refused_for_programs(site: Site) -> None:
    async with site.get("/graphql") as answer:
        assert answer.status == 400


async def test_the_page_needs_no_token_and_an_answer_does(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("secret")
    async with serve(shop(), auth="token", auth_token_file=str(tmp_path / "tokens")) as site:
        for headers, path, status in (
            (BROWSER, "/graphql", 200),
            (BROWSER, "/graphql?query={state{state}}", 401),
            ({}, "/graphql", 401),
            ({"Authorization": "Bearer secret", **BROWSER}, "/graphql?query={state{state}}", 200),
        ):
            async with site.get(path, headers=headers) as answer:
                assert answer.status == status, (headers, path)
        async with site.http.post(
            f"http://127.0.0.1:{site.port}/graphql", json={}, headers=BROWSER
        ) as answer:
            assert answer.status == 401
