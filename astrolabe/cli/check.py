"""`astrolabe check`: tries all that serving needs, and says what to do about what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from astrolabe.bus.redis.connection import address_of, connect, verify
from astrolabe.bus.redis.errors import BusError
from astrolabe.bus.redis.timing import Timing
from astrolabe.engine.readiness import Scope
from astrolabe.kinds.table import KINDS_BY_NAME
from astrolabe.kube.client import Cluster
from astrolabe.kube.errors import ClusterError, RequestFailed
from astrolabe.kube.watches import scopes_of
from astrolabe.settings import Settings

#: What a watch does.
VERBS = ("list", "watch")

Outcome = Literal["ok", "missing", "optional"]


@dataclass(frozen=True)
class Finding:
    """subject: what was tried. advice: what to do, "" when that is nothing.

    outcome: `missing` is what serving needs; without what is `optional` it shows less.
    """

    subject: str
    outcome: Outcome
    advice: str = ""


async def check(settings: Settings) -> list[Finding]:
    """Try the API server, the permissions for every kind that would be watched, and Redis if it is used."""
    findings = await _check_cluster(settings)
    if settings.enable_persistence:
        findings.append(await _check_redis(settings))
    return findings


def table(findings: Sequence[Finding]) -> str:
    """One line a finding, in columns."""
    width = max(len(finding.subject) for finding in findings)
    lines = [f"{each.subject:<{width}}  {each.outcome:<8}  {each.advice}".rstrip() for each in findings]
    return "\n".join(lines)


async def _check_cluster(settings: Settings) -> list[Finding]:
    try:
        cluster = await Cluster.connect(settings)
    except ClusterError as error:
        return [Finding("API server", "missing", str(error))]
    subject = f"API server {cluster.host}"
    try:
        await cluster.verify()
        reviews = [_check_scope(cluster, scope) for scope in scopes_of(settings)]
        return [Finding(subject, "ok"), *await asyncio.gather(*reviews)]
    except ClusterError as error:
        return [Finding(subject, "missing", str(error))]
    finally:
        await cluster.close()


async def _check_scope(cluster: Cluster, scope: Scope) -> Finding:
    kind = KINDS_BY_NAME[scope.kind]
    where = f" in {scope.namespace}" if scope.namespace else ""
    try:
        permitted = [
            await cluster.permits(verb, group=kind.group, plural=kind.plural, namespace=scope.namespace)
            for verb in VERBS
        ]
    except RequestFailed as error:
        return Finding(f"{kind.name}{where}", "missing", f"the API server does not say: {error}")
    lacking = [verb for verb, permits in zip(VERBS, permitted, strict=True) if not permits]
    if not lacking:
        return Finding(f"{kind.name}{where}", "ok")
    resource = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
    advice = f"grant {' and '.join(lacking)} on {resource}{where}, as deploy/deployment.yaml does"
    if scope.required:
        return Finding(f"{kind.name}{where}", "missing", advice)
    return Finding(f"{kind.name}{where}", "optional", f"to have it shown, {advice}")


async def _check_redis(settings: Settings) -> Finding:
    address = address_of(settings)
    client = connect(settings, Timing(), patient=True)
    try:
        await verify(client, address)
    except BusError as error:
        return Finding(f"Redis {address}", "missing", str(error))
    finally:
        await client.aclose()
    return Finding(f"Redis {address}", "ok")
