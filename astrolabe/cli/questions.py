"""The commands that ask a running Astrolabe one question: `problems`, `why`, `impact` and `find`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from astrolabe.cli import client_flags, find, flag_types, impact, problems, why, wording
from astrolabe.cli.asking import Inquiry, coverage_of, is_relied_on, say
from astrolabe.cli.client_flags import filter_from
from astrolabe.cli.finding import FoundObject, SoughtObject, locate, order_of, target_of
from astrolabe.cli.flag_types import BOOLEAN, FlagType
from astrolabe.cli.go_flags import Flag, GoCommand
from astrolabe.cli.problem_watch import ProblemPrinter
from astrolabe.cli.running import NoAnswer, complete
from astrolabe.cli.server_address import ServerAddress, refuse_servers
from astrolabe.client import Explanation, ImpactForecast, ReportedProblem
from astrolabe.client.connection import base
from astrolabe.client.follower import Access
from astrolabe.client.rest import ServerAnswer, impact_path, why_path
from astrolabe.printable import printable, printable_json

T = TypeVar("T")

#: The exit codes besides 0: there are problems (`problems`), or no resources were found (`find`).
TOLD = 1

DEFAULT_SERVER = "http://localhost:8080"

_SERVER = Flag(
    ("--server", "-s"),
    heading="Access",
    envvar="ASTROLABE_SERVER",
    type=ServerAddress("URL", base),
    default=DEFAULT_SERVER,
    help="The Astrolabe to ask: host:port, or a URL that starts with http:// or https://.",
)
_ACCESS = (_SERVER, *client_flags.ACCESS)
_FILTER = tuple(flag for flag in client_flags.FILTER if flag.name != "q")


def _output(*formats: str) -> Flag:
    texts = {
        "table": "table: for people, as wide as the terminal.",
        "text": "text: for people.",
        "json": "json: what the server answers.",
        "name": "name: kind/namespace/name, one per line.",
    }
    return Flag(
        ("output", "--output", "-o"),
        heading="Output",
        type=flag_types.choice(*formats),
        default=formats[0],
        help=" ".join([texts[each] for each in formats]),
    )


#: A term that excludes, such as `-ns:kube-system` or `-restarts>5`. No flag has these characters before `=`.
_EXCLUSION = re.compile(r"-[A-Za-z0-9._-]*[:<>]")


class SearchCommand(GoCommand):
    """Takes terms of a search as arguments, also those that exclude: `-ns:kube-system` is no flag."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        flags = [each for each in args[:end] if not _EXCLUSION.match(each)]
        terms = [each for each in args[:end] if _EXCLUSION.match(each)]
        return super().parse_args(ctx, [*flags, "--", *terms, *args[end + 1 :]])


def _query() -> click.Argument:
    return click.Argument(["query"], nargs=-1, required=False, metavar="[QUERY]...", callback=refuse_servers)


