"""Commands that parse flags as Go's `flag` package does, with help in groups."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import click

from astrolabe.cli import klog
from astrolabe.cli.flag_types import BOOLEAN, FlagType

#: Key in a context's `meta`: the warnings to print, one line each.
WARNINGS = "astrolabe.warnings"

_CONTEXT: dict[str, Any] = {"help_option_names": ("-h", "--help"), "max_content_width": 100}


class Flag(click.Option):
    """A flag, with its heading in the help.

    shown: the default as the help shows it; "" hides it.
    empty: whether an empty environment variable is a value; otherwise it counts as unset.
    otherwise: the value to use, with a warning, for an invalid environment variable; "": an error.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        *,
        heading: str,
        shown: str | None = None,
        empty: bool = False,
        otherwise: str = "",
        **options: Any,
    ) -> None:
        super().__init__(names, **options)
        self.heading = heading
        self._empty = empty
        self._otherwise = otherwise
        self.shown = shown if shown is not None else _text(options.get("default"))

    @property
    def long(self) -> str:
        """The long name, with two dashes."""
        return max(self.opts, key=len)

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        value = super().resolve_envvar_value(ctx)
        if value is None and self._empty and os.environ.get(str(self.envvar)) == "":
            return ""
        if value is None or not self._otherwise:
            return value
        try:
            self.type.convert(value, self, ctx)
        except click.BadParameter as error:
            warning = f"environment variable {self.envvar}={value!r} {error.message}; using {self._otherwise}"
            ctx.meta.setdefault(WARNINGS, []).append(warning)
            return self._otherwise
        return value

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        separator = "[=" if self.type is BOOLEAN else " "
        spelled = (
            ", ".join(self.opts) + separator + self.make_metavar(ctx) + ("]" if self.type is BOOLEAN else "")
        )
        notes = [f"default: {self.shown}"] if self.shown else []
        notes += [f"environment: {self.envvar}"] if self.envvar else []
        return spelled, f"{self.help}  [{'; '.join(notes)}]" if notes else str(self.help)


class GoCommand(click.Command):
    """Accepts `--port 1`, `--port=1`, `-port 1` and `-port=1`. A boolean needs no value.

    A boolean's value is only ever the one behind `=`, as in Go: `--in-cluster false` is no value.
    logs: whether to accept and ignore klog's flags.
    """

    def __init__(self, name: str, *, logs: bool = False, **options: Any) -> None:
        super().__init__(name, context_settings=_CONTEXT, options_metavar="[flags]", **options)
        self._logs = logs

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(self._canonical(ctx, args)))

    def _canonical(self, ctx: click.Context, args: list[str]) -> Iterator[str]:
        """The arguments in the form that click expects: `--name=value`, or `--help`."""
        options = (each for each in self.get_params(ctx) if isinstance(each, click.Option))
        flags = {name.lstrip("-"): each for each in options for name in each.opts}
        room = sum(each.nargs for each in self.params if isinstance(each, click.Argument))
        rest = iter(args)
        ignored: list[str] = []
        for arg in rest:
            if not arg.startswith("-") or arg == "-":
                if not room:
                    raise click.UsageError(_unexpected(arg, ctx), ctx)
                room -= 1
                yield arg
            elif arg == "--":
                yield from (arg, *rest)
            elif self._logs and (name := _flag_of_klog(arg, rest, flags, ctx)):
                ignored.append(name)
            else:
                yield _flag(arg, rest, flags, ctx)
        if ignored:
            ctx.meta.setdefault(WARNINGS, []).append(klog.warning(ignored))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        headings: dict[str, list[tuple[str, str]]] = {}
        for param in self.params:
            if isinstance(param, Flag):
                headings.setdefault(param.heading, []).append(param.get_help_record(ctx))
        for heading, records in headings.items():
            with formatter.section(heading):
                formatter.write_dl(records, col_max=34)


