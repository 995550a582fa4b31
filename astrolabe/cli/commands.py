"""`astrolabe [flags]`, `astrolabe demo`, `astrolabe watch`, and how each of them fails."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from astrolabe import __version__
from astrolabe.cli import flags, values
from astrolabe.cli.go import DefaultGroup, Flag, GoCommand
from astrolabe.cli.lines import as_json, as_text
from astrolabe.cli.replica import Change
from astrolabe.cli.values import BOOLEAN, InvalidValue, Value
from astrolabe.cli.watch import DEFAULT_URL, Watch, WatchError, endpoint
from astrolabe.kube.errors import ClusterError
from astrolabe.settings import Settings

# What serves is imported by the commands that serve: it costs half a second, which `--help`, `watch`
# and a wrong flag need not wait for.


class Failure(click.ClickException):
    """The command cannot do its work: one line, exit code 1."""


@click.group(cls=DefaultGroup, default="serve", help="A live graph of a Kubernetes cluster.")
@click.version_option(__version__, message="astrolabe %(version)s")
def root() -> None:
    pass


@root.command(cls=GoCommand, params=[*flags.SERVE])
def serve(**given: Any) -> None:
    """Serve the graph of a cluster (the command when none is named)."""
    settings = flags.settings_from(given)
    if settings.workers > 1:
        _serve_by_workers(settings)
        return
    from astrolabe import app

    _run(app.serve(settings))


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
        click.echo(f"astrolabe: {_one_line(error)}", err=True)
        sys.exit(error.exit_code)


_SIMULATION = (
    Flag(
        ("--scale",),
        heading="The simulated cluster",
        default=0.01,
        type=Value("X", values.number(0, exclusive=True)),
        help="Its size; 1 is a large real cluster of about 200,000 resources.",
    ),
    Flag(
        ("--churn",),
        heading="The simulated cluster",
        default=5.0,
        type=Value("X", values.number(0)),
        help="Changes a second.",
    ),
    Flag(
        ("--seed",),
        heading="The simulated cluster",
        default=1,
        type=Value("N", values.integer(0)),
        help="The same seed gives the same cluster.",
    ),
)


@root.command(cls=GoCommand, params=[*_SIMULATION, *flags.DEMO])
def demo(scale: float, churn: float, seed: int, **given: Any) -> None:
    """Serve a simulated cluster: no cluster, network or Redis needed."""
    settings = flags.settings_from(given)
    from astrolabe.cli.demo import serve_demo

    _run(serve_demo(settings, scale=scale, churn=churn, seed=seed))


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Serve until told to stop. A cluster or a port that cannot be had is a failure, not a fault."""
    import uvloop

    from astrolabe.app import TaskFailed
    from astrolabe.bus.redis.errors import BusError
    from astrolabe.http.errors import ServerError

    try:
        uvloop.run(work)
    except ServerError as error:
        raise Failure(f"{error}; choose another address with --host and --port") from error
    except (BusError, ClusterError, TaskFailed) as error:
        raise Failure(str(error)) from error


def _filter(names: tuple[str, ...], **options: Any) -> Flag:
    return Flag(names, heading="What to show", multiple=True, metavar="A,B,…", **options)


_FILTER = (
    _filter(("namespace", "--namespace", "-n"), help="Nodes of these namespaces."),
    _filter(("kind", "--kind"), help="Nodes of these kinds."),
    _filter(("release", "--release"), help="Nodes of these Helm releases."),
    _filter(("status", "--status"), help="Nodes of these statuses."),
    Flag(
        ("selector", "--selector", "-l"),
        heading="What to show",
        type=Value("SELECTOR", values.label_selector),
        help="Nodes whose labels match.",
    ),
    Flag(("q", "--q", "-q"), heading="What to show", metavar="TEXT", help="Nodes that have it in a name."),
)

_OUTPUT = (
    Flag(
        ("output", "--output", "-o"),
        heading="Output",
        type=values.choice("text", "json"),
        default="text",
        help="Lines for a person, or JSON lines.",
    ),
    Flag(
        ("initial", "--initial"),
        heading="Output",
        type=BOOLEAN,
        default=False,
        help="Print what is there at the beginning, too.",
    ),
)


@root.command(
    cls=GoCommand,
    params=[
        click.Argument(["url"], default=DEFAULT_URL, type=Value("[URL]", endpoint)),
        *_FILTER,
        *_OUTPUT,
    ],
)
def watch(url: str, output: str, initial: bool, **filter: Any) -> None:
    """Print the changes of a running Astrolabe as they come.

    URL: host:port, ws://host:port or http://host:port; ws://localhost:8080 when none is given.
    """
    write = as_json if output == "json" else as_text

    def changed(changes: Sequence[Change]) -> None:
        click.echo("\n".join(map(write, changes)))

    client = Watch(
        url, _given(filter), changed=changed, said=lambda text: click.echo(text, err=True), initial=initial
    )
    try:
        asyncio.run(client.run())
    except WatchError as error:
        raise (click.UsageError if error.usage else Failure)(str(error)) from error


def _given(filter: dict[str, Any]) -> dict[str, Any]:
    """The filter as a subscribe message has it: what was not given is left out."""
    lists = {
        name: [each for text in given for each in text.split(",") if each]
        for name, given in filter.items()
        if isinstance(given, tuple)
    }
    texts = {name: given for name, given in filter.items() if isinstance(given, str)}
    return {name: given for name, given in {**lists, **texts}.items() if given}


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process: 0 done, 1 failed, 2 wrongly used, 130 interrupted."""
    try:
        root.main(args, prog_name="astrolabe", standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"astrolabe: {_one_line(error)}", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    sys.exit(0)


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
