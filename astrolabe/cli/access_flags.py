"""The flags that say who may connect, and how users are identified."""

from __future__ import annotations

import click

from astrolabe.cli import flag_types
from astrolabe.cli.flag_types import BOOLEAN
from astrolabe.cli.go_flags import Flag, list_flag
from astrolabe.settings import AUTH_MODES, Settings

_DEFAULTS = Settings()
_ACCESS = "Access"

AUTH = Flag(
    ("--auth",),
    heading=_ACCESS,
    envvar="ASTROLABE_AUTH",
    default=_DEFAULTS.auth,
    type=flag_types.combination(*AUTH_MODES),
    help="token: a token of the token file opens everything. kubernetes: a token that the API server "
    "knows opens what its user may list there. proxy: an authenticating proxy names the user. Combine "
    "them with commas.",
)

ACCESS = (
    AUTH,
    Flag(
        ("--auth-token-file",),
        heading=_ACCESS,
        envvar="ASTROLABE_AUTH_TOKEN_FILE",
        default=_DEFAULTS.auth_token_file,
        metavar="PATH",
        help="Tokens, one per line; reloaded when the file changes.",
    ),
    Flag(
        ("--auth-proxy-secret-file",),
        heading=_ACCESS,
        envvar="ASTROLABE_AUTH_PROXY_SECRET_FILE",
        default=_DEFAULTS.auth_proxy_secret_file,
        metavar="PATH",
        help="Secrets, one per line. A proxy that sends one of them may name the user; see --auth=proxy.",
    ),
    Flag(
        ("--audit-log",),
        heading=_ACCESS,
        envvar="ASTROLABE_AUDIT_LOG",
        default=_DEFAULTS.audit_log,
        metavar="PATH",
        help="Who asked what, with which result, as JSON lines appended to this file; - for standard output.",
    ),
    Flag(
        ("--auth-proxy-client-ca-file",),
        heading=_ACCESS,
        envvar="ASTROLABE_AUTH_PROXY_CLIENT_CA_FILE",
        default=_DEFAULTS.auth_proxy_client_ca_file,
        metavar="PATH",
        help="Authority (PEM) whose client certificates prove that a request comes from an authenticating "
        "proxy; needs --tls-cert-file.",
    ),
    list_flag(
        "--auth-proxy-allowed-names",
        flag_types.names,
        heading=_ACCESS,
        shown="",
        envvar="ASTROLABE_AUTH_PROXY_ALLOWED_NAMES",
        help="Common names that these certificates may have. Without it: any.",
    ),
    Flag(
        ("--open-metrics",),
        heading=_ACCESS,
        envvar="ASTROLABE_OPEN_METRICS",
        default=_DEFAULTS.open_metrics,
        type=BOOLEAN,
        help="Answer /metrics without a token.",
    ),
    list_flag(
        "--allowed-hosts",
        flag_types.hosts,
        heading=_ACCESS,
        shown="",
        envvar="ASTROLABE_ALLOWED_HOSTS",
        help="Host names to answer for, besides localhost and addresses. *.name means all below a name, * "
        "means any. The default is any in a cluster or with tokens, and no others elsewhere.",
    ),
    list_flag(
        "--allowed-origins",
        flag_types.origins,
        heading=_ACCESS,
        shown="",
        envvar="ASTROLABE_ALLOWED_ORIGINS",
        help="Other sites whose pages may open a stream (https://host:port). * means any.",
    ),
    list_flag(
        "--cors-origins",
        flag_types.origins,
        heading=_ACCESS,
        shown="",
        envvar="ASTROLABE_CORS_ORIGINS",
        help="Other sites whose pages may also read everything else (CORS). * means any.",
    ),
    list_flag(
        "--trusted-proxies",
        flag_types.networks,
        heading=_ACCESS,
        shown="",
        envvar="ASTROLABE_TRUSTED_PROXIES",
        help="Proxies (10.0.0.0/8) whose X-Forwarded-Host, X-Forwarded-Proto and Forwarded are trusted.",
    ),
    Flag(
        ("--tls-cert-file",),
        heading=_ACCESS,
        envvar="ASTROLABE_TLS_CERT_FILE",
        default=_DEFAULTS.tls_cert_file,
        metavar="PATH",
        help="Certificate chain (PEM), for https and wss; reloaded when it changes.",
    ),
    Flag(
        ("--tls-key-file",),
        heading=_ACCESS,
        envvar="ASTROLABE_TLS_KEY_FILE",
        default=_DEFAULTS.tls_key_file,
        metavar="PATH",
        help="Its private key (PEM).",
    ),
)


def check_access(settings: Settings) -> None:
    """Raise click.UsageError if these settings conflict."""
    if bool(settings.tls_cert_file) != bool(settings.tls_key_file):
        raise click.UsageError("give both --tls-cert-file and --tls-key-file, or neither")
    _check_files(settings)
    if settings.auth_proxy_client_ca_file and not settings.tls_cert_file:
        raise click.UsageError("--auth-proxy-client-ca-file needs --tls-cert-file: only TLS has them")
    if settings.auth_proxy_allowed_names and not settings.auth_proxy_client_ca_file:
        raise click.UsageError("--auth-proxy-allowed-names needs --auth-proxy-client-ca-file")


def _check_files(settings: Settings) -> None:
    """Raise click.UsageError if a way to come in has no file, or a file no way."""
    files = {
        "token": {"--auth-token-file": settings.auth_token_file},
        "proxy": {
            "--auth-proxy-secret-file": settings.auth_proxy_secret_file,
            "--auth-proxy-client-ca-file": settings.auth_proxy_client_ca_file,
        },
    }
    for mode, given in files.items():
        if mode in settings.auth_modes and not any(given.values()):
            raise click.UsageError(f"--auth={mode} needs {' or '.join(given)}")
        for flag, file in given.items():
            if file and mode not in settings.auth_modes:
                raise click.UsageError(f"{flag} needs --auth={mode}: without it the file is not read")
