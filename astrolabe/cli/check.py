"""`astrolabe check`: checks everything that serving needs, and says how to fix what is missing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from astrolabe.bus.redis.connection import RedisInfo, address_of, connect, verify
from astrolabe.bus.redis.errors import BusError
from astrolabe.bus.redis.keys import RedisKeys
from astrolabe.bus.redis.preflight import DELETE, leftovers, try_publishing, try_writing
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.cli.check_finding import UNREVIEWED, CheckResult, Finding
from astrolabe.cli.check_rights import check_rights
from astrolabe.cli.excess_rights import EVERYTHING, VERBS, excess
from astrolabe.cli.flags import SERVICE_ACCOUNT
from astrolabe.engine.inbox import Scope
from astrolabe.graph.state.identity import OWN_GROUPS
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.configuration import KEEPS_RELEASES
from astrolabe.kinds.custom.definition import Definition
from astrolabe.kinds.custom.entry import entry_of
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.custom.selection import bounded
from astrolabe.kinds.event import EVENT_ENTRIES, WARNING_EVENTS, EventEntry
from astrolabe.kinds.kind import Kind
from astrolabe.kube.client import Cluster
from astrolabe.kube.custom_resources import selection_of
from astrolabe.kube.discovery import served_resources, version_of
from astrolabe.kube.errors import ClusterError, RequestFailed
from astrolabe.kube.served_kinds import discover
from astrolabe.kube.watches import scopes_of, watched_scopes
from astrolabe.settings import Settings

#: The first Kubernetes version that serves every built-in kind.
OLDEST_KUBERNETES = "1.25"

#: What `--helm-details` reads.
_HELM = "Helm details"

_COLOURS: Mapping[CheckResult, str] = {
    "ok": "green",
    "missing": "red",
    "optional": "yellow",
    "warning": "yellow",
    "noise": "cyan",
    "left out": "cyan",
}

#: Custom kinds whose permissions are reviewed at a time.
AT_A_TIME = 8


async def check(settings: Settings) -> list[Finding]:
    """Check the API server, whether it serves and permits every kind to be watched, and Redis if enabled."""
    findings = await _check_cluster(settings)
    if settings.enable_persistence:
        findings += await _check_redis(settings)
    return findings


def report(findings: Sequence[Finding]) -> str:
    """A table with one line per finding, the advice below it, and a verdict at the end."""
    return "\n".join([*_rows(findings), "", _verdict(findings)])


def _rows(findings: Sequence[Finding]) -> Iterator[str]:
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        outcome = click.style(f"{finding.outcome:<8}", fg=_COLOURS[finding.outcome])
        yield f"{outcome}  {finding.subject:<{width}}  {finding.about}".rstrip()
        if finding.advice:
            yield f"{'':10}→ {finding.advice}"


def _verdict(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.outcome for finding in findings)
    less = counts["optional"] + counts["warning"]
    if counts["missing"]:
        return f"{counts['missing']} missing: Astrolabe could not serve."
    if less:
        return f"Astrolabe can start; {less} could be improved."
    return "Everything is in place."


async def _check_cluster(settings: Settings) -> list[Finding]:
    subject, catalogue = "API server", builtin_catalogue().only(settings.kinds)
    try:
        cluster = await Cluster.connect(settings)
    except ClusterError as error:
        return [Finding(subject, "missing", str(error))]
    try:
        await cluster.verify()
        version = await version_of(cluster)
        here = Finding(subject, "ok", about=" ".join(filter(None, (cluster.host, version, _named(cluster)))))
        return [
            here,
            *await _check_scopes(cluster, settings, catalogue),
            *[await _check_events(cluster, scope) for scope in watched_scopes(settings, ())],
            *await _check_custom(cluster, settings),
            *await _check_helm(cluster, settings, catalogue),
            *await check_rights(cluster, settings),
            await _check_excess(cluster, settings, catalogue),
        ]
    except ClusterError as error:
        return [Finding(subject, "missing", str(error), about=cluster.host)]
    finally:
        await cluster.close()


def _named(cluster: Cluster) -> str:
    """The names of the context and cluster in the kubeconfig."""
    return f"(context {cluster.context}, cluster {cluster.name})" if cluster.context else ""


async def _check_scopes(cluster: Cluster, settings: Settings, catalogue: Catalogue) -> list[Finding]:
    versions = list(dict.fromkeys(kind.api_version for kind in catalogue))
    pages = await asyncio.gather(*[served_resources(cluster, version) for version in versions])
    plurals = dict(zip(versions, pages, strict=True))

    async def check_scope(scope: Scope) -> Finding:
        kind = catalogue[scope.kind]
        known = plurals[kind.api_version]
        if known is not None and kind.plural not in known:
            return _unserved(scope, kind)
        return await _check_permission(cluster, scope, kind)

    return await asyncio.gather(*[check_scope(scope) for scope in scopes_of(settings, catalogue)])


def _rules(settings: Settings) -> tuple[RuleBook, list[Finding]]:
    """The rules that are followed, and what is wrong with a user's own."""
    if not settings.rules:
        return RuleBook.shipped(settings.homes), []
    loaded = RuleBook.load(settings.rules, RuleBook.shipped(settings.homes))
    return loaded.book, [Finding("Rules", "warning", str(error)) for error in loaded.errors]