def _params(query: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    return {**filter_from(given), **({"q": " ".join(query)} if query else {})}


def _print_json(answer: ServerAnswer) -> None:
    click.echo(printable_json(answer.body.decode()))


@click.command(
    name="problems",
    cls=SearchCommand,
    short_help="Prints what is broken, by cause, with what depends on it.",
    params=[
        _query(),
        *_FILTER,
        Flag(
            ("--sort",),
            heading="Output",
            type=flag_types.choice("severity", "reach", "affected", "age", "newest"),
            default="severity",
            help="severity: the worst first, then those that reach furthest. age: the oldest first.",
        ),
        Flag(
            ("--limit",),
            heading="Output",
            type=FlagType("N", flag_types.integer(1, 10_000)),
            default=1000,
            help="Most problems to print.",
        ),
        Flag(
            ("--watch", "-w"),
            heading="Output",
            type=BOOLEAN,
            default=False,
            help="Continue, and print the list again whenever it changes.",
        ),
        _output("table", "json"),
        *_ACCESS,
    ],
)
def list_problems(
    server: str,
    query: tuple[str, ...],
    sort: str,
    limit: int,
    watch: bool,
    output: str,
    **given: Any,
) -> None:
    """Prints what is broken, by cause, with what depends on it: the worst first.

    QUERY is a search, such as `ns:shop* -kind:job crashloop`: all arguments together. Exits 0 if nothing is
    broken, 1 if something is, and 2 if there is no answer to rely on: no server, or one that is still
    syncing or stale and knows of no problem.
    """
    access = client_flags.access_from([server], given)
    filter = _params(query, given)
    if watch:
        following = ProblemPrinter(
            Access(url=server, **access), filter, sort=sort, limit=limit, output=output
        )
        raise click.exceptions.Exit(complete(following.follow(), NoAnswer))
    params = {**filter, "sort": sort, "limit": limit}
    listing = _Listing(Inquiry(server, access), params, limit=limit, output=output)
    raise click.exceptions.Exit(complete(listing.once(), NoAnswer))


class _Listing:
    """Lists problems once."""

    def __init__(self, inquiry: Inquiry, params: dict[str, Any], *, limit: int, output: str) -> None:
        self._inquiry = inquiry
        self._params = params
        self._limit = limit
        self._output = output

    async def once(self) -> int:
        """Print them; the exit code."""
        answer = await self._inquiry.ask("/api/v1/problems", self._params)
        found = self._inquiry.read(answer, tuple[ReportedProblem, ...])
        doubts = await self._inquiry.doubts(answer, coverage_of(found))
        self._show(answer, found)
        for line in doubts:
            say(line)
        if any(not each.ended for each in found):
            return TOLD
        return 0 if is_relied_on(answer) else NoAnswer.exit_code

    def _show(self, answer: ServerAnswer, found: tuple[ReportedProblem, ...]) -> None:
        if self._output == "json":
            _print_json(answer)
            return
        wording.echo(problems.lines_of(found, now=time.time(), room=wording.width()))
        note = problems.summary(found, self._limit, sees_all=self._inquiry.coverage is None)
        if note:
            say(note)


def _target() -> tuple[click.Parameter, ...]:
    return (
        click.Argument(["target"], nargs=-1, required=True, metavar="KIND/NAME", callback=refuse_servers),
        Flag(
            ("--namespace", "-n"),
            heading="Target",
            metavar="NAMESPACE",
            default="",
            help="Namespace of the resource; needed only if several have the same name.",
        ),
        Flag(
            ("--cluster",),
            heading="Target",
            metavar="NAME",
            default="",
            help="Cluster of the resource, if the server has several.",
        ),
    )


async def _located(inquiry: Inquiry, target: SoughtObject) -> str:
    """The uid of the target. Raises ClientError."""
    return (await locate(inquiry, target)).uid


async def _tell(
    inquiry: Inquiry, answer: ServerAnswer, type: type[T], output: str, lines: Callable[[T], Iterable[str]]
) -> None:
    """Print an answer that has a `coverage`."""
    told = inquiry.read(answer, type)
    if output == "json":
        _print_json(answer)
    else:
        wording.echo(lines(told))
    for line in await inquiry.doubts(answer, coverage_of((told,))):
        say(line)


@click.command(
    name="why",
    cls=GoCommand,
    short_help="Explains the status of a resource: the chain of causes.",
    params=[*_target(), _output("text", "json"), *_ACCESS],
)
def explain_status(
    server: str, target: tuple[str, ...], namespace: str, cluster: str, output: str, **given: Any
) -> None:
    """Explains the status of a resource: the chain of causes, the root first.

    Of a resource that is Ready, it says what that needs. KIND/NAME is as for kubectl: deployment/web or
    deploy web. It can also be pod/shop/web-1, a name alone, or a uid. Exits 0 with an answer, 2 without one.
    """
    inquiry = Inquiry(server, client_flags.access_from([server], given))
    meant = target_of(target, namespace, cluster)

    async def work() -> None:
        answer = await inquiry.ask(why_path(await _located(inquiry, meant)))
        await _tell(
            inquiry,
            answer,
            Explanation,
            output,
            lambda told: why.lines_of(told, now=time.time(), room=wording.width()),
        )

    complete(work(), NoAnswer)


@click.command(
    name="impact",
    cls=GoCommand,
    short_help="Predicts what an action on a resource would break, such as a drain.",
    params=[
        *_target(),
        Flag(
            ("--action",),
            heading="Target",
            type=flag_types.choice(*impact.ACTIONS),
            default="fail",
            help="The action: fail, delete or restart, and for a Node also drain or cordon.",
        ),
        _output("text", "json"),
        *_ACCESS,
    ],
)
def forecast(
    server: str,
    target: tuple[str, ...],
    namespace: str,
    cluster: str,
    action: str,
    output: str,
    **given: Any,
) -> None:
    """Predicts what an action on a resource would break: what stops, degrades or loses a copy.

    It also says what is in the way, and what a drain would be refused. Nothing is changed. KIND/NAME is as
    for `astrolabe why`. Exits 0 with an answer, and 2 without one.
    """
    inquiry = Inquiry(server, client_flags.access_from([server], given))
    meant = target_of(target, namespace, cluster)

    async def work() -> None:
        answer = await inquiry.ask(impact_path(await _located(inquiry, meant)), {"action": action})
        await _tell(
            inquiry, answer, ImpactForecast, output, lambda told: impact.lines_of(told, room=wording.width())
        )

    complete(work(), NoAnswer)


@click.command(
    name="find",
    cls=SearchCommand,
    short_help="Prints the resources that a search finds.",
    params=[_query(), *_FILTER, _output("table", "json", "name"), *_ACCESS],
)
def find_resources(server: str, query: tuple[str, ...], output: str, **given: Any) -> None:
    """Prints the resources that a search finds, such as `kind:deploy ns:shop* -status:Ready back-off`.

    QUERY is all arguments together. Exits 0 if something is found, 1 if nothing is, and 2 if there is no
    answer to rely on.
    """
    inquiry = Inquiry(server, client_flags.access_from([server], given))
    params = _params(query, given)

    async def work() -> int:
        answer = await inquiry.ask("/api/v1/resources", params)
        found = sorted(inquiry.read(answer, list[FoundObject]), key=order_of)
        if output == "json":
            _print_json(answer)
        elif output == "name":
            wording.echo([printable(each.path) for each in found])
        else:
            wording.echo(find.lines_of(found, wording.width()))
        doubts = await inquiry.doubts(answer)
        if not found:
            say("nothing is found" + (" in what you may see" if inquiry.coverage is not None else ""))
        for line in doubts:
            say(line)
        if found:
            return 0
        return TOLD if is_relied_on(answer) else NoAnswer.exit_code

    raise click.exceptions.Exit(complete(work(), NoAnswer))


#: The commands, for the root.
QUESTIONS = (list_problems, explain_status, forecast, find_resources)