class CommandGroup(click.Group):
    """A group of commands that says which command was likely meant."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, context_settings=_CONTEXT, **options)
        self.options_metavar = ""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands:
            near = get_close_matches(args[0], self.commands, n=1)
            hint = f"did you mean {near[0]}?" if near else f"see `{ctx.command_path} --help`"
            raise click.UsageError(f"unknown command {args[0]!r}, {hint}", ctx)
        return super().resolve_command(ctx, args)


class DefaultGroup(CommandGroup):
    """A group that runs the command `default` if the arguments are empty or start with a flag."""

    def __init__(self, name: str, *, default: str, **options: Any) -> None:
        super().__init__(name, **options)
        self.options_metavar = "[flags]"
        self.subcommand_metavar = ""
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name.lstrip("-"): name for each in self.get_params(ctx) for name in each.opts}
        if not args or args[0].startswith("-"):
            flag = args[0].lstrip("-") if args else ""
            args = [own[flag], *args[1:]] if flag in own else [self._default, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, then the flags of the default one."""
        self.format_commands(ctx, formatter)
        self.commands[self._default].format_options(ctx, formatter)


def _split(arg: str) -> tuple[str, str, str]:
    """The name of a flag, its equals sign or "", and the text after it."""
    return arg.removeprefix("-").removeprefix("-").partition("=")


def _flag_of_klog(
    arg: str, rest: Iterator[str], flags: Mapping[str, click.Parameter], ctx: click.Context
) -> str:
    """The name of a flag that only klog has, or "". Takes its value from the rest."""
    given, separator, _ = _split(arg)
    name = klog.name_of(given) if given not in flags else ""
    if name in klog.VALUED and not separator:
        _following(rest, f"--{name}", ctx)
    return name


def _following(rest: Iterator[str], flag: str, ctx: click.Context) -> str:
    """The next argument: the value of this flag. Raises click.UsageError if there is none."""
    value = next(rest, None)
    if value is None:
        raise click.UsageError(f"{flag} needs a value", ctx)
    return value


def _flag(arg: str, rest: Iterator[str], flags: Mapping[str, click.Parameter], ctx: click.Context) -> str:
    """One flag with its value, from the rest if needed. Raises click.UsageError."""
    name, separator, value = _split(arg)
    flag = flags.get(name)
    if flag is None:
        raise click.UsageError(_unknown(name, flags, ctx), ctx)
    if not isinstance(flag, Flag):
        return max(flag.opts, key=len)  # --help
    if separator:
        return f"{flag.long}={value}"
    if flag.type is BOOLEAN:
        return f"{flag.long}=true"
    return f"{flag.long}={_following(rest, flag.long, ctx)}"


def _text(default: object) -> str:
    match default:
        case None | "":
            return ""
        case bool():
            return str(default).lower()
        case float():
            return f"{default:g}"
        case _:
            return str(default)


def _unknown(name: str, flags: Mapping[str, click.Parameter], ctx: click.Context) -> str:
    words = [each for each in flags if len(each) > 1]
    near = get_close_matches(name, words, n=1, cutoff=0.5)
    return f"unknown flag --{name}, " + (
        f"did you mean --{near[0]}?" if near else f"see `{ctx.command_path} --help`"
    )


def _unexpected(arg: str, ctx: click.Context) -> str:
    group = ctx.parent.command if ctx.parent is not None else None
    if isinstance(group, click.Group) and arg in group.commands:
        return f"unexpected {arg!r}: the command comes first, as in `astrolabe {arg} [flags]`"
    if arg in ("true", "false"):
        return f"unexpected argument {arg!r}: a boolean flag takes its value after =, as in --flag={arg}"
    return f"unexpected argument {arg!r}"


def _joined(_: click.Context, __: click.Parameter, given: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """The values of all uses of a flag, without duplicates."""
    return tuple(dict.fromkeys(name for names in given for name in names))


def list_flag(
    flag: str, parse: Callable[[str], tuple[str, ...]], *, heading: str, shown: str, **options: Any
) -> Flag:
    """A flag that takes a list, and may be repeated."""
    return Flag(
        (flag,),
        heading=heading,
        type=FlagType("a,b,…", parse),
        multiple=True,
        callback=_joined,
        shown=shown,
        **options,
    )
