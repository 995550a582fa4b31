"""Types of flags and environment variables: parse text into values, with messages for people."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, NoReturn

import click

from astrolabe.bus.redis.address import parse as parse_redis_url
from astrolabe.graph import selector
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.custom.selection import Selection

_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_ADDRESS = re.compile(r"(|[^\s:\[\]]+|\[[0-9A-Fa-f:.]+\]):([0-9]+)\Z")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?|[0-9a-f:.]+")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
#: Seconds. Go accepts both forms of the letter mu.
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
#: As Go's strconv.ParseBool.
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


class InvalidValue(click.BadParameter):
    """An invalid value of a flag or its environment variable.

    value: as given. message: what is wrong with it.
    """

    def __init__(
        self, message: str, *, value: str, context: click.Context | None, parameter: click.Parameter | None
    ) -> None:
        super().__init__(message, ctx=context, param=parameter)
        self.value = value


class FlagType(click.ParamType[Any]):
    """A flag type made from a parser, which raises ValueError with a message for people."""

    envvar_list_splitter = ","

    def __init__(self, name: str, parse: Callable[[str], Any], *, secret: bool = False) -> None:
        """secret: hide invalid values, since they may contain a password."""
        self.name = name
        self._parse = parse
        self._secret = secret

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value  # a default
        try:
            return self._parse(value)
        except ValueError as error:
            _fail(str(error), "…" if self._secret else value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return self.name


def choice(*allowed: str) -> FlagType:
    """A type that allows only these texts."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"not one of {', '.join(allowed)}")
        return text

    return FlagType("|".join(allowed), parse)


def combination(*allowed: str) -> FlagType:
    """A type that allows one of these texts, or several, separated by commas; the first stands alone."""

    def parse(text: str) -> str:
        parts = list(dict.fromkeys([part.strip() for part in text.split(",")]))
        unknown = [part for part in parts if part not in allowed]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not one of {', '.join(allowed)}")
        if allowed[0] in parts and len(parts) > 1:
            raise ValueError(f"{allowed[0]} cannot be combined with others")
        return ",".join(parts)

    return FlagType("|".join(allowed), parse)


