"""All settings with their defaults, frozen. `cli` makes them from flags and environment variables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from astrolabe.graph.views.filter import FilterRules
from astrolabe.kinds.catalogue import Catalogue

DEFAULT_SELECTOR = "app.kubernetes.io/managed-by=Helm"
DEFAULT_CLUSTER = "default"

SelectorMode = Literal["closure", "strict"]
EventsMode = Literal["warnings", "all", "off"]
#: How clients are known; several may be combined.
Auth = Literal["none", "token", "kubernetes", "proxy"]
AUTH_MODES: tuple[Auth, ...] = get_args(Auth)
LogFormat = Literal["text", "json"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on what clients may use. Most are also flags, with the same names.

    max_connections: open streams. max_subscriptions: subscriptions per connection.
    max_filters: different filters in use at a time.
    max_visibilities: different sets of rights of users that are served at a time.
    max_filter_terms, max_filter_values, max_filter_bytes: size of one filter; see `FilterRules`.
    max_message_bytes, max_message_rate: size of a WebSocket message from a client; messages per second.
    max_query_bytes, max_query_tokens, max_query_depth, max_query_fields, max_query_aliases,
        max_query_directives: size of one GraphQL query, checked before it is executed.
    max_query_cost: objects that it may answer with, estimated by the sizes of its pages.
    max_query_visits: nodes, edges and items that it may look at.
    max_query_answer: bytes of its answer.
    history_changes, history_bytes: changed nodes and edges, and their bytes, kept for clients that fall
        behind or come back.
    request_timeout: seconds for a request to arrive; for the first one, since connecting.
    heartbeat: seconds; a peer that is silent for 2.5 times as long is gone.
    max_requests: responses made or sent at a time. max_sockets: TCP connections of the process.
    max_body_bytes: memory for responses that are cached, made or being read.
    stall_timeout: seconds after which a connection is aborted if the peer reads nothing.
    min_rate: bytes per second that a client must read, on average over stall_timeout, while data waits.
    grace: seconds for a peer to answer a close.
    """

    max_connections: int = 2000
    max_requests: int = 500
    max_sockets: int = 4000
    max_body_bytes: int = 64 * 1024 * 1024
    max_subscriptions: int = 32
    max_filters: int = 1000
    max_visibilities: int = 200
    max_filter_terms: int = 64
    max_filter_values: int = 64
    max_filter_bytes: int = 2048
    max_message_bytes: int = 64 * 1024
    max_message_rate: int = 50
    max_query_bytes: int = 16 * 1024
    max_query_tokens: int = 1000
    max_query_depth: int = 16
    max_query_fields: int = 300
    max_query_aliases: int = 50
    max_query_directives: int = 20
    max_query_cost: int = 20_000
    max_query_visits: int = 1_000_000
    max_query_answer: int = 8 * 1024 * 1024
    history_changes: int = 20_000
    history_bytes: int = 16 * 1024 * 1024
    request_timeout: float = 10.0
    heartbeat: float = 15.0
    stall_timeout: float = 30.0
    min_rate: int = 1024
    grace: float = 1.0

    def rules_of_filters(
        self,
        catalogue: Catalogue,
        *,
        cluster: str = "",
        clusters: Callable[[], Collection[str] | None] = lambda: None,
    ) -> FilterRules:
        """The rules for filters over these kinds. Changes of the catalogue take effect.

        cluster, clusters: see `Catalogue.vocabulary`.
        """
        return FilterRules.of(
            catalogue.keys,
            vocabulary=catalogue.vocabulary(cluster=cluster, clusters=clusters),
            terms=self.max_filter_terms,
            values=self.max_filter_values,
            size=self.max_filter_bytes,
        )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one run.

    kubeconfig: one path, or several as in $KUBECONFIG. context: a context in it; "": the current one.
    contexts: several of its contexts, or `all`, each a cluster of a union. clusters: a file or folder that
        names the clusters of a union; "": there is one cluster, without a name.
    namespaces: watch only these; empty: all.
    kinds: kinds to watch, see `Catalogue.find`; empty: all built-in kinds, but for those by request.
    custom_resources: which custom resources to watch, see `kinds.custom.selection`; empty: `auto`, or with
    `kinds` none.
    max_custom_objects: objects of one custom kind beyond which only their metadata is read.
    max_custom_watches: watches of all custom kinds, one for each kind and namespace.
    events: which of Kubernetes' Events to watch. max_events, max_events_per_object: how many to keep.
    rules: a directory of rules for custom resources; "": only those that ship.
    controller_namespaces: `NAME=NAMESPACE`: where the controllers are that rules know by the name of the
    namespace in which they usually are, see `homes`.
    helm_details: whether to read what Helm keeps of releases.
    auth: how clients are known, one way or several with commas. auth_token_file: one token per line.
    auth_proxy_secret_file: one per line, by which an authenticating proxy is known.
    auth_proxy_client_ca_file: PEM; who signs the certificates of authenticating proxies.
    auth_proxy_allowed_names: the common names of these certificates; empty: any.
    open_metrics: /metrics needs none.
    audit_log: a file that says who asked what; `-`: standard output; "": none.
    host: address to listen on; "": a safe default, see `listen_host`.
    allowed_hosts: host names that requests may use; empty: see `checks_hosts`.
    allowed_origins: other sites whose pages may connect. cors_origins: other sites that may also read.
    trusted_proxies: addresses and CIDRs of proxies whose forwarding headers are trusted.
    tls_cert_file, tls_key_file: PEM; both or neither.
    redis_url: overrides redis_addr and redis_db; may contain user, password, TLS, and several hosts.
    cluster_name: names the keys in Redis, so that several clusters can share one.
    workers: processes that serve one port.
    snapshot_interval: seconds; 0: off. batch_window: seconds (the flag takes `50ms`).
    verbosity: 0-4, as kubectl's `--v`.
    """

    kubeconfig: str = "~/.kube/config"
    context: str = ""
    contexts: tuple[str, ...] = ()
    clusters: str = ""
    in_cluster: bool = True
    host: str = ""
    port: int = 8080
    label_selector: str = DEFAULT_SELECTOR
    selector_mode: SelectorMode = "closure"
    namespaces: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    helm_details: bool = False
    custom_resources: tuple[str, ...] = ()
    max_custom_objects: int = 50_000
    max_custom_watches: int = 1_000
    events: EventsMode = "warnings"
    max_events: int = 20_000
    max_events_per_object: int = 20
    rules: str = ""
    controller_namespaces: tuple[str, ...] = ()
    batch_window: float = 0.05
    limits: Limits = Limits()
    auth: str = "none"
    auth_token_file: str = ""
    auth_proxy_secret_file: str = ""
    auth_proxy_client_ca_file: str = ""
    auth_proxy_allowed_names: tuple[str, ...] = ()
    open_metrics: bool = False
    audit_log: str = ""
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
    def is_union(self) -> bool:
        """Whether several clusters are served, or one by a name."""
        return bool(self.clusters or self.contexts)

    @property
    def homes(self) -> Mapping[str, str]:
        """The namespaces of controllers, by the name of the usual one: see `RuleBook.homes`."""
        pairs = [each.partition("=") for each in self.controller_namespaces]
        return {name: namespace for name, _, namespace in pairs}

    @property
    def listen_host(self) -> str:
        """The address to listen on. A pod must be reachable from outside. A process on a user's machine
        should be reachable only from there, unless `host` says otherwise."""
        return self.host or ("0.0.0.0" if self.in_cluster else "127.0.0.1")

    @property
    def auth_modes(self) -> tuple[str, ...]:
        """How clients are authenticated; empty if everybody is let in."""
        return tuple([mode for mode in self.auth.split(",") if mode != "none"])

    @property
    def asks_for_rights(self) -> bool:
        """Whether users see what Kubernetes grants them."""
        return "kubernetes" in self.auth_modes or "proxy" in self.auth_modes

    @property
    def checks_hosts(self) -> bool:
        """Whether to accept only certain host names in requests: always outside a cluster without tokens."""
        return bool(self.allowed_hosts) or (not self.in_cluster and not self.auth_modes)
