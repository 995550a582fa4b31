"""The commands of `astrolabe`, and how each reports a failure."""

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
from astrolabe.cli import client_flags, flag_types, flags
from astrolabe.cli.flag_types import FlagType, InvalidValue
from astrolabe.cli.formatting import as_json, as_text
from astrolabe.cli.go_flags import WARNINGS, CommandGroup, DefaultGroup, Flag, GoCommand
from astrolabe.cli.mcp import serve_agents
from astrolabe.cli.questions import QUESTIONS
from astrolabe.cli.running import CommandFailed, NoAnswer, complete, run
from astrolabe.cli.server_address import ServerAddress
from astrolabe.cli.watch import DEFAULT_URL, WatchCommand
from astrolabe.client import Change
from astrolabe.client.connection import base, endpoint
from astrolabe.kube.errors import ClusterError
from astrolabe.printable import printable
from astrolabe.settings import Settings

# Commands that serve import the server themselves: it takes half a second, which `--help`, `watch` and wrong
# flags should not wait for.


T = TypeVar("T")


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
    """Raise CommandFailed if only the client is installed."""
    if find_spec("sanic") is None:
        raise CommandFailed(
            "only the client is installed; `pip install 'astrolabe-k8s[server]'` adds the server"
        )


def _settings(given: Mapping[str, Any]) -> Settings:
    """The settings of a command that connects to a cluster."""
    context = click.get_current_context()
    settings = flags.settings_from(given)
    _warn(context, settings)
    return flags.with_location(
        settings,
        lambda name: context.get_parameter_source(name) is ParameterSource.COMMANDLINE,
        in_pod=flags.SERVICE_ACCOUNT.exists(),
    )


def _warn(context: click.Context, settings: Settings) -> None:
    """Print the warnings about flags and environment variables as log lines."""
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
        raise CommandFailed(f"{error}; choose another address with --host and --port") from error
    except WorkerFailed as error:
        raise CommandFailed(str(error)) from error


