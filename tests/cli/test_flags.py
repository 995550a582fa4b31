"""Each flag by flag and by environment, in every way in which Go lets it be written."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import click
import pytest

from astrolabe.bus.redis.address import FORMS
from astrolabe.cli.flag_types import InvalidValue
from astrolabe.cli.flags import DEMO, SERVE, settings_from, with_location
from astrolabe.cli.go_flags import GoCommand
from astrolabe.settings import Limits, Settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for flag in SERVE:
        monkeypatch.delenv(str(flag.envvar), raising=False)


def read(*args: str) -> Settings:
    """The settings that the command line makes of these arguments."""
    command = GoCommand("serve", params=[*SERVE], callback=lambda **given: settings_from(given))
    settings = command.main(list(args), standalone_mode=False)
    assert isinstance(settings, Settings)
    return settings


#: (flag, environment variable, its text, field, its value); none is the default.
CASES: list[tuple[str, str, str, str, Any]] = [
    ("kubeconfig", "KUBECONFIG", "/etc/kube", "kubeconfig", "/etc/kube"),
    ("context", "ASTROLABE_CONTEXT", "prod", "context", "prod"),
    ("contexts", "ASTROLABE_CONTEXTS", "a,b", "contexts", ("a", "b")),
    ("clusters", "ASTROLABE_CLUSTERS", "/etc/clusters.yaml", "clusters", "/etc/clusters.yaml"),
    ("in-cluster", "ASTROLABE_IN_CLUSTER", "false", "in_cluster", False),
    ("host", "ASTROLABE_HOST", "::1", "host", "::1"),
    ("port", "PORT", "9000", "port", 9000),
    ("label-selector", "LABEL_SELECTOR", "app in (a,b)", "label_selector", "app in (a,b)"),
    ("selector-mode", "ASTROLABE_SELECTOR_MODE", "strict", "selector_mode", "strict"),
    ("namespaces", "ASTROLABE_NAMESPACES", "shop,web", "namespaces", ("shop", "web")),
    ("kinds", "ASTROLABE_KINDS", "Pod,Service", "kinds", ("Pod", "Service")),
    (
        "custom-resources",
        "ASTROLABE_CUSTOM_RESOURCES",
        "auto,-*.crossplane.io",
        "custom_resources",
        ("auto", "-*.crossplane.io"),
    ),
    ("rules", "ASTROLABE_RULES", "/etc/astrolabe/rules", "rules", "/etc/astrolabe/rules"),
    (
        "controller-namespaces",
        "ASTROLABE_CONTROLLER_NAMESPACES",
        "cert-manager=infra,keda=scaling",
        "controller_namespaces",
        ("cert-manager=infra", "keda=scaling"),
    ),
    ("max-custom-objects", "ASTROLABE_MAX_CUSTOM_OBJECTS", "1000", "max_custom_objects", 1000),
    ("max-custom-watches", "ASTROLABE_MAX_CUSTOM_WATCHES", "100", "max_custom_watches", 100),
    ("helm-details", "ASTROLABE_HELM_DETAILS", "true", "helm_details", True),
    ("events", "ASTROLABE_EVENTS", "all", "events", "all"),
    ("max-events", "ASTROLABE_MAX_EVENTS", "7", "max_events", 7),
    ("max-events-per-object", "ASTROLABE_MAX_EVENTS_PER_OBJECT", "3", "max_events_per_object", 3),
    ("batch-window", "ASTROLABE_BATCH_WINDOW", "1s", "batch_window", 1.0),
    ("open-metrics", "ASTROLABE_OPEN_METRICS", "true", "open_metrics", True),
    ("allowed-hosts", "ASTROLABE_ALLOWED_HOSTS", "a.b,*.c", "allowed_hosts", ("a.b", "*.c")),
    (
        "trusted-proxies",
        "ASTROLABE_TRUSTED_PROXIES",
        "::1,10.0.0.0/8",
        "trusted_proxies",
        ("::1", "10.0.0.0/8"),
    ),
    (
        "allowed-origins",
        "ASTROLABE_ALLOWED_ORIGINS",
        "https://a:1,http://b",
        "allowed_origins",
        ("https://a:1", "http://b"),
    ),
    ("cors-origins", "ASTROLABE_CORS_ORIGINS", "*", "cors_origins", ("*",)),
    ("max-connections", "ASTROLABE_MAX_CONNECTIONS", "10", "max_connections", 10),
    ("max-requests", "ASTROLABE_MAX_REQUESTS", "10", "max_requests", 10),
    ("max-sockets", "ASTROLABE_MAX_SOCKETS", "10", "max_sockets", 10),
    ("max-body-bytes", "ASTROLABE_MAX_BODY_BYTES", "10", "max_body_bytes", 10),
    ("min-rate", "ASTROLABE_MIN_RATE", "10", "min_rate", 10),
    ("max-subscriptions", "ASTROLABE_MAX_SUBSCRIPTIONS", "2", "max_subscriptions", 2),
    ("max-filters", "ASTROLABE_MAX_FILTERS", "7", "max_filters", 7),
    ("max-filter-terms", "ASTROLABE_MAX_FILTER_TERMS", "3", "max_filter_terms", 3),
    ("max-filter-values", "ASTROLABE_MAX_FILTER_VALUES", "4", "max_filter_values", 4),
    ("max-filter-bytes", "ASTROLABE_MAX_FILTER_BYTES", "100", "max_filter_bytes", 100),
    ("max-message-bytes", "ASTROLABE_MAX_MESSAGE_BYTES", "1000", "max_message_bytes", 1000),
    ("max-message-rate", "ASTROLABE_MAX_MESSAGE_RATE", "5", "max_message_rate", 5),
    ("max-query-bytes", "ASTROLABE_MAX_QUERY_BYTES", "7000", "max_query_bytes", 7000),
    ("max-query-tokens", "ASTROLABE_MAX_QUERY_TOKENS", "70", "max_query_tokens", 70),
    ("max-query-depth", "ASTROLABE_MAX_QUERY_DEPTH", "7", "max_query_depth", 7),
    ("max-query-fields", "ASTROLABE_MAX_QUERY_FIELDS", "71", "max_query_fields", 71),
    ("max-query-aliases", "ASTROLABE_MAX_QUERY_ALIASES", "8", "max_query_aliases", 8),
    ("max-query-directives", "ASTROLABE_MAX_QUERY_DIRECTIVES", "9", "max_query_directives", 9),
    ("max-query-cost", "ASTROLABE_MAX_QUERY_COST", "72", "max_query_cost", 72),
    ("max-query-visits", "ASTROLABE_MAX_QUERY_VISITS", "73", "max_query_visits", 73),
    ("max-query-answer", "ASTROLABE_MAX_QUERY_ANSWER", "74", "max_query_answer", 74),
    ("request-timeout", "ASTROLABE_REQUEST_TIMEOUT", "3s", "request_timeout", 3.0),
    ("audit-log", "ASTROLABE_AUDIT_LOG", "/var/log/audit", "audit_log", "/var/log/audit"),
    ("max-visibilities", "ASTROLABE_MAX_VISIBILITIES", "7", "max_visibilities", 7),
    ("history-changes", "ASTROLABE_HISTORY_CHANGES", "0", "history_changes", 0),
    ("history-bytes", "ASTROLABE_HISTORY_BYTES", "1000000", "history_bytes", 1_000_000),
    ("heartbeat", "ASTROLABE_HEARTBEAT", "2s", "heartbeat", 2.0),
    ("stall-timeout", "ASTROLABE_STALL_TIMEOUT", "1m", "stall_timeout", 60.0),
    ("enable-persistence", "ENABLE_PERSISTENCE", "true", "enable_persistence", True),
    ("cluster-name", "ASTROLABE_CLUSTER_NAME", "blue-1", "cluster_name", "blue-1"),
    ("redis-addr", "REDIS_ADDR", "redis:1", "redis_addr", "redis:1"),
    ("redis-url", "REDIS_URL", "rediss://me:x@redis/2", "redis_url", "rediss://me:x@redis/2"),
    ("redis-password", "REDIS_PASSWORD", "open=sesame", "redis_password", "open=sesame"),
    ("redis-db", "REDIS_DB", "3", "redis_db", 3),
    ("snapshot-interval", "ASTROLABE_SNAPSHOT_INTERVAL", "60", "snapshot_interval", 60),
    ("v", "ASTROLABE_V", "4", "verbosity", 4),
    ("log-format", "ASTROLABE_LOG_FORMAT", "json", "log_format", "json"),
]
LIMITS = {field.name for field in dataclasses.fields(Limits)}


def with_one(field: str, value: Any) -> Settings:
    """The defaults but for one field."""
    if field in LIMITS:
        return Settings(limits=Limits(**{field: value}))
    return Settings(**{field: value})


each_case = pytest.mark.parametrize(
    ("flag", "variable", "text", "field", "value"), CASES, ids=[case[0] for case in CASES]
)


def test_the_cases_cover_every_flag() -> None:
    # These have tests of their own.
    tried = {(f"--{flag}", variable, field) for flag, variable, _, field, _ in CASES}
    tried.add(("--workers", "ASTROLABE_WORKERS", "workers"))
    tried.add(("--auth", "ASTROLABE_AUTH", "auth"))
    tried.add(("--auth-token-file", "ASTROLABE_AUTH_TOKEN_FILE", "auth_token_file"))
    tried.add(("--auth-proxy-secret-file", "ASTROLABE_AUTH_PROXY_SECRET_FILE", "auth_proxy_secret_file"))
    authority = ("--auth-proxy-client-ca-file", "ASTROLABE_AUTH_PROXY_CLIENT_CA_FILE")
    tried.add((*authority, "auth_proxy_client_ca_file"))
    names = ("--auth-proxy-allowed-names", "ASTROLABE_AUTH_PROXY_ALLOWED_NAMES")
    tried.add((*names, "auth_proxy_allowed_names"))
    tried.add(("--tls-cert-file", "ASTROLABE_TLS_CERT_FILE", "tls_cert_file"))
    tried.add(("--tls-key-file", "ASTROLABE_TLS_KEY_FILE", "tls_key_file"))
    assert {(flag.long, flag.envvar, flag.name) for flag in SERVE} == tried
    fields = {field.name for field in dataclasses.fields(Settings)} | LIMITS
    # How long a peer has for a request, or to answer a closing, is nobody's wish.
    assert fields - {"limits", "grace"} == {field for _, _, field in tried}


def test_without_any_flag_the_settings_are_the_defaults() -> None:
    assert read() == Settings()


def test_the_defaults() -> None:
    shown = {flag.long: flag.shown for flag in SERVE}
    assert shown == {
        "--kubeconfig": "~/.kube/config",
        "--context": "",
        "--contexts": "one cluster",
        "--clusters": "",
        "--in-cluster": "true",
        "--label-selector": "app.kubernetes.io/managed-by=Helm",
        "--selector-mode": "closure",
        "--namespaces": "all",
        "--kinds": "all",
        "--custom-resources": "auto",
        "--rules": "",
        "--controller-namespaces": "as usual",
        "--max-custom-objects": "50000",
        "--max-custom-watches": "1000",
        "--host": "127.0.0.1; in a cluster 0.0.0.0",
        "--port": "8080",
        "--helm-details": "false",
        "--events": "warnings",
        "--max-events": "20000",
        "--max-events-per-object": "20",
        "--batch-window": "50ms",
        "--auth": "none",
        "--auth-token-file": "",
        "--auth-proxy-secret-file": "",
        "--auth-proxy-client-ca-file": "",
        "--auth-proxy-allowed-names": "",
        "--audit-log": "",
        "--open-metrics": "false",
        "--allowed-hosts": "",
        "--allowed-origins": "",
        "--cors-origins": "",
        "--trusted-proxies": "",
        "--tls-cert-file": "",
        "--tls-key-file": "",
        "--max-connections": "2000",
        "--max-requests": "500",
        "--max-sockets": "4000",
        "--max-body-bytes": "67108864",
        "--min-rate": "1024",
        "--max-subscriptions": "32",
        "--max-visibilities": "200",
        "--max-filters": "1000",
        "--max-filter-terms": "64",
        "--max-filter-values": "64",
        "--max-filter-bytes": "2048",
        "--max-message-bytes": "65536",
        "--max-message-rate": "50",
        "--max-query-bytes": "16384",
        "--max-query-tokens": "1000",
        "--max-query-depth": "16",
        "--max-query-fields": "300",
        "--max-query-aliases": "50",
        "--max-query-directives": "20",
        "--max-query-cost": "20000",
        "--max-query-visits": "1000000",
        "--max-query-answer": "8388608",
        "--request-timeout": "10s",
        "--history-changes": "20000",
        "--history-bytes": "16777216",
        "--heartbeat": "15s",
        "--stall-timeout": "30s",
        "--enable-persistence": "false",
        "--cluster-name": "default",
        "--redis-addr": "localhost:6379",
        "--redis-url": "",
        "--redis-password": "",
        "--redis-db": "0",
        "--snapshot-interval": "300",
        "--workers": "1",
        "--v": "0",
        "--log-format": "text",
    }


@each_case
def test_two_dashes_and_an_equals_sign(flag: str, variable: str, text: str, field: str, value: Any) -> None:
    assert read(f"--{flag}={text}") == with_one(field, value)


@each_case
def test_one_dash_and_an_equals_sign(flag: str, variable: str, text: str, field: str, value: Any) -> None:
    assert read(f"-{flag}={text}") == with_one(field, value)


@pytest.mark.parametrize("dashes", ["-", "--"])
@each_case
def test_the_value_as_the_next_argument(
    flag: str, variable: str, text: str, field: str, value: Any, dashes: str
) -> None:
    if isinstance(value, bool):  # Go: a boolean's value is only ever behind the equals sign
        with pytest.raises(click.UsageError, match=f"unexpected argument '{text}'"):
            read(f"{dashes}{flag}", text)
    else:
        assert read(f"{dashes}{flag}", text) == with_one(field, value)


@each_case
def test_the_environment(
    flag: str, variable: str, text: str, field: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    assert read() == with_one(field, value)


@each_case
def test_the_flag_wins_over_the_environment(
    flag: str, variable: str, text: str, field: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {
        "label_selector": "x=y",
        "log_format": "text",
        "selector_mode": "closure",
        "kinds": "Job",
        "allowed_origins": "*",
        "trusted_proxies": "::2",
        "cors_origins": "http://c",
    }
    other = others.get(field, {bool: "true", int: "1", float: "5s"}.get(type(value), "other:1"))
    monkeypatch.setenv(variable, "other" if field == "namespaces" else other)
    assert read(f"--{flag}={text}") == with_one(field, value)


@pytest.mark.parametrize("argument", ["--in-cluster", "-in-cluster", "--in-cluster=true", "--in-cluster=1"])
def test_a_boolean_needs_no_value(argument: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTROLABE_IN_CLUSTER", "false")
    assert read(argument).in_cluster is True


@pytest.mark.parametrize("argument", ["--label-selector=", "-label-selector="])
def test_an_empty_selector_given_as_flag_means_everything(argument: str) -> None:
    assert read(argument).label_selector == ""
    assert read("--label-selector", "").label_selector == ""


def test_an_empty_environment_variable_counts_as_not_set_but_for_the_selector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for flag in SERVE:
        monkeypatch.setenv(str(flag.envvar), "")
    assert read() == with_one("label_selector", "")


def test_lists_are_separated_by_commas_or_repeated_or_both() -> None:
    assert read("--namespaces=a,b", "-namespaces", "c", "--namespaces", "a").namespaces == ("a", "b", "c")
    assert read("--kinds=Pod", "--kinds=Service").kinds == ("Pod", "Service")


def test_a_value_may_begin_with_a_dash() -> None:
    assert read("--redis-password", "-secret").redis_password == "-secret"


@pytest.mark.parametrize("argument", ["--heartbeat=0", "--stall-timeout=0s", "--max-connections=0"])
def test_limits_of_zero_are_refused(argument: str) -> None:
    with pytest.raises(click.BadParameter, match=r"not a (duration above 0|whole number of at least 1)"):
        read(argument)


def test_several_workers_share_the_graph_in_redis() -> None:
    assert read("--workers=3", "--enable-persistence").workers == 3
    with pytest.raises(click.UsageError, match="--workers needs --enable-persistence"):
        read("--workers=2")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis", FORMS),
        ("http://redis:6379", FORMS),
        ("redis://:secret@", FORMS),
        ("unix://", FORMS),
        ("redis://redis:port", "invalid port"),
        ("redis://one:1,two:2", "for several hosts use redis+sentinel:// or redis+cluster://"),
        ("redis://redis/x", "the path of redis:// is the number of a database"),
        ("redis+sentinel://one:1", "the path of redis+sentinel:// is /<name of the primary>"),
        ("redis+sentinel://one:1/main/x", "the path of redis+sentinel:// is /<name of the primary>"),
        ("redis+sentinel://:secret/@one/main", "one of the hosts is not of the form host or host:port"),
        ("redis+sentinel://one:99999/main", "one of the hosts is not of the form host or host:port"),
        ("redis+cluster://one,two:x", "one of the hosts is not of the form host or host:port"),
        ("rediss+cluster://one/1", "a Redis Cluster has only database 0"),
    ],
)
def test_a_wrong_url_is_refused_and_not_repeated(url: str, why: str) -> None:
    with pytest.raises(InvalidValue, match=re.escape(why)) as refused:
        read(f"--redis-url={url}")
    assert refused.value.value == "…"


@pytest.mark.parametrize("name", ["a b", "{x}", "-a", "a:b", ""])
def test_a_wrong_name_of_a_cluster_is_refused(name: str) -> None:
    with pytest.raises(
        click.BadParameter, match="must be letters, digits, dots, dashes and underscores, at most 63"
    ):
        read(f"--cluster-name={name}")


def test_tokens_are_required_if_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read("--auth=token", "--auth-token-file=/etc/tokens")
    assert (settings.auth, settings.auth_token_file) == ("token", "/etc/tokens")
    with pytest.raises(click.UsageError, match="--auth=token needs --auth-token-file"):
        read("--auth=token")
    monkeypatch.setenv("ASTROLABE_AUTH_TOKEN_FILE", "/etc/tokens")
    with pytest.raises(click.UsageError, match="--auth-token-file needs --auth=token"):
        read()
    monkeypatch.setenv("ASTROLABE_AUTH", "token")
    assert read() == settings


@pytest.mark.parametrize("origin", ["grafana", "https://", "https://a/b", "ftp://a", "https://a:x", "null"])
def test_invalid_origins_are_refused(origin: str) -> None:
    with pytest.raises(click.BadParameter, match="is not an origin"):
        read(f"--cors-origins={origin}")


def test_a_certificate_needs_its_key() -> None:
    settings = read("--tls-cert-file=/etc/tls.crt", "--tls-key-file=/etc/tls.key")
    assert (settings.tls_cert_file, settings.tls_key_file) == ("/etc/tls.crt", "/etc/tls.key")
    for alone in ("--tls-cert-file=x", "--tls-key-file=x"):
        with pytest.raises(click.UsageError, match="give both --tls-cert-file and --tls-key-file"):
            read(alone)


def test_passwords_are_not_shown() -> None:
    settings = read("--redis-password=open=sesame", "--redis-url=redis://:open=sesame@redis")
    assert "sesame" not in repr(settings)


def test_the_demo_has_the_applicable_flags() -> None:
    assert {flag.long for flag in SERVE} - {flag.long for flag in DEMO} == {
        "--kubeconfig",
        "--context",
        "--contexts",
        "--clusters",
        "--in-cluster",
        "--workers",
    }


@pytest.mark.parametrize(
    ("in_cluster", "host", "listens"),
    [
        (True, "", "0.0.0.0"),
        (False, "", "127.0.0.1"),
        (True, "127.0.0.1", "127.0.0.1"),
        (False, "::", "::"),
    ],
)
def test_only_a_pod_is_reachable_from_outside_by_default(in_cluster: bool, host: str, listens: str) -> None:
    assert Settings(in_cluster=in_cluster, host=host).listen_host == listens


@pytest.mark.parametrize(
    ("args", "environment", "in_pod", "in_cluster"),
    [
        ([], {}, False, True),
        ([], {"HOME": "with a kubeconfig"}, False, False),
        (["--in-cluster"], {"HOME": "with a kubeconfig"}, False, False),
        ([], {"HOME": "with a kubeconfig"}, True, True),
        ([], {}, True, True),
        (["--kubeconfig=c"], {}, False, False),
        (["--kubeconfig=c"], {}, True, False),
        (["--context=c"], {}, True, False),
        (["--kubeconfig=c", "--in-cluster"], {}, False, False),
        (["--kubeconfig=c", "--in-cluster"], {}, True, False),
        (["--kubeconfig=c"], {"ASTROLABE_IN_CLUSTER": "true"}, False, False),
        ([], {"KUBECONFIG": "c"}, False, False),
        ([], {"KUBECONFIG": "c"}, True, True),
        ([], {"ASTROLABE_CONTEXT": "c"}, False, False),
        ([], {"KUBECONFIG": "c", "ASTROLABE_IN_CLUSTER": "true"}, False, False),
        ([], {"KUBECONFIG": "c", "ASTROLABE_IN_CLUSTER": "true"}, True, True),
        (["--in-cluster=false"], {}, True, False),
    ],
)
def test_a_given_kubeconfig_means_outside_the_cluster(
    args: list[str],
    environment: dict[str, str],
    in_pod: bool,
    in_cluster: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "with a kubeconfig/.kube").mkdir(parents=True)
    (tmp_path / "with a kubeconfig/.kube/config").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in environment.items():
        monkeypatch.setenv(name, str(tmp_path / value) if name == "HOME" else value)
    given = {arg.lstrip("-").partition("=")[0].replace("-", "_") for arg in args}
    assert with_location(read(*args), given.__contains__, in_pod=in_pod).in_cluster is in_cluster


def test_an_empty_kubeconfig_is_as_if_it_were_not_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for in_pod in (True, False):
        assert with_location(read("--kubeconfig="), {"kubeconfig"}.__contains__, in_pod=in_pod) == Settings()
    monkeypatch.setenv("KUBECONFIG", "c")
    for in_pod in (True, False):
        settings = with_location(read("--kubeconfig="), {"kubeconfig"}.__contains__, in_pod=in_pod)
        assert settings == Settings(kubeconfig="c", in_cluster=in_pod)
