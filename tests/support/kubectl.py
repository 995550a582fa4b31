"""kubectl, for a cluster that may be written to."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE
from pathlib import Path

#: Names the kubeconfig of a cluster that is there to be tried on, and nothing else ever does.
VARIABLE = "ASTROLABE_TEST_KUBECONFIG"


class Kubectl:
    """Runs `kubectl` against the current context of one kubeconfig."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig

    @classmethod
    def from_environment(cls) -> Kubectl:
        assert VARIABLE in os.environ, (
            f"{VARIABLE} must name the kubeconfig of a cluster that may be written to"
        )
        return cls(os.environ[VARIABLE])

    async def __call__(self, *words: str | Path, input: str = "", may_warn: bool = False) -> str:
        """What it prints; it has to succeed, without a warning unless it may warn."""
        code, printed, said = await self.attempt(*words, input=input)
        assert code == 0, f"kubectl {' '.join(map(str, words))}: {said}"
        assert may_warn or "Warning" not in said, said
        return printed

    async def attempt(self, *words: str | Path, input: str = "") -> tuple[int, str, str]:
        """Its exit code, what it prints, and what it says on stderr."""
        process = await asyncio.create_subprocess_exec(
            *("kubectl", "--kubeconfig", self.kubeconfig, *map(str, words)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        printed, said = await process.communicate(input.encode())
        return process.returncode or 0, printed.decode(), said.decode()
