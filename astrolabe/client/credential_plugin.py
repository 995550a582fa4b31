"""Runs the credential plugin of a kubeconfig's user (`exec`), by the rules of kubectl.

They are those of client.authentication.k8s.io v1 and v1beta1 (client-go `plugin/pkg/client/auth/exec`).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from astrolabe.client.errors import NO_TOKEN, ClientError

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
#: Contains the input of a plugin.
_VARIABLE = "KUBERNETES_EXEC_INFO"
#: Seconds. A plugin may ask the user to sign in with a browser.
PATIENCE = 300.0
#: Seconds before a token expires from which another one is fetched, so that none expires on its way.
EARLY = 10.0

#: What to do about a user without a token.
ADVICE = "; use a token: `kubectl create token NAME --namespace NAMESPACE > token`, and --token-file=token"


class _Variable(msgspec.Struct, frozen=True):
    name: str
    value: str = ""


class PluginSpec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The `exec` of a user."""

    api_version: str
    command: str
    args: list[str] | None = None
    env: list[_Variable] | None = None
    install_hint: str | None = None
    provide_cluster_info: bool = False
    interactive_mode: Literal["Never", "IfAvailable", "Always"] | None = None


class _CredentialStatus(msgspec.Struct, frozen=True, rename="camel"):
    token: str = ""
    expiration_timestamp: str | None = None
    client_certificate_data: str = ""


class _Credential(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    status: _CredentialStatus | None = None


class CredentialPlugin:
    """Keeps the token of a plugin until it expires, or is refused. One run at a time."""

    def __init__(self, spec: PluginSpec, cluster: Mapping[str, Any], *, origin: str) -> None:
        """cluster: of the kubeconfig. origin: the user, for people. Raises ValueError."""
        if spec.api_version not in _VERSIONS:
            raise ValueError(
                f"the credential plugin of {origin} has the apiVersion {spec.api_version}; "
                f"kubectl knows {' and '.join(_VERSIONS)}"
            )
        self.spec = spec
        self._cluster = cluster
        self._name = f"the credential plugin {os.path.basename(spec.command)} of {origin}"
        self._token = ""
        #: Unix seconds; None: the token is good until it is refused.
        self._expires: float | None = None
        self._running = asyncio.Lock()

    async def token(self) -> str:
        """A token that has not expired. Raises ClientError."""
        async with self._running:
            if not self._token or (self._expires is not None and time.time() > self._expires - EARLY):
                self._take(await self._run())
            return self._token

    def refused(self, token: str) -> None:
        """Fetch another one next time, if it is this one."""
        if token == self._token:
            self._token = ""

    async def _run(self) -> bytes:
        """What the plugin prints. Its own errors and questions go to the user, on stderr."""
        spec = self.spec
        interactive = spec.interactive_mode != "Never" and sys.stdin is not None and sys.stdin.isatty()
        if spec.interactive_mode == "Always" and not interactive:
            raise self._failed("asks questions (interactiveMode: Always), and there is no terminal")
        try:
            process = await asyncio.create_subprocess_exec(
                spec.command,
                *(spec.args or ()),
                stdin=None if interactive else DEVNULL,
                stdout=PIPE,
                env=self._environment(interactive),
            )
        except FileNotFoundError as error:
            hint = f": {' '.join(spec.install_hint.split())}" if spec.install_hint else ""
            raise self._failed(f"is not installed, or not in PATH{hint}") from error
        except OSError as error:
            raise self._failed(f"cannot be run: {error.strerror}") from error
        try:
            async with asyncio.timeout(PATIENCE):
                output, _ = await process.communicate()
        except TimeoutError as error:
            raise self._failed(f"does not finish within {PATIENCE:g} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise self._failed(f"failed with exit code {process.returncode}")
        return output

    def _environment(self, interactive: bool) -> dict[str, str]:
        spec: dict[str, Any] = {"interactive": interactive}
        if self.spec.provide_cluster_info:
            spec["cluster"] = told_of(self._cluster)
        info = {"apiVersion": self.spec.api_version, "kind": "ExecCredential", "spec": spec}
        given = {each.name: each.value for each in self.spec.env or ()}
        return {**os.environ, **given, _VARIABLE: msgspec.json.encode(info).decode()}

    def _take(self, output: bytes) -> None:
        """Keep what the plugin printed. Messages do not quote it: it contains the token."""
        try:
            told = msgspec.json.decode(output, type=_Credential)
        except (ValueError, RecursionError) as error:
            raise self._failed("does not print an ExecCredential") from error
        if told.api_version != self.spec.api_version:
            raise self._failed(f"answers with the apiVersion {told.api_version}, not {self.spec.api_version}")
        status = told.status or _CredentialStatus()
        if not status.token and status.client_certificate_data:
            raise self._failed(f"gives a client certificate, which only the API server can check{ADVICE}")
        if not status.token:
            raise self._failed("gives no token")
        try:
            until = status.expiration_timestamp
            self._expires = datetime.fromisoformat(until).timestamp() if until else None
        except ValueError as error:
            raise self._failed("gives an expirationTimestamp that is no time of RFC 3339") from error
        self._token = status.token

    def _failed(self, why: str) -> ClientError:
        return ClientError(f"{self._name} {why}", code=NO_TOKEN)


def told_of(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What a plugin with `provideClusterInfo` gets about the cluster."""
    same = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")
    told = {name: cluster[name] for name in same if cluster.get(name)}
    told["server"] = cluster.get("server") or ""
    authority = cluster.get("certificate-authority-data")
    if not authority and cluster.get("certificate-authority"):
        authority = b64encode(Path(cluster["certificate-authority"]).read_bytes()).decode()
    if authority:
        told["certificate-authority-data"] = authority
    for extension in cluster.get("extensions") or ():
        if extension.get("name") == f"{_GROUP}/exec":
            told["config"] = extension.get("extension")
    return told
