"""`astrolabe [flags]`, `astrolabe demo`, `astrolabe watch`, and how each of them fails."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from importlib.util import find_spec
from tempfile import gettempdir
from typing import Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from astrolabe import __version__
from astrolabe.cli import flags, streams, values
from astrolabe.cli.go import WARNINGS, DefaultGroup, Flag, GoCommand
from astrolabe.cli.lines import as_json, as_text
from astrolabe.cli.loop import run
from astrolabe.cli.values import InvalidValue, Value
from astrolabe.cli.watch import DEFAULT_URL, Watch
from astrolabe.client import Change, ClientError
from astrolabe.client.address import base, endpoint
from astrolabe.kube.errors import ClusterError
from astrolabe.printable import printable
from astrolabe.settings import Settings

# What serves is imported by the commands that serve: it costs half a second, which `--help`, `watch`
# and a wrong flag need not wait for.


T = TypeVar("T")


class Failure(click.ClickException):
    """The command cannot do its work: one line, exit code 1."""


class Trouble(click.ClickException):
    """As `Failure`, of a command whose exit code 1 says what it has found: exit code 2."""

    exit_code = 2


@click.group(cls=DefaultGroup, default="serve", help="Serves a live graph of a Kubernetes cluster.")
@click.version_option(__version__, message="astrolabe %(version)s")
def root() -> None:
    pass


@root.command(
    cls=GoCommand,
    logs=True,
    params=[*flags.SERVE],
    short_help="Serves the graph of a cluster. This is the default command.",
)
def serve(**given: Any) -> None:
    """Serves the graph of a cluster. This is the default command."""
    _need_server()
    settings = _settings(given)
    if settings.workers > 1:
        _serve_by_workers(settings)
        return
    from astrolabe import app

    _run(app.serve(settings))


def _need_server() -> None:
    """Fail when only the client is installed."""
    if find_spec("sanic") is None:
        raise Failure("only the client is installed; `pip install 'astrolabe-k8s[server]'` adds the server")


def _settings(given: Mapping[str, Any]) -> Settings:
    """The settings of a command that connects to a cluster."""
    context = click.get_current_context()
    settings = flags.settings_from(given)
    _warn(context, settings)
    return flags.with_place(
        settings,
        lambda name: context.get_parameter_source(name) is ParameterSource.COMMANDLINE,
        in_pod=flags.SERVICE_ACCOUNT.exists(),
    )


def _warn(context: click.Context, settings: Settings) -> None:
    """Say what was noticed about flags and variables, as the log says it."""
    warnings = context.meta.get(WARNINGS, ())
    if not warnings:
        return
    from astrolabe import telemetry

    for warning in warnings:
        click.echo(telemetry.line(warning, log_format=settings.log_format), err=True)


def _serve_by_workers(settings: Settings) -> None:
    from astrolabe.cli.workers import WorkerFailed, run_workers
    from astrolabe.http.errors import ServerError

    try:
        run_workers(settings, _run_worker)
    except ServerError as error:
        raise Failure(f"{error}; choose another address with --host and --port") from error
    except WorkerFailed as error:
        raise Failure(str(error)) from error


def _run_worker(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """As `_run`, in a process of its own, which ends by it."""
    try:
        _run(make())
    except Failure as error:
        _fail(error)


@root.command(
    cls=GoCommand,
    logs=True,
    params=[*flags.CHECK],
    short_help="Checks the API server, RBAC and Redis.",
)
def check(**given: Any) -> None:
    """Checks the API server, RBAC for every kind and, with --enable-persistence, Redis.

    Prints a table that says how to fix each problem. Exits 1 if Astrolabe could not start.
    """
    _need_server()
    settings = _settings(given)
    from astrolabe.cli import check as checking

    findings = run(checking.check(settings))
    click.echo(checking.report(findings))
    if any(finding.outcome == "missing" for finding in findings):
        raise click.exceptions.Exit(1)


_SIMULATION = (
    Flag(
        ("--scale",),
        heading="The simulated cluster",
        default=0.01,
        type=Value("X", values.number(0, exclusive=True)),
        help="Size of the cluster; 1 is a large cluster with about 200,000 resources.",
    ),
    Flag(
        ("--churn",),
        heading="The simulated cluster",
        default=5.0,
        type=Value("X", values.number(0)),
        help="Changes per second.",
    ),
    Flag(
        ("--seed",),
        heading="The simulated cluster",
        default=1,
        type=Value("N", values.integer(0)),
        help="The same seed gives the same cluster.",
    ),
)


@root.command(
    cls=GoCommand,
    logs=True,
    params=[*_SIMULATION, *flags.DEMO],
    short_help="Serves a simulated cluster. Needs no cluster and no Redis.",
)
def demo(scale: float, churn: float, seed: int, **given: Any) -> None:
    """Serves a simulated cluster. Needs no cluster, no network and no Redis."""
    _need_server()
    settings = flags.settings_from(given)
    _warn(click.get_current_context(), settings)
    from astrolabe.cli.demo import serve_demo

    try:
        gettempdir()
    except FileNotFoundError as error:
        raise Failure(
            "the demo needs a writable directory for temporary files: mount one at /tmp, or set TMPDIR"
        ) from error
    # Who reads JSON lines gets nothing else; the log has the URL.
    opened = _invite if settings.log_format == "text" else None
    _run(serve_demo(settings, scale=scale, churn=churn, seed=seed, opened=opened))


def _invite(url: str) -> None:
    """Say what to do next, after the log lines so far."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    click.echo(f"\nOpen {url} in a browser. Ctrl-C stops the demo.\n", err=True)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Serve until told to stop. A cluster or a port that cannot be had is a failure, not a fault."""
    from astrolabe.bus.redis.errors import BusError
    from astrolabe.http.errors import FileError, ServerError
    from astrolabe.modes.supervisor import TaskFailed

    try:
        run(work)
    except FileError as error:
        raise Failure(str(error)) from error
    except ServerError as error:
        raise Failure(f"{error}; choose another address with --host and --port") from error
    except (BusError, ClusterError, TaskFailed) as error:
        raise Failure(str(error)) from error


