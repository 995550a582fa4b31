"""An API server that stands still: recorded lists and discovery, with all times moved so that they end now.

The folder has `<plural>.<group or core>.list.json`, `discovery/<path with dots>.json`, and `meta.json` with
`recorded_at`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

Json = dict[str, Any]

_TIME = re.compile(r"\b(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z")
_SECONDS_BETWEEN_BOOKMARKS = 30.0


def moved(text: str, by: timedelta) -> str:
    """The text with all its RFC 3339 times (UTC) moved."""

    def move(found: re.Match[str]) -> str:
        time = datetime.fromisoformat(found[1]) + by
        return f"{time:%Y-%m-%dT%H:%M:%S}{found[2] or ''}Z"

    return _TIME.sub(move, text)


class StillCluster:
    """The recorded answers by path."""

    def __init__(self, folder: Path, *, now: datetime | None = None) -> None:
        meta = json.loads((folder / "meta.json").read_text())
        recorded = datetime.fromisoformat(meta["recorded_at"])
        by = (now or datetime.now(UTC)) - recorded
        self.lists: dict[str, Json] = {}
        for path in sorted(folder.glob("*.list.json")):
            plural, _, group = path.name.removesuffix(".list.json").partition(".")
            found = json.loads(moved(path.read_text(), by))
            version = found["apiVersion"].rpartition("/")[2]
            root = f"/api/{version}" if group == "core" else f"/apis/{group}/{version}"
            kind = found["kind"].removesuffix("List")
            found["items"] = [
                {**item, "kind": kind, "apiVersion": found["apiVersion"]} for item in found["items"]
            ]
            self.lists[f"{root}/{plural}"] = found
        self.pages = {
            path.name.removesuffix(".json"): path.read_bytes()
            for path in (folder / "discovery").glob("*.json")
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        page = self.pages.get(request.path.strip("/").replace("/", "."))
        if page is not None:
            return web.Response(body=page, content_type="application/json")
        if request.method == "POST":
            return web.json_response(_review(request.path, await request.json()), status=201)
        found = self._find(request.path)
        if found is None:
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}
            return web.json_response(
                {**status, "message": f"no {request.path}", "reason": "NotFound"}, status=404
            )
        listed, items = found
        if request.query.get("labelSelector"):
            items = [item for item in items if _matches(item, request.query["labelSelector"])]
        if "PartialObjectMetadata" in request.headers.get("Accept", ""):
            head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
            items = [{**head, "metadata": item["metadata"]} for item in items]
            listed = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", **_version(listed)}
        if request.query.get("watch") not in ("1", "true"):
            return web.json_response({**listed, "items": items})
        return await _watch(request, listed, items)

    def _find(self, path: str) -> tuple[Json, list[Json]] | None:
        match = re.fullmatch(r"(/apis?/.+?)(?:/namespaces/([^/]+))?/([^/]+)", path)
        listed = self.lists.get(path) or (self.lists.get(f"{match[1]}/{match[3]}") if match else None)
        if listed is None:
            return None
        items = listed["items"]
        if match is not None and match[2] and path not in self.lists:
            items = [item for item in items if item["metadata"].get("namespace") == match[2]]
        return {key: value for key, value in listed.items() if key != "items"}, items


def _version(listed: Json) -> Json:
    return {"metadata": {"resourceVersion": listed["metadata"]["resourceVersion"]}}


def _matches(item: Json, selector: str) -> bool:
    """Whether it matches equalities, which are all that a reader of a whole cluster asks for."""
    labels = item["metadata"].get("labels", {})
    return all(
        labels.get(key) == value for key, _, value in (each.partition("=") for each in selector.split(","))
    )


def _review(path: str, asked: Json) -> Json:
    """Everything is allowed."""
    rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    if path.endswith("selfsubjectrulesreviews"):
        return {**asked, "status": {"resourceRules": [rule], "nonResourceRules": [], "incomplete": False}}
    return {**asked, "status": {"allowed": True}}


async def _watch(request: web.Request, listed: Json, items: list[Json]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)

    async def bookmark(**annotations: str) -> None:
        metadata = {"resourceVersion": listed["metadata"]["resourceVersion"], "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = {key.replace("_", "/"): value for key, value in annotations.items()}
        kind = items[0]["kind"] if items else listed["kind"].removesuffix("List")
        line = {"kind": kind, "apiVersion": listed["apiVersion"], "metadata": metadata}
        await response.write(json.dumps({"type": "BOOKMARK", "object": line}).encode() + b"\n")

    with suppress(ConnectionResetError):
        if request.query.get("sendInitialEvents") == "true":
            lines = [json.dumps({"type": "ADDED", "object": item}) + "\n" for item in items]
            await response.write("".join(lines).encode() or b"")
            await bookmark(**{"k8s.io_initial-events-end": "true"})
        async with asyncio.timeout(float(request.query.get("timeoutSeconds", "300"))):
            while True:
                await asyncio.sleep(_SECONDS_BETWEEN_BOOKMARKS)
                await bookmark()
    return response


@asynccontextmanager
async def standing_still(cluster: StillCluster) -> AsyncIterator[str]:
    """Serve it; the URL."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", cluster.answer)
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
