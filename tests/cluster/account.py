"""A cluster with the rights of a ServiceAccount."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.support.kubectl import Kubectl


async def account_of(kubectl: Kubectl, namespace: str, name: str, path: Path) -> Kubectl:
    """The same cluster as this ServiceAccount sees it; path: of the kubeconfig that is written."""
    config = json.loads(await kubectl("config", "view", "--raw", "--flatten", "--minify", "--output=json"))
    token = await kubectl("create", "token", name, "--namespace", namespace, "--duration=1h")
    user = config["contexts"][0]["context"]["user"]
    text = json.dumps({**config, "users": [{"name": user, "user": {"token": token.strip()}}]})
    await asyncio.to_thread(path.write_text, text)
    return Kubectl(str(path))
