"""Makes a kubeconfig for an API server at a URL. The demo and the tests connect the real client with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def kubeconfig(url: str, *, name: str = "simulated", user: Mapping[str, Any] | None = None) -> str:
    """The text, in JSON, which is valid YAML. name: of its context. user: credentials; None: none."""
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
def kubeconfig_file(url: str, *, user: Mapping[str, Any] | None = None) -> Iterator[str]:
    """The path of a temporary kubeconfig for an API server. user: credentials; None: it asks for none."""
    with TemporaryDirectory(prefix="astrolabe-") as folder:
        path = Path(folder, "kubeconfig")
        path.write_text(kubeconfig(url, user=user))
        yield str(path)
