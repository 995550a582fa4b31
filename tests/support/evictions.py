"""Evictions, asked of an API server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

Json = dict[str, Any]

#: What is predicted → whether the API server grants it. What is skipped is not asked for; what is blocked is,
#: with --force.
ANSWERS: Mapping[str, bool] = {"evicted": True, "blocked": True, "refused": False}


def eviction_of(namespace: str, name: str, *, dry_run: bool) -> Json:
    """As `kubectl drain` sends it."""
    options: Json = {"dryRun": ["All"]} if dry_run else {}
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"namespace": namespace, "name": name},
        "deleteOptions": options,
    }


async def ask_to_evict(
    http: aiohttp.ClientSession, root: str, namespace: str, name: str, *, dry_run: bool, **options: Any
) -> tuple[int, Json]:
    """Code and body of the answer. root: of the core API, `https://…/api/v1`; options: of aiohttp."""
    path = f"{root}/namespaces/{namespace}/pods/{name}/eviction"
    async with http.post(path, json=eviction_of(namespace, name, dry_run=dry_run), **options) as answer:
        return answer.status, await answer.json()
