"""deploy/monitoring: every query can be parsed and asks for what there is; alerts and panels are whole."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from promql_parser import AggregateExpr, Expr, VectorSelector

from tests.deploy.metrics import METRICS, TARGET
from tests.support.documents import ALERTS, CHART, MONITORING
from tests.support.documents import DASHBOARD as DASHBOARD_FILE
from tests.support.kustomize import documents
from tests.support.programs import program

UNIT_TESTS = Path(__file__).parent / "alerts.test.yaml"
GROUPS = yaml.safe_load(ALERTS.read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
DASHBOARD = json.loads(DASHBOARD_FILE.read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
#: (where it is from, the query).
QUERIES = [(rule["alert"], rule["expr"]) for rule in RULES] + [
    (panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$namespace", ".*"))
    for panel in PANELS
    for target in panel["targets"]
]


def parts(query: str) -> list[Expr]:
    """All expressions that a query consists of. Raises ValueError when it is no PromQL."""
    found: list[Expr] = []
    promql_parser.walk(promql_parser.parse(query), found.append)
    return found


def selectors(query: str) -> list[VectorSelector]:
    return [
        part.vector_selector if hasattr(part, "vector_selector") else part
        for part in parts(query)
        if isinstance(part, VectorSelector) or hasattr(part, "vector_selector")
    ]


def grouped(query: str) -> Iterator[str]:
    """The labels that its aggregations name."""
    for part in parts(query):
        if isinstance(part, AggregateExpr) and part.modifier is not None:
            yield from part.modifier.labels


@pytest.mark.parametrize(("origin", "query"), QUERIES)
def test_queries_use_existing_metrics_and_labels(origin: str, query: str) -> None:
    found = selectors(query)
    assert found
    labels: set[str] = set()
    for selector in found:
        assert selector.name in METRICS
        matched = {matcher.name for matcher in selector.matchers.matchers}
        assert "job" in matched, "other programs have metrics of these names, too"
        assert matched <= METRICS[selector.name] | TARGET
        labels |= METRICS[selector.name] | TARGET
    assert set(grouped(query)) <= labels


@pytest.mark.parametrize(("origin", "query"), QUERIES)
def test_counters_are_queried_as_rates(origin: str, query: str) -> None:
    for selector in selectors(query):
        assert selector.name is not None
        counts = selector.name.endswith(("_total", "_bucket"))
        ranged = re.search(rf"(rate|increase)\({selector.name}\b[^()]*\[", query) is not None
        assert counts == ranged


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_say_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Astrolabe[A-Z][A-Za-z]+", rule["alert"])
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert promql_parser.parse_duration(rule.get("for", "1m")).total_seconds() >= 60
    assert set(rule["annotations"]) == {"summary", "description"}
    assert len(rule["annotations"]["summary"]) < 90
    assert rule["annotations"]["description"].endswith(".")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_show_labels_of_their_query(rule: dict[str, Any]) -> None:
    shown = set(re.findall(r"\$labels\.(\w+)", "".join(rule["annotations"].values())))
    kept = set(grouped(rule["expr"])) or TARGET
    assert shown <= kept


def test_alerts_cover_known_failures() -> None:
    names = {rule["alert"].removeprefix("Astrolabe") for rule in RULES}
    assert len(names) == len(RULES)
    assert {
        *("Down", "KindNotSynced", "WatchLag", "Stale", "NoLeader", "TwoLeaders", "RedisUnreachable"),
        *("StreamResets", "SlowClients", "UnresolvedReferencesRising", "MemoryHigh"),
    } <= names


def test_the_memory_alert_knows_the_limit_of_the_manifests() -> None:
    (rule,) = [rule for rule in RULES if rule["alert"] == "AstrolabeMemoryHigh"]
    limit = yaml.safe_load((CHART / "values.yaml").read_text())["resources"]["limits"]["memory"]
    assert f"* {limit.removesuffix('Mi')} * 1024 * 1024" in rule["expr"]


def test_every_alert_has_a_unit_test() -> None:
    situations = yaml.safe_load(UNIT_TESTS.read_text())["tests"]
    samples = [sample for each in situations for sample in each["promql_expr_test"][0]["exp_samples"]]
    fired = {name for sample in samples for name in re.findall(r'alertname="(\w+)"', sample["labels"])}
    assert fired == {rule["alert"] for rule in RULES}


def test_promtool_agrees() -> None:
    promtool = program("promtool", package="prometheus")
    for command in (["check", "rules", "--lint=all", "--lint-fatal", ALERTS], ["test", "rules", UNIT_TESTS]):
        tried = subprocess.run([promtool, *command], check=False, capture_output=True, text=True)
        assert tried.returncode == 0, tried.stdout + tried.stderr


def test_the_panels_are_complete_and_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert {
            each["uid"] for each in [panel["datasource"], *(t["datasource"] for t in panel["targets"])]
        } == {"${datasource}"}


def test_legends_show_labels_of_their_query() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            query = target["expr"].replace("$__rate_interval", "5m").replace("$namespace", ".*")
            assert shown <= (set(grouped(query)) or TARGET), panel["title"]


def test_every_metric_of_astrolabe_is_on_the_dashboard() -> None:
    shown = {selector.name for title, query in QUERIES for selector in selectors(query)}
    others = {name for name in METRICS if name.startswith("astrolabe_")} - shown
    # Those of single clusters are there only where several are served.
    assert {name for name in others if "_cluster_" not in name} == {"astrolabe_graph_seq"}


def test_the_operators_job_is_the_one_of_the_alerts() -> None:
    (monitor,) = documents(MONITORING / "service-monitor.yaml")
    (service,) = documents(MONITORING.parent / "base" / "service.yaml")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "astrolabe"
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert endpoint["path"] == "/metrics"


def test_the_rule_of_the_operator_has_the_same_alerts() -> None:
    (rule,) = documents(MONITORING / "prometheus-rule.yaml")
    assert rule["spec"] == {"groups": GROUPS}


def test_the_kustomization_uses_existing_files() -> None:
    (kustomization,) = documents(MONITORING / "kustomization.yaml")
    (dashboard,) = kustomization["configMapGenerator"]
    named = [*kustomization["resources"], *(each.partition("=")[2] for each in dashboard["files"])]
    assert all((MONITORING / name).is_file() for name in named)
