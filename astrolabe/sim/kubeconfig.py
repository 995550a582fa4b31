"""A kubeconfig for an API server at a URL: how the demo, and every test, leads the real client to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def kubeconfig(url: str, *, name: str = "simulated", user: Mapping[str, Any] | None = None) -> str:
    """The text, in JSON, which is YAML. name: of its one context. user: how to log in; None: not at all."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "clusters": [{"name": name, "cluster": {"server": url}}],
            "users": [{"name": name, "user": dict(user or {})}],
        }
    )


@contextmanager
def kubeconfig_file(url: str) -> Iterator[str]:
    """The path of a kubeconfig for an API server that lets everyone in; it is gone afterwards."""
    with TemporaryDirectory(prefix="astrolabe-") as folder:
        path = Path(folder, "kubeconfig")
        path.write_text(kubeconfig(url))
        yield str(path)