async def _check_custom(cluster: Cluster, settings: Settings) -> list[Finding]:
    """The custom kinds of the cluster: seen, not seen, noise, or left out."""
    selection = selection_of(settings)
    if selection.is_none:
        return []
    try:
        served = await discover(cluster)
    except RequestFailed as error:
        return [Finding("Custom resources", "warning", f"the API server did not list its kinds: {error}")]
    free = asyncio.Semaphore(AT_A_TIME)
    rules, refused = _rules(settings)
    definitions = {each.id: each for each in served.kinds if each.group not in OWN_GROUPS}
    choices = bounded(
        {id: selection.choose(each) for id, each in definitions.items()},
        definitions,
        places=len(settings.namespaces),
        most=settings.max_custom_watches,
        has_rule=lambda id: rules.find(id) is not None,
    )

    async def check_kind(definition: Definition) -> list[Finding]:
        choice = choices[definition.id]
        about = f"{definition.group}/{definition.versions[0].name}"
        if choice.reason == "noise":
            advice = f"{choice.about}; --custom-resources=auto,{definition.id.key} switches it on"
            return [Finding(definition.id.key, "noise", advice, about=about)]
        if not choice.watched:
            advice = choice.about if choice.reason == "limit" else ""
            return [Finding(definition.id.key, "left out", advice, about=about)]
        entry = replace(entry_of(definition, rules), expected=choice.reason == "asked")
        async with free:
            return [await _check_permission(cluster, scope, entry) for scope in scopes_of(settings, (entry,))]

    found = await asyncio.gather(*[check_kind(definitions[id]) for id in sorted(definitions)])
    return [*refused, *[finding for findings in found for finding in findings]]


async def _check_helm(cluster: Cluster, settings: Settings, catalogue: Catalogue) -> list[Finding]:
    """Whether Helm's release records can be read, if `--helm-details` needs them."""
    if not settings.helm_details:
        return []
    kinds = [catalogue[key] for key in KEEPS_RELEASES if key in catalogue.keys]
    if not kinds:
        advice = f"--kinds leaves out {' and '.join(KEEPS_RELEASES)}, in which Helm keeps its releases"
        return [Finding(_HELM, "optional", advice)]
    return [
        await _check_helm_in(cluster, namespace, [kind.plural for kind in kinds])
        for namespace in settings.namespaces or ("",)
    ]


async def _check_helm_in(cluster: Cluster, namespace: str, plurals: Sequence[str]) -> Finding:
    where = f" in {namespace}" if namespace else ""
    about = f"get on {' and '.join(plurals)}"
    try:
        lacking = [
            plural
            for plural in plurals
            if not await cluster.permits("get", group="", plural=plural, namespace=namespace)
        ]
    except RequestFailed as error:
        return Finding(f"{_HELM}{where}", "optional", f"{UNREVIEWED}: {error}", about=about)
    if not lacking:
        return Finding(f"{_HELM}{where}", "ok", about=about)
    advice = (
        f"to show what Helm keeps of its releases there, grant get on {' and '.join(lacking)}{where}, as the "
        "chart does with helmDetails=true; or leave out --helm-details"
    )
    return Finding(f"{_HELM}{where}", "optional", advice, about=about)


def _unserved(scope: Scope, kind: Kind[Any]) -> Finding:
    if not scope.required:
        return _finding(scope, kind, "optional", "not served by this cluster; the graph will have none")
    advice = (
        f"not served by this cluster; use Kubernetes {OLDEST_KUBERNETES} or later, or leave it out of --kinds"
    )
    return _finding(scope, kind, "missing", advice)


async def _check_permission(cluster: Cluster, scope: Scope, kind: Kind[Any]) -> Finding:
    try:
        advice = await _how_to_permit(cluster, scope, kind.group, kind.plural)
    except RequestFailed as error:
        return _finding(scope, kind, "missing" if scope.required else "optional", f"{UNREVIEWED}: {error}")
    if not advice:
        return _finding(scope, kind, "ok")
    if scope.required:
        return _finding(scope, kind, "optional", f"{advice}; without it, what depends on it is Unknown")
    return _finding(scope, kind, "optional", f"to show it, {advice}")


async def _check_events(cluster: Cluster, scope: Scope) -> Finding:
    """Whether Events can be watched in one of their API groups."""
    advices = []
    for entry in EVENT_ENTRIES:
        served = await served_resources(cluster, entry.api_version)
        if served is not None and entry.plural not in served:
            continue
        try:
            advice = await _how_to_permit(cluster, scope, entry.group, entry.plural)
        except RequestFailed as error:
            advice = f"{UNREVIEWED}: {error}"
        if not advice:
            return _finding(scope, entry, "ok")
        advices.append(advice)
    advice = next(iter(advices), "serve it")
    return _finding(
        scope,
        WARNING_EVENTS,
        "optional",
        f"to say why where a manifest does not, {advice}; or set --events=off",
    )