def _fail(message: str, value: str, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
    raise InvalidValue(message, value=value, context=ctx, parameter=param) from None


def boolean(text: str) -> bool:
    """As Go's strconv.ParseBool. Raises ValueError."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("must be true or false")


def integer(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    """A parser for decimal integers from `lowest` to `highest`, inclusive."""
    bounds = f"from {lowest} to {highest}" if highest is not None else f"of at least {lowest}"

    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text) or int(text) < lowest:
            raise ValueError(f"not a whole number {bounds}")
        if highest is not None and int(text) > highest:
            raise ValueError(f"not a whole number {bounds}")
        return int(text)

    return parse


def at_least_zero(text: str) -> int:
    """A decimal integer; negative ones become 0. Raises ValueError."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError("not a whole number")
    return max(0, int(text))


def verbosity(text: str) -> int:
    """A log level, 0 to 4. Larger ones, which klog allows, become 4. Raises ValueError."""
    return min(4, at_least_zero(text))


def number(lowest: float, highest: float = math.inf, *, exclusive: bool = False) -> Callable[[str], float]:
    """A parser for finite numbers from `lowest` (with `exclusive`: above it) to `highest`."""
    bounds = f"{'above' if exclusive else 'of at least'} {lowest:g}"
    bounds += f" and at most {highest:g}" if highest < math.inf else ""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not lowest <= value <= highest or (exclusive and value == lowest):
            raise ValueError(f"not a number {bounds}")
        return value

    return parse


def duration(text: str) -> float:
    """A duration in Go's format (`50ms`, `1m30s`, `0`), as seconds. Raises ValueError."""
    if text == "0":
        return 0.0
    seconds, at = 0.0, 0
    for part in _DURATION.finditer(text):
        if part.start() != at:
            break
        at = part.end()
        seconds += float(part[0].removesuffix(part[1])) * _UNITS[part[1]]
    if not at or at != len(text):
        raise ValueError("not a duration such as 50ms or 1.5s")
    return seconds


def duration_up_to(longest: str) -> Callable[[str], float]:
    """A parser for durations above 0, up to this one."""

    def parse(text: str) -> float:
        seconds = duration(text)
        if not 0 < seconds <= duration(longest):
            raise ValueError(f"not a duration above 0 and at most {longest}")
        return seconds

    return parse


def positive_duration(text: str) -> float:
    """As `duration`, but not 0. Raises ValueError."""
    seconds = duration(text)
    if not seconds:
        raise ValueError("not a duration above 0")
    return seconds


def label_selector(text: str) -> str:
    """The text itself. Raises ValueError (SelectorError) with the parser's message."""
    selector.parse(text)
    return text


def address(text: str) -> str:
    """`host:port`, with IPv6 hosts in brackets. A missing host is localhost; "" is localhost:6379.

    Go's Redis client reads it the same way. Raises ValueError.
    """
    if not text:
        return "localhost:6379"
    match = _ADDRESS.match(text)
    if match is None or not 0 < int(match[2]) < 65536:
        raise ValueError("not host:port")
    return text if match[1] else f"localhost{text}"


def redis_url(text: str) -> str:
    """The text itself; "" means none. Raises ValueError."""
    if text:
        parse_redis_url(text)
    return text


def cluster_name(text: str) -> str:
    """The text itself, which becomes part of Redis keys. Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", text):
        raise ValueError("must be letters, digits, dots, dashes and underscores, at most 63")
    return text


def namespaces(text: str) -> tuple[str, ...]:
    """Namespace names, separated by commas. Raises ValueError."""
    names = _split(text)
    for name in names:
        if not _NAMESPACE.match(name):
            raise ValueError(f"{name!r} is not a valid namespace name")
    return names


def origins(text: str) -> tuple[str, ...]:
    """Origins (`https://host[:port]`), separated by commas, or `*`. Raises ValueError."""
    found = tuple(part.lower().rstrip("/") for part in _split(text))
    for origin in found:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is not an origin such as https://host or https://host:port")
    return found


def names(text: str) -> tuple[str, ...]:
    """Names without a comma, separated by commas."""
    return _split(text)


def hosts(text: str) -> tuple[str, ...]:
    """Host names without port, `*.name` or `*`, separated by commas. Raises ValueError."""
    found = tuple(part.lower().removesuffix(".") for part in _split(text))
    for host in found:
        if host != "*" and not _HOST.fullmatch(host):
            raise ValueError(f"{host!r} is not a host name or *.name")
    return found


def networks(text: str) -> tuple[str, ...]:
    """Addresses and CIDRs, separated by commas. Raises ValueError."""
    found = _split(text)
    for network in found:
        try:
            ip_network(network, strict=False)
        except ValueError:
            raise ValueError(f"{network!r} is not an address or a CIDR such as 10.0.0.0/8") from None
    return found


def kinds(text: str) -> tuple[str, ...]:
    """Kinds as kubectl accepts them, separated by commas; + before one adds it to what is watched anyway.

    `rbac` are all kinds of its API group. Raises ValueError (UnknownKind).
    """
    catalogue = builtin_catalogue()
    return tuple(key for word in _split(text) for key in _keys(word, catalogue))


def _keys(word: str, catalogue: Catalogue) -> list[str]:
    plus, word = ("+", word[1:].strip()) if word.startswith("+") else ("", word)
    if word.lower() == "rbac":
        return [f"{plus}{kind.key}" for kind in catalogue if kind.group == "rbac.authorization.k8s.io"]
    return [f"{plus}{catalogue.find(word).key}"]


def custom_resources(text: str) -> tuple[str, ...]:
    """The words of `kinds.custom.selection`, separated by commas. Raises ValueError (SelectionError)."""
    words = _split(text)
    Selection.of(words)
    return words


def controller_namespaces(text: str) -> tuple[str, ...]:
    """`NAME=NAMESPACE`, separated by commas. Raises ValueError."""
    found = _split(text)
    for each in found:
        if not re.fullmatch(r"[a-z0-9-]{1,63}=[a-z0-9-]{1,63}", each):
            raise ValueError(f"{each!r} is not NAME=NAMESPACE, such as cert-manager=certificates")
    return found


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


BOOLEAN = FlagType("true|false", boolean)
