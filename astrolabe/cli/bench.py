"""`astrolabe bench-stream`: runs a load test and prints its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ssl import SSLContext

import click
import msgspec

from astrolabe.cli.formatting import json_line
from astrolabe.client import Token
from astrolabe.client.load import Plan, Report, run
from astrolabe.printable import printable

#: Most reasons to list; each of a thousand clients may have its own.
_REASONS = 5


async def bench(
    plan: Plan, *, output: str, token: Token | None = None, ssl: SSLContext | None = None
) -> bool:
    """Run and report. Returns whether all went well. output: `text` or `json`. token, ssl: as in `Client`.

    Raises ClientError.
    """
    report = await run(
        plan, on_status=lambda text: click.echo(printable(text), err=True), token=token, ssl=ssl
    )
    if output == "json":
        click.echo(json_line({**msgspec.structs.asdict(report), "good": report.good}))
    else:
        for name, text in rows(report):
            click.echo(f"{name:<12}{text}")
    return report.good


def rows(report: Report) -> Iterator[tuple[str, str]]:
    """The report for people: (name, text)."""
    yield "clients", f"{report.clients} started, {report.connected} connected at the end"
    yield "measured", f"{report.seconds:.1f} s, with {report.cpu / report.seconds:.0%} of a CPU here"
    rate = f"{report.deliveries_per_second:,.1f} a second while measured"
    yield "deliveries", f"{report.deliveries:,}, {report.bytes / 1e6:,.1f} MB; {rate}"
    yield "", f"{report.snapshots:,} snapshots, {report.deltas:,} deltas, {report.bookmarks:,} bookmarks"
    yield "latency", _latency(report)
    yield "reconnects", f"{report.reconnects:,}, of which {report.resumes:,} resumed"
    yield from _reasons("resets", report.resets)
    yield from _reasons("lost", report.disconnects)
    yield from _reasons("failed", report.failures)
    yield "gaps", str(report.gaps)
    compared = f"{report.compared} of them compared with a fresh snapshot"
    yield "inexact", f"{report.inexact} of {report.verified} that hold the graph; {compared}"


def _latency(report: Report) -> str:
    found = report.latency
    if found is None:
        return "not known: no delta told its time" if report.deltas else "not known: there was no delta"
    parts = (f"p50 {found.p50:.1f}", f"p90 {found.p90:.1f}", f"p99 {found.p99:.1f}", f"max {found.max:.1f}")
    return f"{', '.join(parts)} ms, of {found.count:,} live deltas"


def _reasons(name: str, counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """The most frequent reasons. One row even if there are none."""
    yield name, str(sum(counts.values()))
    most = sorted(counts.items(), key=lambda item: -item[1])
    for reason, count in most[:_REASONS]:
        yield "", f"{count} {printable(reason)}"
    if len(most) > _REASONS:
        yield "", f"{sum(count for _, count in most[_REASONS:])} for other reasons"