async def _how_to_permit(cluster: Cluster, scope: Scope, group: str, plural: str) -> str:
    """What to grant before this can be watched; "" if it can. Raises RequestFailed."""
    permitted = [
        await cluster.permits(verb, group=group, plural=plural, namespace=scope.namespace) for verb in VERBS
    ]
    missing_verbs = [verb for verb, permits in zip(VERBS, permitted, strict=True) if not permits]
    if not missing_verbs:
        return ""
    resource = f"{plural}.{group}" if group else plural
    where = f" in {scope.namespace}" if scope.namespace else ""
    example = "deploy/overlays/namespace" if scope.namespace else "deploy/deployment.yaml"
    return f"grant {' and '.join(missing_verbs)} on {resource}{where}, as {example} does"


async def _check_excess(cluster: Cluster, settings: Settings, catalogue: Catalogue) -> Finding:
    about = "rights of the account"
    try:
        scopes = watched_scopes(settings, catalogue)
        beyond, asked = await excess(
            cluster,
            scopes,
            catalogue,
            _home(settings),
            helm_details=settings.helm_details,
            asks_for_rights=settings.asks_for_rights,
        )
    except RequestFailed as error:
        return Finding("Rights", "warning", f"the API server did not list them: {error}", about=about)
    only = f" (checked in {asked})" if asked else ""
    if not beyond:
        return Finding("Rights", "ok", about=f"list and watch only{only}")
    if beyond == EVERYTHING:
        advice = "the account is an administrator; a server should have only the role in deploy/"
        return Finding("Rights", "warning", advice, about=about)
    advice = (
        f"more than Astrolabe needs: {beyond}{only}; an earlier installation may have left a binding: "
        "kubectl get rolebindings,clusterrolebindings -A -o wide"
    )
    return Finding("Rights", "warning", advice, about=about)


def _home(settings: Settings) -> str:
    """The namespace of the service account; "default" outside a cluster."""
    try:
        return (
            SERVICE_ACCOUNT.with_name("namespace").read_text().strip() if settings.in_cluster else "default"
        )
    except OSError:
        return "default"


def _finding(scope: Scope, kind: Kind[Any] | EventEntry, outcome: CheckResult, advice: str = "") -> Finding:
    where = f" in {scope.namespace}" if scope.namespace else ""
    return Finding(f"{scope.kind}{where}", outcome, advice, about=kind.api_version)


async def _check_redis(settings: Settings) -> list[Finding]:
    address = address_of(settings)
    client, keys = connect(settings, RedisTiming(), retry_once=True), RedisKeys(settings.cluster_name)
    try:
        server = await verify(client, address)
        tried = {
            "scripts with writes": await try_writing(client, keys),
            "publish and subscribe": await try_publishing(client, keys),
        }
        left = await leftovers(client)
    except BusError as error:
        return [Finding("Redis", "missing", str(error), about=address)]
    finally:
        await client.aclose()
    trials = [
        Finding("Redis", "missing" if wrong else "ok", wrong, about=what) for what, wrong in tried.items()
    ]
    here = Finding("Redis", "ok", about=f"{address} {server.version}")
    return [here, *trials, *_durability(server), *_leftover_findings(left)]


def _leftover_findings(left: Mapping[str, int]) -> Iterator[Finding]:
    """A warning about keys that the original server left in Redis."""
    if not left:
        return
    names = ", ".join(f"{name}*" if name.endswith(":") else name for name in sorted(left))
    advice = (
        "left by the original server: annotations in plain text, which may hold values of Secrets. Astrolabe "
        f"does not read them. Unless you plan to go back to the original, delete them: {DELETE}"
    )
    count = sum(left.values())
    yield Finding("Redis", "warning", advice, about=f"{count:,} key{'s' * (count > 1)}: {names}")


def _durability(server: RedisInfo) -> Iterator[Finding]:
    """Findings about the durability of Redis."""
    if server.append_only:
        yield Finding("Redis", "ok", about="appendonly yes")
    else:
        advice = "a restart of Redis loses the latest changes, and every client reloads the graph"
        yield Finding("Redis", "warning", f"{advice}; set appendonly yes", about="appendonly no")
    if server.eviction in ("", "noeviction"):
        about = f"maxmemory-policy {server.eviction}" if server.eviction else "maxmemory 0: no limit"
        yield Finding("Redis", "ok", about=about)
    else:
        advice = "Redis evicts parts of the graph when it is full; set maxmemory-policy noeviction"
        yield Finding("Redis", "warning", advice, about=f"maxmemory-policy {server.eviction}")
