"""The parts of the guide and of deploy/ that are generated from the code. `make docs` writes them."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from textwrap import indent
from types import SimpleNamespace
from typing import Any

from astrolabe.cli.flags import SERVE
from astrolabe.graph.search.fields import SEARCH_FIELDS
from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.identity import OWN_GROUPS
from astrolabe.graph.views.filter_fields import FILTER_FIELDS
from astrolabe.http.access.measured_reviews import ACCESS, TOKEN
from astrolabe.http.counters import ReviewCounters
from astrolabe.http.mcp.tools import definitions
from astrolabe.http.openapi.codes import ERROR_CODES, FINAL, ErrorCode
from astrolabe.http.ops import metrics
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.event import EVENT_ENTRIES
from astrolabe.kinds.kind import ANY_KIND, Kind
from tests.kinds.custom.scores import scores_table
from tests.support import kustomize
from tests.support.kinds import KINDS
from tests.support.serving import serve
from tests.support.worlds import World

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
#: The pages of the guide.
GUIDE = ROOT / "static" / "docs"
#: Sequences of messages of the stream, and what comes of them.
VECTORS = GUIDE / "vectors"
MAKEFILE = ROOT / "Makefile"
DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "base"
OVERLAYS = DEPLOY / "overlays"
CHART = DEPLOY / "chart"
MONITORING = DEPLOY / "monitoring"
ALERTS = MONITORING / "alerts.yaml"
DASHBOARD = MONITORING / "dashboard.json"
DEPLOYMENT = DEPLOY / "deployment.yaml"
REDIS = DEPLOY / "redis.yaml"

_DEPLOYMENT_HEAD = """\
# Astrolabe in a cluster, graph in memory; made of deploy/overlays/in-memory by `make docs`:
#   kubectl apply -f deploy/deployment.yaml
#   kubectl -n astrolabe-system port-forward service/astrolabe 8080
"""

_REDIS_HEAD = """\
# A Redis for Astrolabe, with its data on a volume: snapshots (RDB) and a log of writes (AOF).
# Made of deploy/redis/ by `make docs`; deploy/overlays/persistent has both, and three replicas.
#   kubectl apply -f deploy/deployment.yaml
#   kubectl -n astrolabe-system create secret generic astrolabe-redis \\
#     --from-literal=REDIS_PASSWORD="$(openssl rand -hex 24)"
#   kubectl apply -f deploy/redis.yaml
#   kubectl -n astrolabe-system set env deployment/astrolabe --from=secret/astrolabe-redis
#   kubectl -n astrolabe-system set env deployment/astrolabe \\
#     ENABLE_PERSISTENCE=true REDIS_ADDR=astrolabe-redis:6379
#   kubectl -n astrolabe-system scale deployment/astrolabe --replicas=3
# What survives what, sizes and backups: static/docs/redis.md
"""

_PROMETHEUS_RULE_HEAD = """\
# Made of alerts.yaml by `make docs`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: astrolabe
  namespace: astrolabe-system
  labels:
    app.kubernetes.io/name: astrolabe
