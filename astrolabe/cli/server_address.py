"""The address of a server as a person writes it. Anything else is refused, with what was likely meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

import click

from astrolabe.cli.flag_types import FlagType
from astrolabe.graph.search.fields import BY_WORD
from astrolabe.kinds.builtin import builtin_catalogue

_SCHEMES = ("http", "https", "ws", "wss")
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z+.-]*)(:/{0,2}|//)(?=[A-Za-z\[])")
_PORT = re.compile(r"[0-9]{2,5}")
#: What nobody means as a word of a search, or as a resource: `http://…`, or `host:port`.
_SERVER = re.compile(r"(?:https?|wss?)://\S+|(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{2,5}/?")


class ServerAddress(FlagType):
    """An address of a server: `host:port` or a URL. A word alone is more often a kind or a command."""

    def __init__(self, name: str, parse: Callable[[str], str]) -> None:
        """parse: makes the used address from it, or raises ValueError."""
        super().__init__(name, lambda text: _parsed(text, parse))


def refuse_servers(_: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """A callback of an argument: `watch` takes the server as its argument, other commands as a flag."""
    for word in words:
        found = _SERVER.fullmatch(word)
        if found is None or found["host"] in BY_WORD:
            continue
        rest = [each for each in words if each != word]
        if not rest and parameter.required:
            rest = [parameter.human_readable_name]
        raise click.UsageError(" ".join([f"{word} is a server: write --server={word}", *rest]))
    return words


def _parsed(text: str, parse: Callable[[str], str]) -> str:
    hint = _meant(text)
    if hint:
        raise ValueError(f"not host:port or a URL; {hint}")
    try:
        return parse(text)
    except ValueError as error:
        if port := _bad_port(text):
            raise ValueError(f"the port is a number from 1 to 65535, not {port!r}") from error
        raise


def _meant(text: str) -> str:
    """What to write instead, if this was hardly meant as an address; "" if it was."""
    scheme = _SCHEME.match(text)
    if scheme is not None and (scheme[1] not in _SCHEMES or scheme[2] != "://"):
        rest = text[scheme.end() :]
        if scheme[1] in BY_WORD:
            return f"to search, write -q '{text}'"
        near = get_close_matches(scheme[1].lower(), _SCHEMES, n=1, cutoff=0.6)
        if near and (scheme[2] != ":" or scheme[1] in _SCHEMES):
            return f"did you mean {near[0]}://{rest}?"
        return ""
    if "://" in text:
        return ""
    word = text.split("/", 1)[0]
    if _PORT.fullmatch(word):
        return f"did you mean localhost:{text}?"
    if text.startswith(":"):
        return f"did you mean localhost{text}?"
    if word == "localhost" or not _WORD.fullmatch(word):
        return ""
    return _meant_by_word(word)


def _meant_by_word(word: str) -> str:
    """What to write instead of a word that is neither host:port nor a URL."""
    context = click.get_current_context(silent=True)
    root = context.find_root().command if context is not None else None
    if isinstance(root, click.Group) and word in root.commands:
        return f"{word} is a command: write `astrolabe {word}`"
    flags = [] if context is None else [name for each in context.command.params for name in each.opts]
    takes_kind = "--kind" in flags
    kind = _kind(word)
    if kind:
        return f"{word} is a kind: write --kind={kind}" if takes_kind else f"{word} is a kind, not a server"
    either = [f"for a server of this name, write http://{word}"]
    near = _near_kind(word) if takes_kind else ""
    if near:
        either.append(f"for {near}, write --kind={near}")
    elif "-q" in flags:
        either.append(f"to search for {word}, write -q {word}")
    return "; ".join(either)


def _kind(word: str) -> str:
    """The kind that kubectl would take the word for; "" for none."""
    try:
        return builtin_catalogue().find(word).key
    except ValueError:
        return ""


def _near_kind(word: str) -> str:
    """The kind whose name the word misspells; "" if there is none."""
    words = {name.lower(): kind.key for kind in builtin_catalogue() for name in (kind.name, kind.plural)}
    near = get_close_matches(word.lower(), words, n=1, cutoff=0.75)
    return words[near[0]] if near else ""


def _bad_port(text: str) -> str:
    """The port of an address whose host is good, if that is no port; "" otherwise."""
    rest = text.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1]
    host, separator, port = rest.rpartition(":")
    if not separator or not host or "[" in port or (":" in host and not host.startswith("[")):
        return ""
    return "" if port.isascii() and port.isdigit() and 0 < int(port) < 65536 else port
