"""How a command runs its work, and how its failure is reported."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from importlib.util import find_spec
from typing import Any, TypeVar

import click

from astrolabe.cli.client_flags import TOKEN_VARIABLE
from astrolabe.client import ClientError
from astrolabe.printable import printable

T = TypeVar("T")


class CommandFailed(click.ClickException):
    """The command cannot do its work: one line on stderr, exit code 1."""


class NoAnswer(click.ClickException):
    """There is no answer: exit code 2, for commands whose 1 is an answer."""

    exit_code = 2


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`, with uvloop if it is installed. An installation of only the client has none."""
    if find_spec("uvloop") is None:
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


#: Advice to add to a ClientError, by its code.
_ADVICE: Mapping[str, str] = {
    "unauthorised": f"; pass one with --token-file=PATH or the environment variable {TOKEN_VARIABLE}, "
    "or that of your kubeconfig with --context=NAME",
    "certificate": "; pass the certificate to trust with --certificate-authority=PATH",
}


def complete(work: Coroutine[Any, Any, T], failure: type[click.ClickException] = CommandFailed) -> T:
    """Run a client to its end. failure: the exception to raise for a ClientError."""
    try:
        return run(work)
    except ClientError as error:
        text = printable(f"{error}{_ADVICE.get(error.code, '')}")
        raise (click.UsageError if error.code == "bad-filter" else failure)(text) from error
