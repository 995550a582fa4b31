"""The token of the user of a kubeconfig, for a server that knows the users of its cluster."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from astrolabe.client.credential_plugin import ADVICE, CredentialPlugin, PluginSpec
from astrolabe.client.errors import NO_TOKEN, ClientError
from astrolabe.client.token import RenewableToken
from astrolabe.kubeconfig import KubeconfigError, choose_context, existing, fault_of, paths_of, read

_DEFAULT = "~/.kube/config"


class _ContextUser(msgspec.Struct, frozen=True):
    """What a context names. name: of the user, for people."""

    name: str
    user: Mapping[str, Any]
    cluster: Mapping[str, Any]


class KubeconfigToken(RenewableToken):
    """The token of the user of a kubeconfig's context: `token`, `tokenFile`, or that of a plugin (`exec`).

    Files are read again on every call, since a login writes a new token there; the context stays the one that
    was chosen at the start. If they cannot be read then, the last good ones count. A plugin runs when its
    token has expired or was refused.
    """

    def __init__(self, path: str = "", context: str = "") -> None:
        """path: of the kubeconfig, several as in $KUBECONFIG; "": those in $KUBECONFIG, or ~/.kube/config.

        context: "" for the current one. Raises ValueError if they name no user with a token, as those with a
        client certificate do. The message quotes no content but names.
        """
        self._path = path or os.environ.get("KUBECONFIG") or _DEFAULT
        self._context = context
        self._plugin: CredentialPlugin | None = None
        self._user = self._read()
        self._verify(self._user)

    async def __call__(self) -> str:
        """Raises ClientError."""
        with suppress(ValueError):
            self._user = await asyncio.to_thread(self._read)
        try:
            return await self._token_of(self._user)
        except (OSError, ValueError) as error:
            raise ClientError(f"{self._origin(self._user)} {_of_file(error)}", code=NO_TOKEN) from error

    def refused(self, token: str) -> None:
        if self._plugin is not None:
            self._plugin.refused(token)

    async def _token_of(self, user: _ContextUser) -> str:
        given = user.user
        if given.get("tokenFile"):
            return (await asyncio.to_thread(Path(given["tokenFile"]).read_text, "utf-8")).strip()
        if given.get("token"):
            return str(given["token"]).strip()
        if given.get("exec"):
            return await self._plugin_of(user).token()
        return _of_provider(given)

    def _plugin_of(self, user: _ContextUser) -> CredentialPlugin:
        """The plugin with what it has fetched, unless the kubeconfig names another by now."""
        spec = msgspec.convert(user.user["exec"], PluginSpec)
        if self._plugin is None or self._plugin.spec != spec:
            self._plugin = CredentialPlugin(spec, user.cluster, origin=self._origin(user))
        return self._plugin

    def _read(self) -> _ContextUser:
        """Raises KubeconfigError."""
        paths = existing(self._path)
        if not paths:
            shown = os.pathsep.join(paths_of(self._path))
            raise KubeconfigError(f"there is no kubeconfig at {shown}")
        try:
            merged = read(paths)
            self._context = choose_context(merged, self._context) or ""
            context = _entry(merged, "contexts", "context", self._context)
            return _ContextUser(
                str(context.get("user") or ""),
                _entry(merged, "users", "user", context.get("user")),
                _entry(merged, "clusters", "cluster", context.get("cluster")),
            )
        except Exception as error:
            # A broken file may raise any exception, whose message may quote tokens.
            text = f"the kubeconfig {os.pathsep.join(paths)} cannot be used: {fault_of(error)}"
            raise KubeconfigError(text) from None

    def _verify(self, user: _ContextUser) -> None:
        """Raises KubeconfigError if there is no token to be had."""
        given = user.user
        if given.get("tokenFile") or given.get("token") or _of_provider(given):
            return
        if given.get("exec"):
            try:
                self._plugin_of(user)
            except msgspec.ValidationError as error:
                raise KubeconfigError(f"the exec of {self._origin(user)} is broken: {error}") from None
            return
        raise KubeconfigError(f"{self._origin(user)} {_without_token(given)}{ADVICE}")

    def _origin(self, user: _ContextUser) -> str:
        named = f"the user {user.name}" if user.name else f"the context {self._context or 'without a name'}"
        return f"{named} of the kubeconfig {os.pathsep.join(existing(self._path)) or self._path}"


def _entry(merged: Mapping[str, Any], section: str, key: str, name: object) -> Mapping[str, Any]:
    """The content of a named entry; empty if there is none."""
    found = [entry.get(key) for _, entry in merged[section] if str(entry["name"]) == str(name)]
    return dict(found[0] or {}) if found else {}


def _of_provider(user: Mapping[str, Any]) -> str:
    """The token that the provider `oidc` keeps in the kubeconfig; "" for none. kubectl knows no other one."""
    provider = user.get("auth-provider") or {}
    config = provider.get("config") or {}
    return str(config.get("id-token") or "") if provider.get("name") == "oidc" else ""


def _without_token(user: Mapping[str, Any]) -> str:
    if user.get("client-certificate") or user.get("client-certificate-data"):
        return "signs in with a client certificate, which only the API server can check"
    if user.get("username"):
        return "signs in with a password, which API servers no longer accept"
    if user.get("auth-provider"):
        return f"signs in by the provider {user['auth-provider'].get('name')}, which kubectl no longer has"
    return "has no token"


def _of_file(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"has a file that cannot be read: {error.strerror}: {error.filename}"
    return "is broken: its token is no text"
