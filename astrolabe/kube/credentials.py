"""Opens a session with an API server from the settings, by means of kubernetes_asyncio (see `library`).

The library is imported late and in a thread, so that a follower keeps serving while it becomes the leader.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astrolabe.kube import library
from astrolabe.kube.errors import ClusterError
from astrolabe.kubeconfig import SECTIONS, choose_context, existing, fault_of, paths_of, read
from astrolabe.settings import Settings

log = logging.getLogger("astrolabe.kube")

ADVICE = (
    "Outside a cluster, choose another kubeconfig with `--in-cluster=false --kubeconfig PATH`;"
    " without a cluster, try `astrolabe demo`."
)

#: What may keep a pod from reaching its API server.
POD_ADVICE = (
    "NetworkPolicies must let the pod connect to it, and a role must permit its service account to list and"
    " watch, as in deploy/."
)

#: Seconds. A credential plugin may have to ask the user.
LOAD_TIMEOUT = 120.0
#: Seconds after which the log says that a credential plugin is waited for.
SLOW = 3.0

_TLS_FILES = ("ssl_ca_cert", "cert_file", "key_file")
_TLS_SETTINGS = ("host", "verify_ssl", "tls_server_name", "proxy")


@dataclass(frozen=True, kw_only=True, repr=False)
class ClusterAccess:
    """The address of the API server and the credentials. It has no repr because it contains secrets.

    configuration: kubernetes_asyncio.client.Configuration.
    origin: where this comes from, for people: "kubeconfig /home/me/.kube/config, context kind".
    identity: addresses and certificates. If they change, a new session is needed.
    name, context: the names of the cluster and the context in the kubeconfig; "" in a pod.
    """

    configuration: Any
    origin: str
    identity: tuple[object, ...]
    name: str = ""
    context: str = ""

    @property
    def host(self) -> str:
        """`https://10.0.0.1:443`."""
        return str(self.configuration.host)

    async def token(self) -> str:
        """The bearer token, renewed if it is due; "" if there is none."""
        key: str = await self.configuration.get_api_key_with_prefix("BearerToken") or ""
        return key.removeprefix("Bearer ")

    def open_session(self) -> Any:
        """A kubernetes_asyncio.client.ApiClient, which the caller closes. Raises ClusterError."""
        try:
            return library.load().ApiClient(self.configuration)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"The certificates of {self.origin} cannot be used: {error}. {ADVICE}"
            ) from error


async def load_access(settings: Settings) -> ClusterAccess:
    """Read the service account of the pod or the kubeconfig, and fetch a token if necessary.

    Raises ClusterError.
    """
    loaded = await asyncio.to_thread(library.load)
    configuration = loaded.Configuration(host="")
    # Each watch holds a connection for minutes. With a limit, one watch more would wait forever.
    configuration.connection_pool_maxsize = 0
    name = context = ""
    if settings.in_cluster:
        origin = _load_service_account(loaded.config, configuration)
    else:
        shown, name, context = await _load_kubeconfig(loaded.config, configuration, settings)
        origin = f"kubeconfig {shown}, context {context}"
    if not configuration.host.startswith(("https://", "http://")):
        raise ClusterError(f"The {origin} has no http(s) URL of a server. {ADVICE}")
    _strip_token(configuration)
    identity = _identity(configuration)
    return ClusterAccess(
        configuration=configuration, origin=origin, identity=identity, name=name, context=context
    )


def _load_service_account(config: Any, configuration: Any) -> str:
    try:
        config.load_incluster_config(configuration)
    except (config.ConfigException, OSError) as error:
        why = f"{str(error).rstrip('.')} (--in-cluster is the default)"
        raise ClusterError(f"Not running in a pod with a service account: {why}. {ADVICE}") from error
    return "service account of this pod"


async def _load_kubeconfig(config: Any, configuration: Any, settings: Settings) -> tuple[str, str, str]:
    """The path of the kubeconfig, and its names of the cluster and the context."""
    paths = _existing(settings.kubeconfig)
    shown = os.pathsep.join(paths)
    waiting = "waiting for the credential plugin of kubeconfig %s, for up to %d s"
    notice = asyncio.get_running_loop().call_later(SLOW, log.info, waiting, shown, LOAD_TIMEOUT)
    try:
        async with asyncio.timeout(LOAD_TIMEOUT):
            loader = _loader(config, paths, shown, settings.context)
            # Never written back: Astrolabe does not change the user's files.
            await loader.load_and_set(configuration)
    except TimeoutError as error:
        raise ClusterError(
            f"The credential plugin of kubeconfig {shown} does not finish. {ADVICE}"
        ) from error
    except Exception as error:
        # A broken file may raise any exception. It is not chained, and only partly quoted, because the
        # original message may quote tokens.
        raise ClusterError(
            f"The kubeconfig {shown} cannot be used: {_what_is_broken(error)}. {ADVICE}"
        ) from None
    finally:
        notice.cancel()
    _refresh_before_requests(loader, configuration)
    current = loader.current_context
    return shown, str(current["context"]["cluster"]), str(current["name"])


def _existing(text: str) -> list[str]:
    """The existing files that the text names, separated as in $KUBECONFIG."""
    found = existing(text)
    if not found:
        shown = os.pathsep.join(paths_of(text)) or "an empty path"
        raise ClusterError(f"There is no kubeconfig at {shown}. {ADVICE}")
    return found


def _loader(config: Any, paths: Sequence[str], shown: str, context: str) -> Any:
    """kubernetes_asyncio's loader of the merged files."""
    parts = config.kube_config
    merged = read(paths)
    chosen = choose_context(merged, context)
    for section in SECTIONS:
        merged[section] = [
            parts.ConfigNode(f"{path}/{entry}", entry, path) for path, entry in merged[section]
        ]
    if chosen:
        merged["current-context"] = chosen
    return parts.KubeConfigLoader(parts.ConfigNode(shown, merged, shown), config_base_path=None)


def _what_is_broken(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):  # of the plugin; the error does not name it
        return "its credential plugin (exec) is not installed, or not in PATH"
    if type(error).__name__ == "ConfigException" or isinstance(error, OSError):
        return str(error).split("/{")[0].split("{")[0].rstrip(". ")
    return fault_of(error)


def _refresh_before_requests(loader: Any, configuration: Any) -> None:
    """Let a credential plugin or gcp renew an expiring token before a request."""
    if hasattr(loader, "exec_plugin_expiry"):
        renew = loader.load_from_exec_plugin
    elif loader.provider == "gcp":
        renew = loader.load_gcp_token
    else:
        return

    async def refresh(configuration: Any) -> None:
        await renew()
        configuration.api_key["BearerToken"] = loader.token

    configuration.refresh_api_key_hook = refresh


def _strip_token(configuration: Any) -> None:
    """Strip the newline at the end of a token file, which a header must not contain."""
    token = configuration.api_key.get("BearerToken")
    if token:
        configuration.api_key["BearerToken"] = token.strip()


def _identity(configuration: Any) -> tuple[object, ...]:
    """Addresses, and certificates by content, because files are rotated in place."""
    contents = [_digest(getattr(configuration, name)) for name in _TLS_FILES]
    return (*contents, *(getattr(configuration, name) for name in _TLS_SETTINGS))


def _digest(path: str | None) -> str | None:
    if not path:
        return None
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return None
