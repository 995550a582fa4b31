"""Makes a kubeconfig for an API server at a URL. With it, the demo and the tests connect the real client."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def kubeconfig(url: str, *, name: str = "simulated", user: Mapping[str, Any] | None = None) -> str:
    """The kubeconfig as JSON, which is also YAML. name: of the context. user: the credentials, if any."""
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
    """The path of a temporary kubeconfig for an API server. user: the credentials, if any."""
    with TemporaryDirectory(prefix="astrolabe-") as folder:
        path = Path(folder, "kubeconfig")
        path.write_text(kubeconfig(url, user=user))
        yield str(path)
