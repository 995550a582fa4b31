"""The viewer at `/`: files that are read once, at start."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2s
from pathlib import Path
from typing import Any

from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse

import astrolabe
from astrolabe.http.errors import Refusal

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

MISSING = """This installation has no viewer: there is no static/index.html.

The released wheel and image have it; a checkout has it in static/, beside the package.
All else works without it: /api/v1/graph, /api/v1/ws, /health
"""


def find_static() -> Path | None:
    """The directory of the viewer: in the wheel `astrolabe/static`, in a checkout `static` beside it.

    Its `dist`, where the bundler writes, comes first. None when there is no index.html.
    """
    package = Path(astrolabe.__file__).parent
    for directory in (package / "static", package.parent / "static"):
        for candidate in (directory / "dist", directory):
            if (candidate / "index.html").is_file():
                return candidate
    return None


class Viewer:
    """Serves the files of a directory and of its `assets`, or says that there are none."""

    def __init__(self, directory: Path | None) -> None:
        self._files: dict[str, tuple[bytes, dict[str, str]]] = {}
        if directory is not None:
            for path in (*directory.glob("*"), *directory.glob("assets/*")):
                if path.suffix in _TYPES and path.is_file():
                    self._add(path.relative_to(directory).as_posix(), path)

    def _add(self, name: str, path: Path) -> None:
        content = path.read_bytes()
        tag = f'"{blake2s(content, digest_size=8).hexdigest()}"'
        headers = {
            **SECURITY_HEADERS,
            "Content-Type": _TYPES[path.suffix],
            "ETag": tag,
            # The bundler puts a hash into the names of its assets.
            "Cache-Control": "max-age=31536000, immutable" if name.startswith("assets/") else "no-cache",
        }
        self._files[name] = (content, headers)

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
        if name not in self._files:
            raise Refusal(404, "not-found", f"there is nothing at /{name}")
        content, headers = self._files[name]
        if request.headers.get("if-none-match") == headers["ETag"]:
            return HTTPResponse(status=304, headers=dict(headers))
        return HTTPResponse(content, headers=dict(headers), content_type=headers["Content-Type"])
