"""The viewer at `/`, the API page at `/docs`, GraphiQL, the guide at `/guide/`: files that are read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

import astrolabe
from astrolabe.http.access.guard import wants_page
from astrolabe.http.errors import Refusal
from astrolabe.http.openapi import parameters
from astrolabe.http.openapi.operation import (
    CACHED,
    HTML,
    TEXT,
    ApiEndpoint,
    ApiResponse,
    Operation,
    Parameter,
)
from astrolabe.http.responses.shared import StaticFile

#: Pages load only from their own origin, and run no inline scripts.
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
    ".md": "text/markdown; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
_ASSETS = "assets/"
GUIDE = "guide/"
_PLACES = ("*", f"{_ASSETS}*", f"{GUIDE}*")
#: Types that the bundler does not make.
_TEXTS = frozenset({".md", ".json", ".txt"})

MISSING = """The viewer, the API page and the guide have not been built: there is no static/dist/.

Run `make viewer` (it needs Node 20 or newer), then restart the server. The wheel and the image contain them.
The API works without them: /api/v1/graph, /api/v1/ws, /openapi.json. The guide's sources are in static/docs/.
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


_PAGE: Mapping[int, ApiResponse] = {
    200: ApiResponse(description="The page.", body={HTML: str}, headers=CACHED),
    404: ApiResponse(description="The pages have not been built.", body={TEXT: str}),
}
_INDEX = Operation(summary="the viewer", group="pages", parameters=(parameters.IF_NONE_MATCH,), answers=_PAGE)
_DOCS = Operation(
    summary="this API, to read and try out",
    group="pages",
    parameters=(parameters.IF_NONE_MATCH,),
    answers=_PAGE,
)
_GUIDE = Operation(summary="the guide", group="pages", parameters=(parameters.IF_NONE_MATCH,), answers=_PAGE)
_FILE = Operation(
    summary="a file of these pages",
    group="pages",
    parameters=(
        Parameter(name="file", description="Its path.", schema={"type": "string"}, place="path"),
        parameters.IF_NONE_MATCH,
    ),
    answers={
        200: ApiResponse(
            description="The file.",
            body={type.partition(";")[0]: str for type in _TYPES.values()},
            headers=CACHED,
        ),
        308: ApiResponse(description="It is a folder, whose path ends in a slash.", body={}),
    },
    refusals=(404,),
)


class Viewer:
    """Serves the files of a directory and of some folders in it, or says that they have not been built.

    A request path is looked up in a table of these files, and never reaches the file system.
    """

    def __init__(self, directory: Path | None) -> None:
        self._files: dict[str, StaticFile] = {}
        if directory is not None:
            for path in [path for place in _PLACES for path in directory.glob(place)]:
                name = path.relative_to(directory).as_posix()
                hashed = name.startswith(_ASSETS)
                if path.suffix in (_TYPES.keys() - _TEXTS if hashed else _TYPES) and path.is_file():
                    self._files[_address(name)] = _read(path, hashed=hashed)

    @property
    def endpoints(self) -> tuple[ApiEndpoint, ...]:
        return tuple(
            ApiEndpoint(
                path=path,
                name=name,
                handler=handler,
                operation=operation,
                open=True,
                strict_slashes=True,  # the pages name their files relative to themselves
            )
            for name, path, handler, operation in (
                ("viewer", "/", partial(self._page, "index.html"), _INDEX),
                ("docs", "/docs", partial(self._page, "docs.html"), _DOCS),
                ("guide", "/guide/", partial(self._page, GUIDE), _GUIDE),
                ("file", "/<file:path>", self._file, _FILE),
            )
        )

    def with_page(self, endpoint: ApiEndpoint) -> ApiEndpoint:
        """The same endpoint, with GraphiQL for a browser that opens its address."""

        async def handle(request: Request, **named: str) -> Any:
            if wants_page(request):
                return await self._page("graphiql.html", request)
            return await endpoint.handler(request, **named)

        return replace(endpoint, handler=handle)

    async def _page(self, name: str, request: Request) -> HTTPResponse:
        if name not in self._files:
            return HTTPResponse(
                MISSING, status=404, headers=dict(SECURITY_HEADERS), content_type="text/plain; charset=utf-8"
            )
        return await self._files[name].answer(request)

    async def _file(self, request: Request, file: str) -> HTTPResponse:
        if file == GUIDE.rstrip("/"):
            # Relative, as Astrolabe may be served under any path.
            return HTTPResponse(status=308, headers={"Location": GUIDE})
        if file not in self._files:
            if file.startswith(GUIDE) and GUIDE not in self._files:
                return await self._page(GUIDE, request)
            raise Refusal(404, "not-found", f"there is nothing at /{file}")
        return await self._files[file].answer(request)


def _address(name: str) -> str:
    """The path of a file. A page of the guide has no `.html`: `guide/install`; the first is `guide/`."""
    return name.removesuffix(".html").removesuffix("index") if name.startswith(GUIDE) else name


def _read(path: Path, *, hashed: bool) -> StaticFile:
    """hashed: whether the name has a hash of the content, so that the file never changes."""
    content = path.read_bytes()
    # The bundler compresses: here it would delay other clients.
    packed = path.with_name(f"{path.name}.gz")
    return StaticFile(
        content,
        packed.read_bytes() if packed.is_file() else None,
        type=_TYPES[path.suffix],
        headers={
            **SECURITY_HEADERS,
            "Cache-Control": "public, max-age=31536000, immutable" if hashed else "no-cache",
        },
    )
