"""The flags that make up `Settings`, with defaults and environment variables, named after its fields."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from astrolabe.cli import flag_types
from astrolabe.cli.access_flags import ACCESS, AUTH, check_access
from astrolabe.cli.flag_types import BOOLEAN, FlagType
from astrolabe.cli.go_flags import Flag, list_flag
from astrolabe.settings import DEFAULT_SELECTOR, Limits, Settings

_DEFAULTS = Settings()
_SCOPE = "What is watched"
_CLUSTER = "The cluster"
_SERVING = "Serving"
_STREAM = "The stream"
_PERSISTENCE, _LOGGING = "Persistence", "Logging"


CLUSTER = (
    Flag(
        ("--kubeconfig",),
        heading=_CLUSTER,
        envvar="KUBECONFIG",
        default=_DEFAULTS.kubeconfig,
        metavar="PATH",
        help="File to connect with. Several (a:b) are merged as kubectl does.",
    ),
    Flag(
        ("--context",),
        heading=_CLUSTER,
        envvar="ASTROLABE_CONTEXT",
        default=_DEFAULTS.context,
        metavar="NAME",
        help="Context to use instead of the current one.",
    ),
    Flag(
        ("--in-cluster",),
        heading=_CLUSTER,
        envvar="ASTROLABE_IN_CLUSTER",
        default=_DEFAULTS.in_cluster,
        type=BOOLEAN,
        help="Connect as the pod's service account. It is false if a kubeconfig or context is given, or if "
        "Astrolabe runs outside a pod and finds a kubeconfig.",
    ),
)

#: Which clusters one server serves together.
UNION = (
    list_flag(
        "--contexts",
        flag_types.names,
        heading=_CLUSTER,
        shown="one cluster",
        envvar="ASTROLABE_CONTEXTS",
        help="Contexts of the kubeconfig, each a cluster of one graph; `all`: every one.",
    ),
    Flag(
        ("--clusters",),
        heading=_CLUSTER,
        envvar="ASTROLABE_CLUSTERS",
        default=_DEFAULTS.clusters,
        metavar="PATH",
        help="File or folder (*.yaml, *.json) that names the clusters of one graph, and how to reach each. "
        "Reloaded when it changes.",
    ),
)

SCOPE = (
    Flag(
        ("--label-selector",),
        heading=_SCOPE,
        envvar="LABEL_SELECTOR",
        default=DEFAULT_SELECTOR,
        empty=True,
        type=FlagType("SELECTOR", flag_types.label_selector),
        help="Resources to show; empty (--label-selector=) means everything.",
    ),
    Flag(
        ("--selector-mode",),
        heading=_SCOPE,
        envvar="ASTROLABE_SELECTOR_MODE",
        default=_DEFAULTS.selector_mode,
        type=flag_types.choice("closure", "strict"),
        help="closure: what matches and what belongs to it. strict: only what matches.",
    ),
    list_flag(
        "--namespaces",
        flag_types.namespaces,
        heading=_SCOPE,
        shown="all",
        envvar="ASTROLABE_NAMESPACES",
        help="Watch only these; Roles in them are enough.",
    ),
    list_flag(
        "--kinds",
        flag_types.kinds,
        heading=_SCOPE,
        shown="all",
        envvar="ASTROLABE_KINDS",
        help="Watch only these. +a adds to the default, as in +rbac.",
    ),
    Flag(
        ("--helm-details",),
        heading=_SCOPE,
        envvar="ASTROLABE_HELM_DETAILS",
        default=_DEFAULTS.helm_details,
        type=BOOLEAN,
        help="Read what Helm keeps of releases, except for values. Needs the right to get Secrets.",
    ),
    list_flag(
        "--custom-resources",
        flag_types.custom_resources,
        heading=_SCOPE,
        shown="auto",
        envvar="ASTROLABE_CUSTOM_RESOURCES",
        help="Custom resources to watch: auto (all but noise; none with --kinds), none, or a list of "
        "KIND.GROUP, *.GROUP, * and auto. -KIND.GROUP leaves one out. The last value that covers a kind "
        "decides.",
    ),
    Flag(
        ("--rules",),
        heading=_SCOPE,
        envvar="ASTROLABE_RULES",
        default=_DEFAULTS.rules,
        metavar="DIR",
        help="Directory of your own rules for custom resources (*.yaml). Reloaded when a file changes.",
    ),
    list_flag(
        "--controller-namespaces",
        flag_types.controller_namespaces,
        heading=_SCOPE,
        shown="as usual",
        envvar="ASTROLABE_CONTROLLER_NAMESPACES",
        help="Namespaces of controllers that are not in their usual one: cert-manager=infra, keda=…, "
        "crossplane-system=…. For example, the Secrets of a ClusterIssuer are there.",
    ),
    Flag(
        ("--max-custom-objects",),
        heading=_SCOPE,
        envvar="ASTROLABE_MAX_CUSTOM_OBJECTS",
        default=_DEFAULTS.max_custom_objects,
        type=FlagType("N", flag_types.integer(1)),
        help="Most objects of a custom kind. If there are more, only their metadata is read.",
    ),
    Flag(
        ("--max-custom-watches",),
        heading=_SCOPE,
        envvar="ASTROLABE_MAX_CUSTOM_WATCHES",
        default=_DEFAULTS.max_custom_watches,
        type=FlagType("N", flag_types.integer(1)),
        help="Most watches of custom kinds, one per kind and namespace. Kinds beyond this are left out.",
    ),
    Flag(
        ("--events",),
        heading=_SCOPE,
        envvar="ASTROLABE_EVENTS",
        default=_DEFAULTS.events,
        type=flag_types.choice("warnings", "all", "off"),
        help="Events to watch. They say why something fails if no manifest does.",
    ),
    Flag(
        ("--max-events",),
        heading=_SCOPE,
        envvar="ASTROLABE_MAX_EVENTS",
        default=_DEFAULTS.max_events,
        type=FlagType("N", flag_types.integer(1)),
        help="Most Events to keep.",
    ),
    Flag(
        ("--max-events-per-object",),
        heading=_SCOPE,
        envvar="ASTROLABE_MAX_EVENTS_PER_OBJECT",
        default=_DEFAULTS.max_events_per_object,
        type=FlagType("N", flag_types.integer(1)),
        help="Most Events to keep about one object.",
    ),
)

SERVING = (
    Flag(
        ("--host",),
        heading=_SERVING,
        envvar="ASTROLABE_HOST",
        default=_DEFAULTS.host,
        shown="127.0.0.1; in a cluster 0.0.0.0",
        metavar="ADDRESS",
        help="Address to listen on.",
    ),
    Flag(
        ("--port",),
        heading=_SERVING,
        envvar="PORT",
        default=_DEFAULTS.port,
        type=FlagType("N", flag_types.integer(0, 65535)),
        help="Port to listen on; 0 picks a free one.",
    ),
    Flag(
        ("--batch-window",),
        heading=_SERVING,
        envvar="ASTROLABE_BATCH_WINDOW",
        default=_DEFAULTS.batch_window,
        shown="50ms",
        type=FlagType("DURATION", flag_types.duration),
        help="Changes within this time are sent together. The first one is sent at once.",
    ),
)


def _limit(
    name: str, metavar: str, parse: Callable[[str], Any], *, shown: str | None = None, help: str
) -> Flag:
    flag = name.replace("_", "-")
    return Flag(
        (f"--{flag}",),
        heading=_STREAM,
        envvar=f"ASTROLABE_{name.upper()}",
        default=getattr(_DEFAULTS.limits, name),
        shown=shown,
        type=FlagType(metavar, parse),
        help=help,
    )


STREAM = (
    _limit("max_connections", "N", flag_types.integer(1), help="Most streams open at a time."),
    _limit(
        "max_requests",
        "N",
        flag_types.integer(1),
        help="Most answers made or sent at a time, without streams and probes.",
    ),
    _limit("max_sockets", "N", flag_types.integer(1), help="Most TCP connections open at a time."),
    _limit(
        "max_body_bytes",
        "BYTES",
        flag_types.integer(0),
        help="Most memory for answers that are kept, made or being read.",
    ),
    _limit("max_subscriptions", "N", flag_types.integer(1), help="Most subscriptions per connection."),
    _limit(
        "max_visibilities",
        "N",
        flag_types.integer(1),
        help="Most different sets of users' rights at a time; see --auth=kubernetes.",
    ),
    _limit("max_filters", "N", flag_types.integer(1), help="Most different filters in use at a time."),
    _limit(
        "max_filter_terms",
        "N",
        flag_types.integer(1),
        help="Most parameters of a filter; each requirement of its selector counts as one.",
    ),
    _limit("max_filter_values", "N", flag_types.integer(1), help="Most values in one parameter of a filter."),
    _limit("max_filter_bytes", "BYTES", flag_types.integer(64), help="Longest filter."),
    _limit(
        "max_message_bytes",
        "BYTES",
        flag_types.integer(128),
        help="Longest message from a client.",
    ),
    _limit(
        "max_message_rate",
        "N",
        flag_types.integer(1),
        help="Most messages per second from a client.",
    ),
    *(
        _limit(name, metavar, flag_types.integer(1), help=help)
        for name, metavar, help in (
            ("max_query_bytes", "BYTES", "Longest GraphQL query."),
            ("max_query_tokens", "N", "Most tokens of a GraphQL query."),
            ("max_query_depth", "N", "Deepest nesting of fields in a GraphQL query."),
            ("max_query_fields", "N", "Most fields of a GraphQL query, with its fragments expanded."),
            ("max_query_aliases", "N", "Most aliases of a GraphQL query."),
            ("max_query_directives", "N", "Most directives of a GraphQL query."),
            (
                "max_query_cost",
                "N",
                "Most objects that a GraphQL query may answer with, estimated by the sizes of its pages.",
            ),
            ("max_query_visits", "N", "Most nodes and edges that a GraphQL query may look at."),
            ("max_query_answer", "BYTES", "Largest answer to a GraphQL query."),
        )
    ),
    _limit(
        "request_timeout",
        "DURATION",
        flag_types.positive_duration,
        shown="10s",
        help="Longest time for a request to arrive. For the first one, it starts when the client connects.",
    ),
    _limit(
        "history_changes",
        "N",
        flag_types.integer(0),
        help="Changed nodes and edges kept for clients that fall behind or come back.",
    ),
    _limit(
        "history_bytes",
        "BYTES",
        flag_types.integer(0),
        help="Most memory for these changes.",
    ),
    _limit(
        "heartbeat",
        "DURATION",
        flag_types.positive_duration,
        shown="15s",
        help="Time between signs of life. A client that is silent for 2.5 times as long is cut off.",
    ),
    _limit(
        "stall_timeout",
        "DURATION",
        flag_types.positive_duration,
        shown="30s",
        help="Time after which a client that reads nothing is cut off.",
    ),
    _limit(
        "min_rate",
        "BYTES",
        flag_types.integer(0),
        help="Bytes per second that a client must read while data waits, on average over --stall-timeout.",
    ),
)

PERSISTENCE = (
    Flag(
        ("--enable-persistence",),
        heading=_PERSISTENCE,
        envvar="ENABLE_PERSISTENCE",
        default=_DEFAULTS.enable_persistence,
        otherwise="false",
        type=BOOLEAN,
        help="Keep the graph in Redis, and share it with other processes that use the same Redis.",
    ),
    Flag(
        ("--cluster-name",),
        heading=_PERSISTENCE,
        envvar="ASTROLABE_CLUSTER_NAME",
        default=_DEFAULTS.cluster_name,
        type=FlagType("NAME", flag_types.cluster_name),
        help="Part of the names of the keys, so that several clusters can share one Redis.",
    ),
    Flag(
        ("--redis-addr",),
        heading=_PERSISTENCE,
        envvar="REDIS_ADDR",
        default=_DEFAULTS.redis_addr,
        type=FlagType("HOST:PORT", flag_types.address),
        help="Address of Redis.",
    ),
    Flag(
        ("--redis-url",),
        heading=_PERSISTENCE,
        envvar="REDIS_URL",
        default=_DEFAULTS.redis_url,
        shown="",
        type=FlagType("URL", flag_types.redis_url, secret=True),
        help="Overrides the address: rediss://user:password@host:port/0 for TLS and users, unix:///path, "
        "redis+sentinel://host,host/name/0 or redis+cluster://host,host.",
    ),
    Flag(
        ("--redis-password",),
        heading=_PERSISTENCE,
        envvar="REDIS_PASSWORD",
        default=_DEFAULTS.redis_password,
        metavar="TEXT",
        help="Password of Redis. Set it in the environment, where other users cannot see it.",
    ),
    Flag(
        ("--redis-db",),
        heading=_PERSISTENCE,
        envvar="REDIS_DB",
        default=_DEFAULTS.redis_db,
        type=FlagType("N", flag_types.integer(0)),
        help="Number of the database.",
    ),
    Flag(
        ("--snapshot-interval",),
        heading=_PERSISTENCE,
        envvar="ASTROLABE_SNAPSHOT_INTERVAL",
        default=_DEFAULTS.snapshot_interval,
        type=FlagType("SECONDS", flag_types.at_least_zero),
        help="Seconds between two comparisons of Redis with the served graph. 0: only when a process finds "
        "an error.",
    ),
)

WORKERS = (
    Flag(
        ("--workers",),
        heading=_PERSISTENCE,
        envvar="ASTROLABE_WORKERS",
        default=_DEFAULTS.workers,
        type=FlagType("N", flag_types.integer(1, 64)),
        help="Equal processes that share the port.",
    ),
)

LOGGING = (
    Flag(
        ("verbosity", "--v"),
        heading=_LOGGING,
        envvar="ASTROLABE_V",
        default=_DEFAULTS.verbosity,
        type=FlagType("N", flag_types.verbosity),
        help="0: changes of state. 1: also those of libraries. 2: details. 3: also those of libraries. 4 and "
        "more: everything.",
    ),
    Flag(
        ("--log-format",),
        heading=_LOGGING,
        envvar="ASTROLABE_LOG_FORMAT",
        default=_DEFAULTS.log_format,
        type=flag_types.choice("text", "json"),
        help="json: one object per line.",
    ),
)

#: The flags of each command. The demo has no cluster flags, and serves from one process.
SERVE = (*CLUSTER, *UNION, *SCOPE, *SERVING, *ACCESS, *STREAM, *PERSISTENCE, *WORKERS, *LOGGING)
CHECK = (*CLUSTER, *SCOPE, AUTH, *PERSISTENCE)
DEMO = (*SCOPE, *SERVING, *ACCESS, *STREAM, *PERSISTENCE, *LOGGING)


#: Exists in a pod with a service account.
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


def with_location(settings: Settings, given: Callable[[str], bool], *, in_pod: bool) -> Settings:
    """The settings, with in_cluster false if a kubeconfig was given, or if nothing else is available.

    given: whether a flag, by the name of its field, was set on the command line. in_pod: whether this is a
    pod with a service account. In such a pod the environment variables are ignored, since they may be meant
    for others. Without a service account, in-cluster access is impossible, whatever --in-cluster says.
    """
    if not settings.kubeconfig:  # empty counts as not given
        settings = replace(settings, kubeconfig=os.environ.get("KUBECONFIG") or _DEFAULTS.kubeconfig)
        named = given("context")
    else:
        named = given("kubeconfig") or given("context")
    environment = os.environ.get("KUBECONFIG") or os.environ.get("ASTROLABE_CONTEXT")
    if named or (not in_pod and (environment or Path(settings.kubeconfig).expanduser().is_file())):
        return replace(settings, in_cluster=False)
    return settings


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Make the settings from values by field name. Raises click.UsageError if they conflict."""
    limits = {flag.name: values[flag.name] for flag in STREAM if flag.name in values}
    settings = Settings(limits=Limits(**limits), **{name: values[name] for name in values.keys() - limits})
    if settings.workers > 1 and not settings.enable_persistence:
        raise click.UsageError("--workers needs --enable-persistence: the processes share the graph in Redis")
    if settings.is_union:
        check_union(settings)
    if "auth_token_file" in values:  # `check` looks at no file
        check_access(settings)
    return settings


def check_union(settings: Settings) -> None:
    """Raise click.UsageError if these settings do not hold for several clusters."""
    if settings.clusters and settings.contexts:
        raise click.UsageError("--clusters and --contexts both name the clusters; give one of them")
    if settings.context:
        raise click.UsageError("--context is for one cluster; add the context to --contexts, or to the file")
    if settings.enable_persistence:
        raise click.UsageError("--enable-persistence cannot be combined with several clusters yet")
