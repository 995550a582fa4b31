"""The flags of the commands that are clients of a running Astrolabe."""

from __future__ import annotations

import os
from collections.abc import Sequence
from ssl import CERT_NONE, SSLContext, SSLError, create_default_context
from typing import Any

import click

from astrolabe.cli import values
from astrolabe.cli.go import Flag
from astrolabe.cli.values import BOOLEAN, Value
from astrolabe.client import Token, TokenFile
from astrolabe.client.load import Plan
from astrolabe.graph.filter_fields import FILTER_FIELDS, FilterField

_LOAD = "The load"
_ACCESS = "Access"

#: Holds a token, where there is no file of one. There is no flag for that: whoever may list the processes of
#: a machine sees their arguments.
TOKEN_VARIABLE = "ASTROLABE_TOKEN"


def _filter(field: FilterField) -> Flag:
    names, heading = (field.name, f"--{field.name}", *field.flags), "What to show"
    if field.shape == "selector":
        return Flag(names, heading=heading, type=Value("SELECTOR", values.label_selector), help=field.help)
    if field.shape == "text":
        return Flag(names, heading=heading, metavar="TEXT", help=field.help)
    return Flag(names, heading=heading, multiple=True, metavar="A,B,…", help=field.help)


FILTER = tuple(map(_filter, FILTER_FIELDS.values()))


def _token_file(path: str) -> TokenFile:
    try:
        return TokenFile(path)
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error


def _authority(path: str) -> SSLContext:
    """Trusts the certificates of this file and no others. Raises ValueError."""
    try:
        return create_default_context(cafile=path)
    except SSLError as error:
        raise ValueError("it holds no certificates (PEM)") from error
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error


#: As kubectl names them.
ACCESS = (
    Flag(
        ("--token-file",),
        heading=_ACCESS,
        envvar="ASTROLABE_TOKEN_FILE",
        type=Value("PATH", _token_file),
        help=f"Holds the token to show; read anew for each connection. Or: environment {TOKEN_VARIABLE}.",
    ),
    Flag(
        ("--certificate-authority",),
        heading=_ACCESS,
        type=Value("PATH", _authority),
        help="Certificates (PEM) to trust an https server by, in place of the system's.",
    ),
    Flag(
        ("--insecure-skip-tls-verify",),
        heading=_ACCESS,
        default=False,
        type=BOOLEAN,
        help="Trust any https server, also one that is not who it says.",
    ),
)

OUTPUT = Flag(
    ("output", "--output", "-o"),
    heading="Output",
    type=values.choice("text", "json"),
    default="text",
    help="Lines for a person, or JSON lines.",
)

VALUES = Flag(
    ("most", "--values"),
    heading="What to ask",
    default=20,
    type=Value("N", values.integer(0)),
    help="Values of each parameter to ask for, spread evenly over all that there are; 0: all.",
)

INITIAL = Flag(
    ("initial", "--initial"),
    heading="Output",
    type=BOOLEAN,
    default=False,
    help="Print what is there at the beginning, too.",
)

LOAD = (
    Flag(
        ("--clients",),
        heading=_LOAD,
        default=100,
        type=Value("N", values.integer(1, 10_000)),
        help="Connections at a time.",
    ),
    Flag(
        ("--ramp",),
        heading=_LOAD,
        default=50.0,
        type=Value("N", values.number(0, 10_000, exclusive=True)),
        help="Connections that are opened a second.",
    ),
    Flag(
        ("--duration",),
        heading=_LOAD,
        default=30.0,
        shown="30s",
        type=Value("DURATION", values.duration_up_to("1h")),
        help="How long to measure, once all are opened.",
    ),
    Flag(
        ("--slow",),
        heading=_LOAD,
        default=0.0,
        type=Value("F", values.number(0, 1)),
        help="Share of clients that read one message a second.",
    ),
    Flag(
        ("--reconnect",),
        heading=_LOAD,
        default=0.0,
        type=Value("F", values.number(0, 1)),
        help="Share of clients that cut their connection every 5 seconds, and resume.",
    ),
    Flag(
        ("--verify",),
        heading=_LOAD,
        default=1.0,
        type=Value("F", values.number(0, 1)),
        help="Share of clients that hold the graph and are compared; less for large graphs.",
    ),
)


def filter_from(filter: dict[str, Any]) -> dict[str, Any]:
    """The filter as a subscribe message has it: what was not given is left out."""
    lists = {
        name: [each for text in given for each in text.split(",") if each]
        for name, given in filter.items()
        if isinstance(given, tuple)
    }
    texts = {name: given for name, given in filter.items() if isinstance(given, str)}
    return {name: given for name, given in {**lists, **texts}.items() if given}


def access_from(urls: Sequence[str], given: dict[str, Any]) -> dict[str, Any]:
    """Takes what the flags of ACCESS say out of `given`: `token` and `ssl`, as `Client` has them.

    Raises click.UsageError when they do not go together, or with none of the urls.
    """
    file, authority, insecure = (given.pop(str(flag.name)) for flag in ACCESS)
    if authority is not None and insecure:
        raise click.UsageError("--certificate-authority and --insecure-skip-tls-verify exclude one another")
    if (authority is not None or insecure) and not any(url.startswith(("wss:", "https:")) for url in urls):
        flag = "--insecure-skip-tls-verify" if insecure else "--certificate-authority"
        raise click.UsageError(f"{flag} is for an https or wss URL")
    token: Token | None = file or os.environ.get(TOKEN_VARIABLE) or None
    return {"token": token, "ssl": _anyone() if insecure else authority}


def _anyone() -> SSLContext:
    context = create_default_context()
    context.check_hostname = False
    context.verify_mode = CERT_NONE
    return context


def plan_from(url: str, given: dict[str, Any]) -> Plan:
    """The load that the flags of LOAD and FILTER ask for."""
    load = {str(flag.name): given.pop(str(flag.name)) for flag in LOAD}
    return Plan(url=url, filters=[filter_from(given)], **load)
