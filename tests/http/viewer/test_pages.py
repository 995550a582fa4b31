import gzip
import re
from pathlib import Path

import pytest

import astrolabe
from astrolabe.http import server
from astrolabe.http.viewer import pages
from astrolabe.http.viewer.pages import find_static
from tests.support.serving import Site, serve
from tests.support.worlds import World

STATIC = Path(astrolabe.__file__).parent.parent / "static"

PAGE = b"<!doctype html><title>Astrolabe</title>"
DOCS = b"<!doctype html><title>Astrolabe API</title>"
SCRIPT = b"console.log('here');" * 100
GUIDE = {
    "index.html": b"<!doctype html><title>Astrolabe guide</title>",
    "install.html": b"<!doctype html><title>Install</title>",
    "install.md": b"# Install\n",
    "search.json": b"[]",
}


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A viewer as the bundler leaves it, and two files that are none of it."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "docs.html").write_bytes(DOCS)
    (tmp_path / "icon.svg").write_bytes(b"<svg/>")
    (tmp_path / "assets" / "index-1a2b.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "index-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "assets" / "secret.txt").write_bytes(b"not of the viewer")
    (tmp_path / "guide").mkdir()
    for name, content in GUIDE.items():
        (tmp_path / "guide" / name).write_bytes(content)
    (tmp_path / "llms.txt").write_bytes(b"# Astrolabe\n")
    monkeypatch.setattr(server, "find_static", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "content", "type", "cache"),
    [
        ("/", PAGE, "text/html; charset=utf-8", "no-cache"),
        ("/docs", DOCS, "text/html; charset=utf-8", "no-cache"),
        ("/icon.svg", b"<svg/>", "image/svg+xml", "no-cache"),
        ("/guide/", GUIDE["index.html"], "text/html; charset=utf-8", "no-cache"),
        ("/guide/install", GUIDE["install.html"], "text/html; charset=utf-8", "no-cache"),
        ("/guide/install.md", GUIDE["install.md"], "text/markdown; charset=utf-8", "no-cache"),
        ("/guide/search.json", GUIDE["search.json"], "application/json", "no-cache"),
        ("/llms.txt", b"# Astrolabe\n", "text/plain; charset=utf-8", "no-cache"),
        (
            "/assets/index-1a2b.js",
            SCRIPT,
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
    ],
)
async def test_a_file_is_served_with_type_and_cache_lifetime(
    built: Path, path: str, content: bytes, type: str, cache: str
) -> None:
    async with serve(World()) as site, site.get(path) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == type
        assert answer.headers["Cache-Control"] == cache
        assert "Content-Encoding" not in answer.headers
        assert await answer.read() == content


async def test_the_guide_is_found_without_its_slash_below_any_path(built: Path) -> None:
    async with serve(World()) as site, site.get("/guide", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, "guide/")


@pytest.mark.parametrize("page", ["/", "/docs", "/guide/", "/guide/install"])
async def test_pages_may_load_from_their_origin_only(built: Path, page: str) -> None:
    async with serve(World()) as site, site.get(page) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert not re.search(r"unsafe|https?:|\*", policy)


async def test_unchanged_files_are_not_sent_again(built: Path) -> None:
    async with serve(World()) as site:
        async with site.get("/") as answer:
            tag = answer.headers["ETag"]
        async with site.get("/", headers={"If-None-Match": f'"other", {tag}'}) as answer:
            assert answer.status == 304
            assert await answer.read() == b""
        async with site.get("/", headers={"If-None-Match": '"other"'}) as answer:
            assert answer.status == 200


async def test_precompressed_files_are_sent_to_clients_that_accept_them(built: Path) -> None:
    async with serve(World()) as site:
        async with site.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "br, gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert gzip.decompress(await answer.read()) == SCRIPT
        async with site.get("/", headers={"Accept-Encoding": "gzip"}) as answer:
            assert "Content-Encoding" not in answer.headers


async def test_head_is_get_without_the_content(built: Path) -> None:
    async with (
        serve(World()) as site,
        site.http.head(f"http://127.0.0.1:{site.port}/assets/index-1a2b.js") as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Length"] == str(len(SCRIPT))
        assert await answer.read() == b""


@pytest.mark.parametrize(
    "path",
    [
        "/assets/secret.txt",
        "/assets/index-1a2b.js.gz",
        "/assets/index-1a2b.js/",
        "/assets/",
        "/docs/",
        "/guide/index",
        "/guide/install/",
        "/guide/install.html",
        "/guide/../llms.txt/",
        "/../pyproject.toml",
        "/%2e%2e/pyproject.toml",
        "/assets%2findex-1a2b.js%00",
    ],
)
async def test_only_the_files_of_the_viewer_are_served(built: Path, path: str) -> None:
    async with serve(World()) as site, site.get(path) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("page", ["/", "/docs", "/guide/", "/guide/install"])
async def test_without_a_viewer_a_page_says_how_to_build_it(
    monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setattr(server, "find_static", lambda: None)
    async with serve(World()) as site, site.get(page) as answer:
        assert answer.status == 404
        assert answer.content_type == "text/plain"
        assert "Run `make viewer`" in await answer.text()


def test_the_wheels_viewer_takes_precedence_over_a_checkouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "astrolabe"
    monkeypatch.setattr(pages.astrolabe, "__file__", str(package / "__init__.py"))
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "index.html").write_text("not built")
    assert find_static() is None
    for directory in (tmp_path / "static" / "dist", package / "static"):
        directory.mkdir(parents=True)
        (directory / "index.html").write_text("page")
        assert find_static() == directory


@pytest.mark.parametrize("name", ["index.html", "docs.html", "guide.html"])
def test_the_source_of_a_page_has_nothing_inline_and_asks_no_other_host(name: str) -> None:
    page = (STATIC / name).read_text()
    assert not re.search(r"<style|style=|<script>|\son\w+=", page)
    assert not re.search(r'(?:src|href)="(?:\w+:)?//', page)
    for path in (STATIC / "src").rglob("*.css"):
        assert "//" not in path.read_text(), path


async def test_the_site_serves_the_viewer_when_it_is_built(site: Site) -> None:
    async with site.get("/") as answer:
        assert answer.status == (200 if find_static() is not None else 404)
