"""All settings, frozen, with their defaults: what `cli` makes of flags and environment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from astrolabe.graph.views.filter import FilterRules

DEFAULT_SELECTOR = "app.kubernetes.io/managed-by=Helm"
DEFAULT_CLUSTER = "default"

SelectorMode = Literal["closure", "strict"]
Auth = Literal["none", "token"]
LogFormat = Literal["text", "json"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much clients of the stream may ask for. The names of those that are flags are the flags'.

    max_connections: streams open at a time. max_subscriptions: of one connection.
    max_filters: different ones in use at a time.
    max_filter_terms, max_filter_values, max_filter_bytes: of one filter; see `FilterRules`.
    max_message_bytes, max_message_rate: of what a WebSocket client sends; messages a second.
    history_changes, history_bytes: changed nodes and edges, and bytes, that are kept for those who fall
        behind or come back.
    request_timeout: seconds that a request may take to arrive, the first one from connecting on.
    heartbeat: seconds; a peer that is not heard of for two and a half of them is gone.
    max_requests: answers that may be made or sent at a time. max_sockets: TCP connections of the process.
    max_body_bytes: of the answers that are kept, made and being read.
    stall_timeout: seconds that a transport may take nothing before the connection is aborted.
    min_rate: bytes a second that a client has to take, on average over stall_timeout, while more waits.
    grace: seconds that a peer has to answer the closing of its connection.
    """

    max_connections: int = 2000
    max_requests: int = 500
    max_sockets: int = 4000
    max_body_bytes: int = 64 * 1024 * 1024
    max_subscriptions: int = 32
    max_filters: int = 1000
    max_filter_terms: int = 64
    max_filter_values: int = 64
    max_filter_bytes: int = 2048
    max_message_bytes: int = 64 * 1024
    max_message_rate: int = 50
    history_changes: int = 20_000
    history_bytes: int = 16 * 1024 * 1024
    request_timeout: float = 10.0
    heartbeat: float = 15.0
    stall_timeout: float = 30.0
    min_rate: int = 1024
    grace: float = 1.0

    def rules_of_filters(self, kinds: Collection[str]) -> FilterRules:
        """The rules of filters over these kinds; a collection that changes is followed."""
        return FilterRules.of(
            kinds,
            terms=self.max_filter_terms,
            values=self.max_filter_values,
            size=self.max_filter_bytes,
        )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One run of Astrolabe.

    kubeconfig: one file, or several as $KUBECONFIG has them. context: one of its; "": the current one.
    namespaces: watch these only; empty means all.
    kinds: to watch, see `Catalogue.find`; empty means all that ship.
    auth: whether clients need a token. auth_token_file: with one a line. open_metrics: not for /metrics.
    host: to listen at; "" is where it is safe, see `listen_host`.
    allowed_hosts: that requests may name; none given: any in a cluster or with tokens, see `checks_hosts`.
    allowed_origins: of pages beside our own that may connect. cors_origins: that may read, too.
    trusted_proxies: addresses and CIDRs of peers that are believed what was asked of them.
    tls_cert_file, tls_key_file: PEM; both or none.
    redis_url: wins over redis_addr and redis_db; may hold user, password, TLS, and several hosts.
    cluster_name: names the keys in Redis, which several clusters may share.
    workers: processes that serve one port.
    snapshot_interval: seconds; 0: none. batch_window: seconds (the flag takes `50ms`).
    verbosity: 0-4, as kubectl's `--v`.
    """

    kubeconfig: str = "~/.kube/config"
    context: str = ""
    in_cluster: bool = True
    host: str = ""
    port: int = 8080
    label_selector: str = DEFAULT_SELECTOR
    selector_mode: SelectorMode = "closure"
    namespaces: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    batch_window: float = 0.05
    limits: Limits = Limits()
    auth: Auth = "none"
    auth_token_file: str = ""
    open_metrics: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    tls_cert_file: str = ""
    tls_key_file: str = ""
    enable_persistence: bool = False
    cluster_name: str = DEFAULT_CLUSTER
    redis_addr: str = "localhost:6379"
    redis_url: str = field(default="", repr=False)
    redis_password: str = field(default="", repr=False)
    redis_db: int = 0
    snapshot_interval: int = 300
    workers: int = 1
    verbosity: int = 0
    log_format: LogFormat = "text"

    @property
    def listen_host(self) -> str:
        """The address to listen at. A pod is reached from outside of it; a process on somebody's machine
        is to be seen from there alone, unless they say otherwise."""
        return self.host or ("0.0.0.0" if self.in_cluster else "127.0.0.1")

    @property
    def checks_hosts(self) -> bool:
        """Whether requests may only name certain hosts: always where nobody needs a token and no cluster's
        network is in between."""
        return bool(self.allowed_hosts) or (not self.in_cluster and self.auth == "none")
