"""`astrolabe why`: the chain of causes of one object, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from astrolabe.age import age
from astrolabe.cli import wording
from astrolabe.client import Explanation
from astrolabe.client.answers import ChainLink
from astrolabe.client.reported import NamedObject, PathName
from astrolabe.printable import printable

_STEP = 3


def lines_of(told: Explanation, *, now: float, room: int) -> Iterator[str]:
    """The chain, root first; of an object that is well, what it needs. now: Unix seconds."""
    node = told.node
    if not told.chain:
        reason = "" if node.reason in ("", node.status) else f" ({printable(node.reason)})"
        yield f"{printable(node.path)} is {wording.styled(node.status)}{reason}{_since(node, now)}"
        yield from wording.wrapped("" if node.status == "Ready" else node.message, room, " " * _STEP)
        yield from _needs(told.needs, room)
        return
    yield from _chain(told.chain, now, room)
    for chain in told.others:
        yield ""
        yield "Another cause:"
        yield from _chain(chain, now, room)


def _since(step: ChainLink, now: float) -> str:
    since = age(step.since, now)
    return f", for {since}" if since else ""


def _of(step: ChainLink, now: float) -> str:
    """The reason, and for how long."""
    reason = "" if step.reason in ("", step.status) else f" {printable(step.reason)}"
    return reason + _since(step, now)


def _chain(chain: Sequence[ChainLink], now: float, room: int) -> Iterator[str]:
    for depth, step in enumerate(chain):
        indent = " " * (_STEP * depth)
        lead = f"{' ' * (_STEP * (depth - 1))}└─ " if depth else ""
        status = " does not exist" if step.missing else f"  {wording.styled(step.status)}{_of(step, now)}"
        yield f"{lead}{printable(step.path)}{status}"
        if depth:
            yield from wording.wrapped(edge_of(step), room, indent)
        yield from wording.wrapped(step.message, room, indent)
        warning = step.warning
        if warning is not None and warning.message not in step.message:
            since = age(warning.since, now)
            said = f"{warning.reason}{f' {since} ago' if since else ''}: {warning.message}"
            yield from wording.wrapped(said, room, indent)


def edge_of(step: PathName) -> str:
    """`uses-secret: spec.volumes[0].secret.secretName`."""
    return ": ".join(filter(None, (step.type, ", ".join(step.field))))


def _needs(needs: Sequence[PathName], room: int) -> Iterator[str]:
    if not needs:
        yield "It needs nothing else."
        return
    yield "It needs:"
    for need in needs:
        yield f"  {wording.styled(need.status, f'{need.status:<7}')}  {named(need)}"
        yield from wording.wrapped(edge_of(need), room, " " * 11)


def named(one: NamedObject) -> str:
    """`Secret/shop/db (missing)`."""
    return printable(one.path + (" (missing)" if one.missing else ""))
