import re
from pathlib import Path

import pytest

import astrolabe
from astrolabe.http import server, viewer
from astrolabe.http.viewer import find_static
from tests.support.serving import Site, serve
from tests.support.worlds import World

STATIC = Path(astrolabe.__file__).parent.parent / "static"


async def test_the_viewer_is_served_at_the_root(site: Site) -> None:
    async with site.get("/") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        page = await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page == (STATIC / "index.html").read_text()


async def test_all_that_the_page_needs_is_served_with_its_type(site: Site) -> None:
    page = (STATIC / "index.html").read_text()
    needed = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page)
    assert len(needed) == 2
    for name in needed:
        async with site.get(f"/{name}") as answer:
            assert answer.status == 200
            expected = {"js": "text/javascript", "css": "text/css"}[name.rpartition(".")[2]]
            assert answer.content_type == expected
            etag = answer.headers["ETag"]
        async with site.get(f"/{name}", headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304


def test_nothing_is_asked_of_another_host() -> None:
    for path in STATIC.glob("*.*"):
        assert "//" not in re.sub(r"(?m)^\s*//.*$", "", path.read_text()), path


def test_nothing_is_inline() -> None:
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<style|style=|<script>|\son\w+=", page)


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/%2e%2e/pyproject.toml", "/viewer.js/", "/.ci", "/dist"]
)
async def test_only_the_files_of_the_viewer_are_served(site: Site, path: str) -> None:
    async with site.get(path) as answer:
        assert answer.status == 404


async def test_without_a_viewer_the_root_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_static", lambda: None)
    async with serve(World()) as site, site.get("/") as answer:
        assert answer.status == 404
        assert answer.content_type == "text/plain"
        assert "has no viewer" in await answer.text()


def test_the_bundled_viewer_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "astrolabe"
    monkeypatch.setattr(viewer.astrolabe, "__file__", str(package / "__init__.py"))
    assert find_static() is None
    for directory in (tmp_path / "static", tmp_path / "static" / "dist", package / "static"):
        directory.mkdir(parents=True)
        (directory / "index.html").write_text("page")
        assert find_static() == directory


async def test_assets_are_kept_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("page")
    (tmp_path / "assets" / "index-1a2b.js").write_text("code")
    (tmp_path / "assets" / "secret.txt").write_text("not of the viewer")
    monkeypatch.setattr(server, "find_static", lambda: tmp_path)
    async with serve(World()) as site:
        async with site.get("/assets/index-1a2b.js") as answer:
            assert answer.headers["Cache-Control"] == "max-age=31536000, immutable"
            assert await answer.text() == "code"
        async with site.get("/") as answer:
            assert answer.headers["Cache-Control"] == "no-cache"
        async with site.get("/assets/secret.txt") as answer:
            assert answer.status == 404
