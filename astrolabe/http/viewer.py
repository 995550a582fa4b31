"""The viewer at `/`: files that are read once, at start."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2s
from pathlib import Path
from typing import Any

import msgspec
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse

import astrolabe
from astrolabe.http.errors import Refusal
from astrolabe.http.rest import accepts_gzip, matches_etag

#: No request leaves the origin, nothing inline runs.
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}

MISSING = """This checkout has no viewer yet: there is no static/dist/index.html.

`make viewer` builds it, with Node 20 or newer; then start the server again.
The released wheel and image have it. All else works without it: /api/v1/graph, /api/v1/ws, /health
"""


def find_static() -> Path | None:
    """The directory of the built viewer: in the wheel `astrolabe/static`, in a checkout `static/dist`.

    None when it has not been built.
    """
    package = Path(astrolabe.__file__).parent
    for directory in (package / "static", package.parent / "static" / "dist"):
        if (directory / "index.html").is_file():
            return directory
    return None


class _File(msgspec.Struct, frozen=True):
    """packed: by gzip; None for what is small or packed already."""

    content: bytes
    packed: bytes | None
    headers: dict[str, str]


class Viewer:
    """Serves the files of a directory and of its `assets`, or says that there are none.

    A path is looked up among the names of these files, and never reaches the file system.
    """

    def __init__(self, directory: Path | None) -> None:
        self._files: dict[str, _File] = {}
        if directory is not None:
            for path in (*directory.glob("*"), *directory.glob("assets/*")):
                if path.suffix in _TYPES and path.is_file():
                    name = path.relative_to(directory).as_posix()
                    self._files[name] = _read(path, hashed=name.startswith("assets/"))

    def add_to(self, app: Sanic[Any, Any]) -> None:
        methods = ("GET", "HEAD")
        app.add_route(self._index, "/", methods=methods, name="viewer", ctx_open=True)
        app.add_route(self._file, "/<name:path>", methods=methods, name="viewer-file", ctx_open=True)

    async def _index(self, request: Request) -> HTTPResponse:
        if "index.html" not in self._files:
            return HTTPResponse(
                MISSING, status=404, headers=dict(SECURITY_HEADERS), content_type="text/plain; charset=utf-8"
            )
        return await self._file(request, "index.html")

    async def _file(self, request: Request, name: str) -> HTTPResponse:
        file = self._files.get(name)
        if file is None:
            raise Refusal(404, "not-found", f"there is nothing at /{name}")
        headers = dict(file.headers)
        if matches_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
            return HTTPResponse(status=304, headers=headers)
        content = file.content
        if file.packed is not None and accepts_gzip(request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            content = file.packed
        return HTTPResponse(content, headers=headers, content_type=headers["Content-Type"])


def _read(path: Path, *, hashed: bool) -> _File:
    """hashed: the bundler has put a hash of its content into its name, so that it never changes."""
    content = path.read_bytes()
    # The bundler packs, once and well; the server would hold its other clients up.
    packed = path.with_name(f"{path.name}.gz")
    headers = {
        **SECURITY_HEADERS,
        "Content-Type": _TYPES[path.suffix],
        # Weak: packed or not, it means the same.
        "ETag": f'W/"{blake2s(content, digest_size=8).hexdigest()}"',
        "Cache-Control": "public, max-age=31536000, immutable" if hashed else "no-cache",
        "Vary": "Accept-Encoding",
    }
    return _File(content, packed.read_bytes() if packed.is_file() else None, headers)