def _run_worker(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """`_run` in a worker process; a failure ends the process."""
    try:
        _run(make())
    except CommandFailed as error:
        _fail(error)


@root.command(
    cls=GoCommand,
    logs=True,
    params=[*flags.CHECK],
    short_help="Checks the API server, RBAC and Redis.",
)
def check(**given: Any) -> None:
    """Checks the API server, RBAC for every kind and, with --enable-persistence, Redis.

    Prints a table that says how to fix each problem. Exits 1 if Astrolabe could not serve.
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
        type=FlagType("X", flag_types.number(0, exclusive=True)),
        help="Size of the cluster; 1 is a large cluster with about 200,000 resources.",
    ),
    Flag(
        ("--churn",),
        heading="The simulated cluster",
        default=5.0,
        type=FlagType("X", flag_types.number(0)),
        help="Changes per second.",
    ),
    Flag(
        ("--seed",),
        heading="The simulated cluster",
        default=1,
        type=FlagType("N", flag_types.integer(0)),
        help="The same seed gives the same cluster.",
    ),
    Flag(
        ("--incidents",),
        heading="The simulated cluster",
        default=False,
        type=flag_types.BOOLEAN,
        help="Also serve incidents to practise on, each in a namespace incident-….",
    ),
    Flag(
        ("number", "--clusters"),
        heading="The simulated cluster",
        default=1,
        type=FlagType("N", flag_types.integer(1, 20)),
        help="How many clusters to serve as one graph. Of several, one is lost and found again from time to "
        "time.",
    ),
)


@root.command(
    cls=GoCommand,
    logs=True,
    params=[*_SIMULATION, *flags.DEMO],
    short_help="Serves a simulated cluster. Needs no cluster and no Redis.",
)
def demo(scale: float, churn: float, seed: int, incidents: bool, number: int, **given: Any) -> None:
    """Serves a simulated cluster. Needs no cluster, no network and no Redis."""
    _need_server()
    settings = flags.settings_from(given)
    if number > 1:
        flags.check_union(settings)
    _warn(click.get_current_context(), settings)
    from astrolabe.cli.demo import serve_demo

    try:
        gettempdir()
    except FileNotFoundError as error:
        raise CommandFailed(
            "the demo needs a writable directory for temporary files: mount one at /tmp, or set TMPDIR"
        ) from error
    # Readers of JSON lines get nothing else; the log contains the URL.
    opened = _invite if settings.log_format == "text" else None
    _run(
        serve_demo(
            settings,
            scale=scale,
            churn=churn,
            seed=seed,
            incidents=incidents,
            clusters=number,
            opened=opened,
        )
    )


def _invite(url: str) -> None:
    """Tell the user to open the viewer, after the log's lines."""
    _flush_log()
    click.echo(f"\nOpen {url} in a browser. Ctrl-C stops the demo.\n", err=True)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Serve until told to stop. An unreachable cluster or a port in use raises CommandFailed."""
    from astrolabe.bus.redis.errors import BusError
    from astrolabe.http.errors import FileError, ServerError
    from astrolabe.modes.supervisor import TaskFailed

    try:
        run(work)
    except FileError as error:
        raise CommandFailed(str(error)) from error
    except ServerError as error:
        raise CommandFailed(f"{error}; choose another address with --host and --port") from error
    except (BusError, ClusterError, TaskFailed) as error:
        raise CommandFailed(str(error)) from error


@root.command(
    cls=GoCommand,
    short_help="Prints the changes of a running Astrolabe as they happen.",
    params=[
        click.Argument(["url"], default=DEFAULT_URL, type=ServerAddress("[URL]", endpoint)),
        *client_flags.FILTER,
        client_flags.OUTPUT,
        client_flags.INITIAL,
        *client_flags.ACCESS,
    ],
)
def watch(url: str, output: str, initial: bool, **given: Any) -> None:
    """Prints the changes of a running Astrolabe as they happen.

    URL is host:port, or starts with ws://, wss://, http:// or https://. The default is ws://localhost:8080.
    """
    access = client_flags.access_from([url], given)
    write = as_json if output == "json" else as_text

    def changed(changes: Sequence[Change]) -> None:
        click.echo("\n".join(map(write, changes)))

    client = WatchCommand(
        url,
        client_flags.filter_from(given),
        on_change=changed,
        on_status=lambda text: click.echo(printable(text), err=True),
        initial=initial,
        **access,
    )
    complete(client.run())


@root.command(
    name="bench-stream",
    cls=GoCommand,
    short_help="Load-tests a running Astrolabe and checks what clients receive.",
    params=[
        click.Argument(["url"], type=ServerAddress("URL", endpoint)),
        *client_flags.LOAD,
        *client_flags.FILTER,
        client_flags.OUTPUT,
        *client_flags.ACCESS,
    ],
)
def bench_stream(url: str, output: str, **given: Any) -> None:
    """Load-tests a running Astrolabe and checks that every client holds exactly the graph of the server.

    URL is as for `astrolabe watch`. Exits 1 if a client failed, missed a message or held a different graph.
    """
    from astrolabe.cli.bench import bench

    access = client_flags.access_from([url], given)
    if not complete(bench(client_flags.plan_from(url, given), output=output, **access)):
        raise click.exceptions.Exit(1)


@root.command(
    cls=GoCommand,
    short_help="Compares the REST answers of two servers.",
    params=[
        click.Argument(["first"], type=ServerAddress("FIRST", base)),
        click.Argument(["second"], type=ServerAddress("SECOND", base)),
        client_flags.VALUES,
        client_flags.OUTPUT,
        *client_flags.ACCESS,
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

    access = client_flags.access_from([first, second], given)
    work = comparing.compare(
        first, second, most=most, on_status=lambda text: click.echo(printable(text), err=True), **access
    )
    found = complete(work, failure=NoAnswer)
    click.echo("\n".join(comparing.report(found, output)))
    if found.is_noticed:
        raise click.exceptions.Exit(1)


@root.group(cls=CommandGroup, short_help="Explains and checks the rules for custom resources.")
def rules() -> None:
    """Explains and checks the rules that say what custom resources mean."""


_RULES = Flag(
    ("--rules",),
    heading="Rules",
    metavar="DIR",
    default="",
    help="A directory of your own rules. They replace shipped ones for the same kind.",
)


@rules.command(
    cls=GoCommand,
    short_help="Says what Astrolabe makes of manifests, or of a kind.",
    params=[
        click.Argument(["kind"], required=False, default=""),
        Flag(
            ("-f", "--filename"),
            heading="Manifests",
            metavar="FILE",
            default="",
            help="Manifests as YAML, JSON or one JSON object per line. - means standard input.",
        ),
        _RULES,
        client_flags.OUTPUT,
    ],
)
def explain(kind: str, filename: str, rules: str, output: str) -> None:
    """Says what Astrolabe makes of manifests: status, reason, the field that decided, and references.

    With KIND, such as Certificate.cert-manager.io, it says what would be watched, decoded and linked.
    Needs no cluster.
    """
    from astrolabe.cli import rules as ruling

    if bool(kind) == bool(filename):
        raise click.UsageError("give either a kind, or manifests with -f FILE")
    try:
        lines = ruling.explain_objects(filename, rules, output) if filename else ruling.explain(kind, rules)
    except ruling.RulesFailed as error:
        raise CommandFailed(str(error)) from error
    for line in lines:
        click.echo(line if output == "json" else printable(line))


@rules.command(
    name="check",
    cls=GoCommand,
    short_help="Checks rules.",
    params=[click.Argument(["path"]), *flags.CLUSTER],
)
def check_rules(path: str, **given: Any) -> None:
    """Checks a file or a directory of rules; with --kubeconfig also against the schemas of the
    cluster's CRDs.

    Prints what is wrong, with file and line. Exits 1 if a file is refused.
    """
    from astrolabe.cli import rules as ruling

    try:
        checked = ruling.check(path)
        if click.get_current_context().get_parameter_source("kubeconfig") is ParameterSource.COMMANDLINE:
            for line in _complete_check(ruling.check_against_cluster(path, _settings(given))):
                click.echo(printable(line))
        for line in checked:
            click.echo(printable(line))
    except ruling.RulesFailed as error:
        raise CommandFailed(str(error)) from error


def _complete_check(work: Coroutine[Any, Any, T]) -> T:
    try:
        return run(work)
    except ClusterError as error:
        raise CommandFailed(str(error)) from error


for _question in (*QUESTIONS, serve_agents):
    root.add_command(_question)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 success, 1 failure, 2 wrong usage, 130 interrupted."""
    try:
        code = root.main(args, prog_name="astrolabe", standalone_mode=False)
    except click.ClickException as error:
        _fail(error)
    except click.Abort:
        sys.exit(130)
    sys.exit(code or 0)  # the code of a `click.exceptions.Exit`


def _flush_log() -> None:
    for handler in logging.getLogger().handlers:
        handler.flush()


def _fail(error: click.ClickException) -> NoReturn:
    """Exit with one line on stderr that says why, after the log's lines."""
    _flush_log()
    click.echo(f"astrolabe: {printable(_one_line(error))}", err=True)
    sys.exit(error.exit_code)


def _one_line(error: click.ClickException) -> str:
    if not isinstance(error, InvalidValue) or error.param is None or error.ctx is None:
        return " ".join(error.format_message().split())
    return f"invalid value {error.value!r} for {_spelled(error.param, error.ctx)}: {error.message}"


def _spelled(parameter: click.Parameter, context: click.Context) -> str:
    """The argument, flag or environment variable that the user set."""
    if isinstance(parameter, click.Argument):
        return parameter.human_readable_name
    if context.get_parameter_source(str(parameter.name)) is ParameterSource.ENVIRONMENT:
        return f"environment variable {parameter.envvar}"
    return parameter.long if isinstance(parameter, Flag) else str(parameter.name)
