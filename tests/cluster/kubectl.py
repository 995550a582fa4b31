"""`kubectl` as a person uses it, held to silence: what it warns of is a failure."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from typing import Any

from astrolabe.kinds.kind import Kind

Json = dict[str, Any]


class Refused(Exception):
    """kubectl did not do it, or had something to say about it: that."""


class Kubectl:
    """One cluster, as one kubeconfig sees it."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig

    def run(self, *arguments: str, text: str = "") -> str:
        """What it prints. text: its standard input. Raises Refused."""
        command = ["kubectl", "--kubeconfig", self.kubeconfig, *arguments]
        ended = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120)
        if ended.returncode or "Warning:" in ended.stderr:
            raise Refused(f"kubectl {' '.join(arguments)}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
        return ended.stdout

    def apply(self, *manifests: Json) -> None:
        """Create or change these. Raises Refused."""
        self.run(
            "apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        )

    def items(self, kind: Kind[Any], namespace: str = "") -> list[Json]:
        """All objects of a kind, as the API server has them."""
        path = kind.path_in(namespace) if namespace else kind.path
        found: list[Json] = json.loads(self.run("get", "--raw", path))["items"]
        return found

    def lists(self, kinds: Iterable[Kind[Any]], namespace: str = "") -> list[tuple[Kind[Any], list[Json]]]:
        """`items` of each kind."""
        return [(kind, self.items(kind, namespace)) for kind in kinds]
