"""Notices when a kubeconfig changes: another server, or other credentials."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Literal

from astrolabe.kubeconfig import choose_context, existing, fault_of, read
from astrolabe.modes.union.cluster_files import kubeconfig_identity

logger = logging.getLogger("astrolabe.app")

#: What has changed: another server or other authorities, or only the credentials.
KubeconfigChange = Literal["", "server", "credentials"]


class KubeconfigWatch:
    """Follows what a kubeconfig says of one context.

    kubeconfig: "" for none. context: "" for the current one.
    """

    def __init__(self, kubeconfig: str, context: str) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._seen: object = None
        self._server: object = None
        self._credentials: object = None

    async def look(self) -> KubeconfigChange:
        """What has changed since the last look. A file that cannot be read counts as unchanged."""
        if not self._kubeconfig:
            return ""
        seen = await asyncio.to_thread(kubeconfig_identity, self._kubeconfig)
        if seen == self._seen:
            return ""
        self._seen = seen
        try:
            server, credentials = await asyncio.to_thread(_entries, self._kubeconfig, self._context)
        except Exception as error:
            logger.warning("kubeconfig %s: %s; it is used as it was", self._kubeconfig, fault_of(error))
            return ""
        before = self._server, self._credentials
        self._server, self._credentials = server, credentials
        if before[0] in (None, server):
            return "credentials" if before[1] not in (None, credentials) else ""
        return "server"


def _entries(kubeconfig: str, context: str) -> tuple[Any, Any]:
    """The entries of the cluster and of the user. May raise anything, see `fault_of`."""
    merged = read(existing(kubeconfig))
    chosen = choose_context(merged, context)
    (about,) = [entry["context"] for _, entry in merged["contexts"] if entry["name"] == chosen]

    def named(section: str, key: str) -> list[Any]:
        return [entry for _, entry in merged[section] if entry["name"] == about.get(key)]

    return named("clusters", "cluster"), named("users", "user")