@root.command(
    cls=GoCommand,
    short_help="Prints the changes of a running Astrolabe as they happen.",
    params=[
        click.Argument(["url"], default=DEFAULT_URL, type=Value("[URL]", endpoint)),
        *streams.FILTER,
        streams.OUTPUT,
        streams.INITIAL,
        *streams.ACCESS,
    ],
)
def watch(url: str, output: str, initial: bool, **given: Any) -> None:
    """Prints the changes of a running Astrolabe as they happen.

    URL is host:port, or starts with ws://, wss://, http:// or https://. The default is ws://localhost:8080.
    """
    access = streams.access_from([url], given)
    write = as_json if output == "json" else as_text

    def changed(changes: Sequence[Change]) -> None:
        click.echo("\n".join(map(write, changes)))

    client = Watch(
        url,
        streams.filter_from(given),
        changed=changed,
        said=lambda text: click.echo(printable(text), err=True),
        initial=initial,
        **access,
    )
    _complete(client.run())


#: Which flag helps, by code of a ClientError.
_ADVICE: Mapping[str, str] = {
    "unauthorised": f"; pass one with --token-file=PATH or the environment variable {streams.TOKEN_VARIABLE}",
    "certificate": "; pass the certificate to trust with --certificate-authority=PATH",
}


def _complete(work: Coroutine[Any, Any, T], failure: type[click.ClickException] = Failure) -> T:
    """What a client comes to. failure: what it is when it cannot do its work."""
    try:
        return run(work)
    except ClientError as error:
        text = printable(f"{error}{_ADVICE.get(error.code, '')}")
        raise (click.UsageError if error.code == "bad-filter" else failure)(text) from error


@root.command(
    name="bench-stream",
    cls=GoCommand,
    short_help="Load-tests a running Astrolabe and checks what clients receive.",
    params=[
        click.Argument(["url"], type=Value("URL", endpoint)),
        *streams.LOAD,
        *streams.FILTER,
        streams.OUTPUT,
        *streams.ACCESS,
    ],
)
def bench_stream(url: str, output: str, **given: Any) -> None:
    """Load-tests a running Astrolabe and checks that every client holds exactly the graph of the server.

    URL is as for `astrolabe watch`. Exits 1 if a client failed, missed a message or held a different graph.
    """
    from astrolabe.cli.bench import bench

    access = streams.access_from([url], given)
    if not _complete(bench(streams.plan_from(url, given), output=output, **access)):
        raise click.exceptions.Exit(1)


@root.command(
    cls=GoCommand,
    short_help="Compares the REST answers of two servers.",
    params=[
        click.Argument(["first"], type=Value("FIRST", base)),
        click.Argument(["second"], type=Value("SECOND", base)),
        streams.VALUES,
        streams.OUTPUT,
        *streams.ACCESS,
    ],
)
def compare(first: str, second: str, output: str, most: int, **given: Any) -> None:
    """Requests every path and parameter of the original's API from both servers, and prints the differences.

    FIRST and SECOND are host:port, or start with http:// or https://. Either can be the original server. The
    command only reads, and sends a token only to a server that requires one. Exits 1 if a client of FIRST
    would notice a move to SECOND, and 2 if the servers cannot be compared.
    """
    _need_server()
    from astrolabe.cli import compare as comparing

    access = streams.access_from([first, second], given)
    work = comparing.compare(
        first, second, most=most, said=lambda text: click.echo(printable(text), err=True), **access
    )
    found = _complete(work, failure=Trouble)
    click.echo("\n".join(comparing.report(found, output)))
    if found.is_noticed:
        raise click.exceptions.Exit(1)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process: 0 done, 1 failed, 2 wrongly used, 130 interrupted."""
    try:
        code = root.main(args, prog_name="astrolabe", standalone_mode=False)
    except click.ClickException as error:
        _fail(error)
    except click.Abort:
        sys.exit(130)
    sys.exit(code or 0)  # what `click.exceptions.Exit` was made with


def _fail(error: click.ClickException) -> NoReturn:
    """End the process with one line that says why, after those of the log."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    click.echo(f"astrolabe: {printable(_one_line(error))}", err=True)
    sys.exit(error.exit_code)


def _one_line(error: click.ClickException) -> str:
    if not isinstance(error, InvalidValue) or error.param is None or error.ctx is None:
        return " ".join(error.format_message().split())
    return f"invalid value {error.value!r} for {_spelled(error.param, error.ctx)}: {error.message}"


def _spelled(parameter: click.Parameter, context: click.Context) -> str:
    """How the user gave it: as argument, flag, or environment variable."""
    if isinstance(parameter, click.Argument):
        return parameter.human_readable_name
    if context.get_parameter_source(str(parameter.name)) is ParameterSource.ENVIRONMENT:
        return f"environment variable {parameter.envvar}"
    return parameter.long if isinstance(parameter, Flag) else str(parameter.name)
