"""The flags of the commands that connect to a running Astrolabe."""

from __future__ import annotations

import os
from collections.abc import Sequence
from ssl import CERT_NONE, SSLContext, SSLError, create_default_context
from typing import Any

import click
from click.core import ParameterSource

from astrolabe.cli import flag_types
from astrolabe.cli.flag_types import BOOLEAN, FlagType
from astrolabe.cli.go_flags import Flag
from astrolabe.client import KubeconfigToken, Token, TokenFile
from astrolabe.client.load import Plan
from astrolabe.graph.views.filter_fields import FILTER_FIELDS, FilterField

_LOAD = "Load"
_ACCESS = "Access"

#: Contains a token, as an alternative to a file. There is no flag for it, since everyone who can list
#: processes sees their arguments.
TOKEN_VARIABLE = "ASTROLABE_TOKEN"


def _filter(field: FilterField) -> Flag:
    names, heading = (field.name, f"--{field.name}", *field.flags), "Filter"
    if field.shape == "selector":
        return Flag(
            names, heading=heading, type=FlagType("SELECTOR", flag_types.label_selector), help=field.help
        )
    if field.shape == "text":
        return Flag(names, heading=heading, metavar="TEXT", help=field.help)
    return Flag(names, heading=heading, multiple=True, metavar="A,B,…", help=field.help)


FILTER = tuple(map(_filter, FILTER_FIELDS.values()))


def _token_file(path: str) -> TokenFile:
    try:
        return TokenFile(path)
    except OSError as error:
        raise ValueError(f"cannot read the file: {error.strerror}") from error


def _authority(path: str) -> SSLContext:
    """A context that trusts only the certificates in this file. Raises ValueError."""
    try:
        return create_default_context(cafile=path)
    except SSLError as error:
        raise ValueError("the file contains no PEM certificates") from error
    except OSError as error:
        raise ValueError(f"cannot read the file: {error.strerror}") from error


#: Named as in kubectl.
ACCESS = (
    Flag(
        ("--token-file",),
        heading=_ACCESS,
        envvar="ASTROLABE_TOKEN_FILE",
        type=FlagType("PATH", _token_file),
        help=f"File with the token to send, read again for each connection. Or set {TOKEN_VARIABLE}.",
    ),
    Flag(
        ("--kubeconfig",),
        heading=_ACCESS,
        metavar="PATH",
        help="Send the token of this kubeconfig's user, for a server with --auth=kubernetes.",
    ),
    Flag(
        ("--context",),
        heading=_ACCESS,
        metavar="NAME",
        help="Send the token of this context's user; without --kubeconfig, of KUBECONFIG or ~/.kube/config.",
    ),
    Flag(
        ("--certificate-authority",),
        heading=_ACCESS,
        type=FlagType("PATH", _authority),
        help="Certificates (PEM) to verify an https server with, instead of the system's.",
    ),
    Flag(
        ("--insecure-skip-tls-verify",),
        heading=_ACCESS,
        default=False,
        type=BOOLEAN,
        help="Do not verify the certificate of an https server. The connection is then insecure.",
    ),
)

OUTPUT = Flag(
    ("output", "--output", "-o"),
    heading="Output",
    type=flag_types.choice("text", "json"),
    default="text",
    help="text: lines for people. json: one object per line.",
)

VALUES = Flag(
    ("most", "--values"),
    heading="Requests",
    default=20,
    type=FlagType("N", flag_types.integer(0)),
    help="Values to request for each parameter, spread evenly over all existing ones; 0: all of them.",
)

INITIAL = Flag(
    ("initial", "--initial"),
    heading="Output",
    type=BOOLEAN,
    default=False,
    help="Also print the nodes and edges that exist at the start.",
)

LOAD = (
    Flag(
        ("--clients",),
        heading=_LOAD,
        default=100,
        type=FlagType("N", flag_types.integer(1, 10_000)),
        help="Number of connections.",
    ),
    Flag(
        ("--ramp",),
        heading=_LOAD,
        default=50.0,
        type=FlagType("N", flag_types.number(0, 10_000, exclusive=True)),
        help="Connections to open per second.",
    ),
    Flag(
        ("--duration",),
        heading=_LOAD,
        default=30.0,
        shown="30s",
        type=FlagType("DURATION", flag_types.duration_up_to("1h")),
        help="How long to measure after all connections are open.",
    ),
    Flag(
        ("--slow",),
        heading=_LOAD,
        default=0.0,
        type=FlagType("F", flag_types.number(0, 1)),
        help="Share of clients (0 to 1) that read only one message per second.",
    ),
    Flag(
        ("--reconnect",),
        heading=_LOAD,
        default=0.0,
        type=FlagType("F", flag_types.number(0, 1)),
        help="Share of clients (0 to 1) that drop their connection every 5 seconds and resume.",
    ),
    Flag(
        ("--verify",),
        heading=_LOAD,
        default=1.0,
        type=FlagType("F", flag_types.number(0, 1)),
        help="Share of clients (0 to 1) whose graph is verified; use less for large graphs.",
    ),
)


def filter_from(filter: dict[str, Any]) -> dict[str, Any]:
    """The filter for a subscribe message, without the flags that were not given."""
    lists = {
        name: [each for text in given for each in text.split(",") if each]
        for name, given in filter.items()
        if isinstance(given, tuple)
    }
    texts = {name: given for name, given in filter.items() if isinstance(given, str)}
    return {name: given for name, given in {**lists, **texts}.items() if given}


def access_from(urls: Sequence[str], given: dict[str, Any]) -> dict[str, Any]:
    """Remove the ACCESS flags from `given`, and return their `token` and `ssl` for `Client`.

    Raises click.UsageError if they conflict, or fit none of the urls.
    """
    file, kubeconfig, context, authority, insecure = (given.pop(str(flag.name)) for flag in ACCESS)
    if authority is not None and insecure:
        raise click.UsageError("--certificate-authority and --insecure-skip-tls-verify cannot be combined")
    if (authority is not None or insecure) and not any(url.startswith(("wss:", "https:")) for url in urls):
        flag = "--insecure-skip-tls-verify" if insecure else "--certificate-authority"
        raise click.UsageError(f"{flag} needs an https:// or wss:// URL")
    token: Token | None
    if kubeconfig is not None or context is not None:
        token = _token_of_user(kubeconfig or "", context or "")
    else:
        token = file or os.environ.get(TOKEN_VARIABLE) or None
    return {"token": token, "ssl": _anyone() if insecure else authority}


def _token_of_user(kubeconfig: str, context: str) -> Token:
    """Sent only if asked for: the URL need not belong to the cluster. A flag wins over the environment."""
    source = click.get_current_context().get_parameter_source("token_file")
    if source is ParameterSource.COMMANDLINE:
        flag = "--kubeconfig" if kubeconfig else "--context"
        raise click.UsageError(f"--token-file and {flag} cannot be combined")
    try:
        return KubeconfigToken(kubeconfig, context)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _anyone() -> SSLContext:
    context = create_default_context()
    context.check_hostname = False
    context.verify_mode = CERT_NONE
    return context


def plan_from(url: str, given: dict[str, Any]) -> Plan:
    """The load test for the LOAD and FILTER flags."""
    load = {str(flag.name): given.pop(str(flag.name)) for flag in LOAD}
    return Plan(url=url, filters=[filter_from(given)], **load)