spec:
"""


def rules(*, namespaced: bool = False, by_request: bool = False) -> list[dict[str, list[str]]]:
    """The rules of the ClusterRole: one an API group, in the order of the table.

    The last is of the groups of custom resources that there are rules for. namespaced: those of a Role, which can give nothing that belongs to the cluster. by_request: of the kinds
    that are watched only if they are asked for.
    """
    groups: dict[str, list[str]] = {}
    for kind in KINDS:
        if kind.by_request is by_request and (kind.namespaced or not namespaced):
            groups.setdefault(kind.group, []).append(kind.plural)
    for entry in () if by_request else EVENT_ENTRIES:
        groups.setdefault(entry.group, []).append(entry.plural)
    found = [
        {"apiGroups": [group], "resources": plurals, "verbs": ["list", "watch"]}
        for group, plurals in groups.items()
    ]
    if not by_request:
        custom = [group for group in RuleBook.shipped().groups if group not in ("*", *OWN_GROUPS)]
        found.append({"apiGroups": custom, "resources": ["*"], "verbs": ["list", "watch"]})
    return found


def rules_yaml(*, namespaced: bool = False, by_request: bool = False) -> str:
    """`rules` as the lines of a YAML list, two columns in."""
    lines = []
    for rule in rules(namespaced=namespaced, by_request=by_request):
        if rule["resources"] == ["*"]:
            lines.append("  # Custom resources that there are rules for.")
            lines += ["  - apiGroups:", *[f"      - {group}" for group in rule["apiGroups"]]]
            lines.append('    resources: ["*"]')
        else:
            lines += [f'  - apiGroups: ["{rule["apiGroups"][0]}"]', "    resources:"]
            lines += [f"      - {plural}" for plural in rule["resources"]]
        lines.append("    verbs: [list, watch]")
    return "\n".join(lines)


def role_rules_yaml() -> str:
    """The rules of a Role."""
    return rules_yaml(namespaced=True)


def rbac_rules_yaml() -> str:
    """What the ClusterRole has besides with --kinds=+rbac."""
    return rules_yaml(by_request=True)


def rbac_role_rules_yaml() -> str:
    """What a Role has besides with --kinds=+rbac."""
    return rules_yaml(namespaced=True, by_request=True)


def namespaced_kinds() -> str:
    """The kinds that a Role can permit to watch, as --kinds takes them."""
    return ",".join(kind.name for kind in KINDS if kind.namespaced and not kind.by_request)


def namespaced_kinds_yaml() -> str:
    """`namespaced_kinds` as the value of a variable in a Deployment."""
    return f"{' ' * 14}value: {namespaced_kinds()}"


def one_file(head: str, folder: Path) -> str:
    """The resources of a kustomization that patches nothing, in one file."""
    return head + "---\n".join(path.read_text() for path in kustomize.files(folder))


def deployment() -> str:
    """deploy/deployment.yaml."""
    return one_file(_DEPLOYMENT_HEAD, OVERLAYS / "in-memory")


def redis() -> str:
    """deploy/redis.yaml."""
    return one_file(_REDIS_HEAD, DEPLOY / "redis")


def prometheus_rule() -> str:
    """deploy/monitoring/alerts.yaml as the Prometheus operator takes it."""
    return _PROMETHEUS_RULE_HEAD + indent(groups(), "  ")


def groups() -> str:
    """The alerts, without what is said of their file."""
    text = ALERTS.read_text()
    return text[text.index("groups:") :]


def redis_configuration() -> str:
    """The file of the ConfigMap of deploy/redis."""
    (manifest,) = kustomize.documents(DEPLOY / "redis" / "config.yaml")
    text: str = manifest["data"]["redis.conf"]
    return text


def flags_table() -> str:
    """The flags that serve, as a table of Markdown."""
    lines = ["| flag | default | environment | |", "| --- | --- | --- | --- |"]
    for flag in SERVE:
        default = f"`{flag.shown}`" if flag.shown else ""
        lines.append(f"| `{flag.long}` | {default} | `{flag.envvar}` | {flag.help} |")
    return "\n".join(lines)


def api_table() -> str:
    """The paths of the API, as a table of Markdown."""
    document = asyncio.run(_described())
    lines = ["| path | |", "| --- | --- |"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            shown = "WS" if "101" in operation["responses"] else method.upper()
            lines.append(f"| `{shown} {path}` | {operation['summary']} |")
    return "\n".join(lines)


async def _described() -> dict[str, Any]:
    async with serve(World()) as site:
        document: dict[str, Any] = await site.json("/openapi.json")
        return document


def errors_table(codes: Iterable[ErrorCode] = ERROR_CODES) -> str:
    """The codes of errors, as a table of Markdown."""
    lines = ["| code | HTTP | stream | come back | |", "| --- | --- | --- | --- | --- |"]
    for each in codes:
        stream = " or ".join(
            [*([str(each.close)] if each.close else []), *(["one subscription"] if each.subscription else [])]
        )
        retry = "yes" if each.retry else "no"
        lines.append(f"| `{each.code}` | {each.status or ''} | {stream} | {retry} | {each.meaning} |")
    return "\n".join(lines)


def stream_errors_table() -> str:
    """The codes that an `error` message may have, as a table of Markdown."""
    return errors_table(each for each in ERROR_CODES if each.close or each.subscription)


def vectors_table() -> str:
    """The sequences of messages that clients are tested with, as a table of Markdown."""
    lines = ["| vector | |", "| --- | --- |"]
    for path in sorted(VECTORS.glob("*.json")):
        lines.append(f"| `{path.stem}` | {json.loads(path.read_text())['about']} |")
    return "\n".join(lines)


def close_codes_table() -> str:
    """The codes that close a stream, as a table of Markdown."""
    lines = ["| close code | come back | error codes |", "| --- | --- | --- |"]
    for close in sorted({each.close for each in ERROR_CODES if each.close}):
        codes = ", ".join(f"`{each.code}`" for each in ERROR_CODES if each.close == close)
        lines.append(f"| {close} | {'no' if close >= FINAL else 'yes'} | {codes} |")
    return "\n".join(lines)


def metrics_table() -> str:
    """The metrics of Astrolabe itself, as a table of Markdown."""
    lines = ["| metric | type | |", "| --- | --- | --- |"]
    for family in asyncio.run(_families()):
        labels = "".join(f"{{{','.join(family._labelnames)}}}" if family._labelnames else "")
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        lines.append(f"| `{family.name}{suffix}{labels}` | {family.type} | {family.documentation} |")
    return "\n".join(lines)


async def _families() -> list[Any]:
    """Of a leader that shares a Redis, as it has all of them."""
    async with serve(World()) as site:
        figures, state = site.hub.counters, site.state.current
        return [
            *metrics.of_process(ready=True, role="leader", lines_dropped=0),
            *metrics.of_state(state, now=time.time()),
            *metrics.of_graph(site.hub, []),
            *metrics.of_watches([], now=0.0, epoch=0.0),
            *metrics.of_skipped(SimpleNamespace(skipped={}, failing=list, rebuilds=0)),  # type: ignore[arg-type]
            *metrics.of_batches(figures),
            *metrics.of_streams(figures, 0, 0, 0),
            *metrics.of_replication(_REPLICATION),  # type: ignore[arg-type]
            *metrics.of_denials({}),
            *metrics.of_access(
                metrics.AccessFigures(0, 0, {TOKEN: ReviewCounters(), ACCESS: ReviewCounters()})
            ),
        ]


_REPLICATION = SimpleNamespace(reachable=True, detached=False, stale=False, lag=0.0, commits=0)


def kinds_table() -> str:
    """The kinds, as a table of Markdown."""
    lines = ["| kind | API | edges | |", "| --- | --- | --- | --- |"]
    lines += [f"| {kind.name} | `{kind.api_version}` | {_edges(kind)} | {_notes(kind)} |" for kind in KINDS]
    return "\n".join(lines)


def edge_types_table() -> str:
    """The types of edges, as a table of Markdown."""
    lines = ["| edge | what it means | closure | release | hidden |", "| --- | --- | --- | --- | --- |"]
    for each in EDGE_TYPES.values():
        marks = ["yes" if holds else "" for holds in (each.closure, each.takes_along, each.hidden)]
        lines.append(f"| `{each.name}` | {each.description} | {' | '.join(marks)} |")
    return "\n".join(lines)


def filters_table() -> str:
    """The fields of a filter, as a table of Markdown."""
    lines = ["| parameter | what it keeps |", "| --- | --- |"]
    lines += [f"| `{each.name}` | {each.description} |" for each in FILTER_FIELDS.values()]
    return "\n".join(lines)


def search_table() -> str:
    """The fields of the search language, as a table of Markdown."""
    lines = ["| field | what it is | example |", "| --- | --- | --- |"]
    for each in SEARCH_FIELDS.values():
        names = ", ".join(f"`{name}`" for name in (each.name, *each.aliases))
        lines.append(f"| {names} | {each.description} | `{each.example}` |")
    return "\n".join(lines)


def targets_table() -> str:
    """What `make` does, as a table of Markdown."""
    lines = ["| command | |", "| --- | --- |"]
    targets = re.findall(r"^([a-z-]+):.*?## (.*)$", MAKEFILE.read_text(), re.MULTILINE)
    lines += [f"| `make {target}` | {text} |" for target, text in targets]
    return "\n".join(lines)


def _edges(kind: Kind[Any]) -> str:
    types: dict[str, list[str]] = {}
    for type, other in kind.makes:
        types.setdefault(type, []).append(other)
    return "; ".join(f"`{type}` {_ends(others)}" for type, others in types.items())


def _ends(kinds: list[str]) -> str:
    return "any kind" if kinds == [ANY_KIND] else ", ".join(kinds)


def _notes(kind: Kind[Any]) -> str:
    notes = {
        "cluster-scoped": not kind.namespaced,
        "metadata only": kind.metadata_only,
        "optional": kind.optional,
        "only with `--kinds=+rbac`": kind.by_request,
    }
    return ", ".join(note for note, holds in notes.items() if holds)


def tools_table() -> str:
    """The tools of agents."""
    rows = [
        f"| `{tool['name']}` | {', '.join(f'`{name}`' for name in tool['inputSchema']['properties']) or '-'} | "
        f"{tool['description']} |"
        for tool in definitions()
    ]
    return "\n".join(("| tool | takes | tells |", "| --- | --- | --- |", *rows))


#: (file, name of the section, what stands in it).
SECTIONS: tuple[tuple[Path, str, Callable[[], str]], ...] = (
    (GUIDE / "configuration.md", "flags", flags_table),
    (GUIDE / "api.md", "api", api_table),
    (GUIDE / "api.md", "filters", filters_table),
    (GUIDE / "agents.md", "tools", tools_table),
    (GUIDE / "search.md", "search", search_table),
    (GUIDE / "kinds.md", "kinds", kinds_table),
    (GUIDE / "metrics.md", "metrics", metrics_table),
    (GUIDE / "kinds.md", "edge-types", edge_types_table),
    (GUIDE / "troubleshooting.md", "errors", errors_table),
    (GUIDE / "troubleshooting.md", "codes", close_codes_table),
    (GUIDE / "write-a-client.md", "errors", stream_errors_table),
    (GUIDE / "write-a-client.md", "codes", close_codes_table),
    (GUIDE / "write-a-client.md", "vectors", vectors_table),
    (GUIDE / "development.md", "targets", targets_table),
    (GUIDE / "custom-resources.md", "scores", scores_table),
    (BASE / "cluster-role.yaml", "rules", rules_yaml),
    (OVERLAYS / "namespace" / "access.yaml", "rules", role_rules_yaml),
    (OVERLAYS / "kubernetes-rights" / "access.yaml", "rules", rbac_rules_yaml),
    (OVERLAYS / "namespace" / "scope.yaml", "kinds", namespaced_kinds_yaml),
)

#: (file, what it holds); written after the sections, of which some are part of them.
FILES: tuple[tuple[Path, Callable[[], str]], ...] = (
    (DEPLOYMENT, deployment),
    (REDIS, redis),
    (MONITORING / "prometheus-rule.yaml", prometheus_rule),
    # A chart reads no file outside of it.
    (CHART / "files" / "cluster-role-rules.yaml", lambda: f"{rules_yaml()}\n"),
    (CHART / "files" / "role-rules.yaml", lambda: f"{role_rules_yaml()}\n"),
    (CHART / "files" / "rbac-rules.yaml", lambda: f"{rbac_rules_yaml()}\n"),
    (CHART / "files" / "rbac-role-rules.yaml", lambda: f"{rbac_role_rules_yaml()}\n"),
    (CHART / "files" / "namespaced-kinds.txt", lambda: f"{namespaced_kinds()}\n"),
    (CHART / "files" / "redis.conf", redis_configuration),
    (CHART / "files" / "alerts.yaml", groups),
    (CHART / "files" / "dashboard.json", DASHBOARD.read_text),
)


def section(text: str, name: str) -> re.Match[str]:
    """The lines between the one that begins with the mark `name` and the one that has `/name`."""
    found = re.search(
        rf"(?ms)(?<=^)([ ]*(?:<!--|#) {name}\b[^\n]*\n)(.*?)\n?([ ]*(?:<!--|#) /{name}\b)", text
    )
    if found is None:
        raise ValueError(f"there is no section {name!r}")
    return found


def write() -> None:
    """Bring all sections and files up to date."""
    for path, name, content in SECTIONS:
        text = path.read_text()
        old = section(text, name)
        path.write_text(f"{text[: old.start(2)]}{content()}\n{text[old.start(3) :]}")
    for path, content in FILES:
        path.write_text(content())


if __name__ == "__main__":
    write()
