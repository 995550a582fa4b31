"""All settings, frozen, with their defaults: what `cli` makes of flags and environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DEFAULT_SELECTOR = "app.kubernetes.io/managed-by=Helm"

SelectorMode = Literal["closure", "strict"]
LogFormat = Literal["text", "json"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One run of Astrolabe.

    namespaces: watch these only; empty means all.
    kinds: names of kinds to watch; empty means all of the table.
    redis_url: wins over redis_addr and redis_db; may hold user, password and `rediss://`.
    cluster_name: names the keys in Redis, which several clusters may share.
    workers: processes that serve one port.
    snapshot_interval: seconds. batch_window: seconds (the flag takes `50ms`).
    verbosity: 0-4, as kubectl's `--v`.
    """

    kubeconfig: str = "~/.kube/config"
    in_cluster: bool = True
    host: str = "0.0.0.0"
    port: int = 8080
    label_selector: str = DEFAULT_SELECTOR
    selector_mode: SelectorMode = "closure"
    namespaces: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    batch_window: float = 0.05
    enable_persistence: bool = False
    cluster_name: str = "default"
    redis_addr: str = "localhost:6379"
    redis_url: str = ""
    redis_password: str = ""
    redis_db: int = 0
    snapshot_interval: int = 300
    workers: int = 1
    verbosity: int = 0
    log_format: LogFormat = "text"
