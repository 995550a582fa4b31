"""Requests to an API server, with the token in a kubeconfig."""

from __future__ import annotations

import base64
import json
import ssl
from pathlib import Path
from typing import Any

import aiohttp

Json = dict[str, Any]


class Api:
    """kubeconfig: JSON, as `account_of` writes it."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig
        config = json.loads(Path(kubeconfig).read_text())
        cluster = config["clusters"][0]["cluster"]
        self.server: str = cluster["server"].rstrip("/")
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        authority = cluster.get("certificate-authority-data")
        self.tls: ssl.SSLContext | bool = False
        if authority:
            self.tls = ssl.create_default_context(cadata=base64.b64decode(authority).decode())

    def session(self, **headers: str) -> aiohttp.ClientSession:
        """For `call`; in use until it is closed."""
        return aiohttp.ClientSession(headers={**self._headers, **headers})

    async def call(
        self, http: aiohttp.ClientSession, method: str, path: str, body: Json | None = None
    ) -> Json:
        """The body of an answer, which has to be one of success. A PATCH is a merge patch."""
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data = json.dumps(body) if body is not None else None
        request = http.request(
            method, f"{self.server}{path}", data=data, ssl=self.tls, headers={"Content-Type": content}
        )
        async with request as answer:
            told: Json = await answer.json()
            assert answer.status < 300, (path, told)
            return told
