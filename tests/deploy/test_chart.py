"""deploy/chart: its values, its schema, and what Helm makes of it, which is what the overlays are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

import astrolabe
from astrolabe.cli import flag_types
from astrolabe.cli.flags import CHECK, SERVE
from astrolabe.kinds.custom.parsing import parse_rules
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.event_kinds import CORE_EVENT
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.cli.checking import found
from tests.support.chart import HELM, NAMES, head, read, render, values
from tests.support.documents import (
    ALERTS,
    CHART,
    DASHBOARD,
    GUIDE,
    OVERLAYS,
    README,
    namespaced_kinds,
    rules,
)
from tests.support.kinds import KINDS
from tests.support.kustomize import Manifest, identity
from tests.support.kustomize import render as render_overlay

TEMPLATES = {path.name: path.read_text() for path in (CHART / "templates").iterdir()}
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


@cache
def rendered(name: str) -> tuple[Manifest, ...]:
    return tuple(yaml.safe_load_all(read(name)))


def find(name: str, kind: str, named: str = "astrolabe") -> Manifest:
    """The one manifest of this kind in a recording, by the end of its name."""
    (found,) = [
        each
        for each in rendered(name)
        if each["kind"] == kind and re.fullmatch(f"(.*:)?{named}", each["metadata"]["name"])
    ]
    return found


def container(name: str) -> dict[str, Any]:
    (only,) = find(name, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(only)


def given_flags(name: str) -> set[str]:
    return {argument.partition("=")[0] for argument in container(name)["args"]}


def variables(name: str) -> list[dict[str, Any]]:
    return list(container(name).get("env", []))


def leaves(tree: dict[str, Any], schema: dict[str, Any], at: str = "") -> Iterator[str]:
    """The paths of values down to where the schema says nothing more of single keys."""
    for key, value in tree.items():
        below = schema["properties"][key]
        below = SCHEMA["$defs"][below["$ref"].rpartition("/")[2]] if "$ref" in below else below
        path = f"{at}.{key}" if at else key
        if "properties" in below and "requests" not in below["properties"]:
            assert below["additionalProperties"] is False, path
            assert set(value) == set(below["properties"]), path
            yield from leaves(value, below, path)
        else:
            yield path


def without_names(value: Any) -> Any:
    """A manifest without the labels and the names that only a release of Helm has."""
    if isinstance(value, dict):
        return {
            key: without_names(below)
            for key, below in value.items()
            if not re.match(r"helm\.sh|app\.kubernetes\.io/(instance|version|managed-by)", key)
        }
    if isinstance(value, list):
        return [without_names(each) for each in value]
    return value.removeprefix("astrolabe-system:") if isinstance(value, str) else value


@pytest.mark.parametrize("name", NAMES)
def test_the_recordings_are_up_to_date(name: str) -> None:
    assert read(name).startswith(head(name)), "run python -m tests.support.chart, with a helm"
    if HELM is not None:
        now = list(yaml.safe_load_all(render(HELM, name)))
        assert sorted(now, key=identity) == sorted(rendered(name), key=identity)


@pytest.mark.parametrize("release", ["1.25", "1.37"])
@pytest.mark.parametrize("name", NAMES)
def test_kubernetes_knows_every_field(name: str, release: str) -> None:
    assert len({identity(each) for each in rendered(name)}) == len(rendered(name))
    for manifest in rendered(name):
        if manifest["apiVersion"] != "monitoring.coreos.com/v1":
            assert kubernetes_validate.validate(manifest, release, strict=True) == release


def test_every_value_is_used_and_every_used_one_exists() -> None:
    used = set(re.findall(r"\.Values\.([\w.]+)", "".join(TEMPLATES.values())))
    known = set(leaves(DEFAULTS, SCHEMA))
    groups = {path[: match.start()] for path in known for match in re.finditer(r"\.", path)}
    assert known - used == set()
    assert used - known - groups == set()


def test_documents_set_existing_values() -> None:
    pages = [README, *GUIDE.glob("*.md")]
    named = {name for page in pages for name in re.findall(r"--set ([\w.]+)=", page.read_text())}
    assert named
    assert named <= set(leaves(DEFAULTS, SCHEMA))


def test_the_schema_names_the_values_and_takes_the_defaults() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) - set(DEFAULTS) == {"global"}
    for given in (DEFAULTS, *(yaml.safe_load(values(name).read_text()) for name in NAMES)):
        jsonschema.Draft202012Validator(SCHEMA).validate(given)


@pytest.mark.parametrize(
    "wrong",
    [
        {"repicas": 1},
        {"replicas": "1"},
        {"image": {"repository": "astrolabe", "digest": "abc"}},
        {"persistence": {"address": "redis"}},
        {"namespaces": ["Shop"]},
        {"networkPolicy": {"apiServerPorts": []}},
    ],
    ids=str,
)
def test_the_schema_refuses_invalid_values(wrong: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(wrong)


def test_every_file_is_used() -> None:
    used = set(re.findall(r'\.Files\.Get "files/([^"]+)"', "".join(TEMPLATES.values())))
    assert used == {path.name for path in (CHART / "files").iterdir()}


def test_the_versions_are_those_of_astrolabe() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (astrolabe.__version__, astrolabe.__version__)
    assert container("default")["image"] == f"astrolabe:{astrolabe.__version__}"


def test_rbac_rules_follow_the_catalogue() -> None:
    assert find("default", "ClusterRole", "astrolabe-reader")["rules"] == rules()
    roles = [each for each in rendered("namespaces") if each["kind"] == "Role"]
    assert [each["metadata"]["namespace"] for each in roles] == ["shop", "payments"]
    assert [each["rules"] for each in roles] == [rules(namespaced=True)] * 2
    assert not [each for each in rendered("namespaces") if each["kind"].startswith("ClusterRole")]
    assert {
        each["metadata"]["name"] for each in rendered("access-namespaces") if "Cluster" in each["kind"]
    } == {
        "astrolabe-access",
        "astrolabe-access-binding",
        "astrolabe-access-reviews",
    }


@pytest.mark.parametrize(
    ("name", "overlay"),
    [("default", "in-memory"), ("persistent", "persistent"), ("kubernetes-rights", "kubernetes-rights")],
)
def test_the_chart_installs_what_the_overlay_does(name: str, overlay: str) -> None:
    chart = {identity(each): each for each in without_names(list(rendered(name)))}
    for manifest in render_overlay(OVERLAYS / overlay):
        if manifest["kind"] == "Namespace":
            continue
        other = chart[identity(manifest)]
        if manifest["kind"] == "Deployment":
            for each in (manifest, other):
                (pod,) = each["spec"]["template"]["spec"]["containers"]
                for key in ("args", "env", "imagePullPolicy"):
                    pod.pop(key, None)
        if identity(manifest)[1::2] == ("Service", "astrolabe"):
            assert other["spec"].pop("type") == "ClusterIP"
        if identity(manifest)[1::2] == ("NetworkPolicy", "astrolabe"):
            # The chart knows whether there is a Redis, and which; a variable may name one to the manifests.
            for each in (manifest, other):
                each["spec"]["egress"] = each["spec"]["egress"][:2]
        assert other == manifest


def test_the_network_policy_lets_astrolabe_reach_its_redis() -> None:
    (_, _, bundled) = find("persistent", "NetworkPolicy")["spec"]["egress"]
    labels = find("persistent", "StatefulSet", "astrolabe-redis")["spec"]["template"]["metadata"]["labels"]
    assert bundled["to"][0]["podSelector"]["matchLabels"].items() <= labels.items()
    (_, _, own) = find("namespaces", "NetworkPolicy")["spec"]["egress"]
    assert own == {"ports": [{"protocol": "TCP", "port": 6380}]}
    assert len(find("default", "NetworkPolicy")["spec"]["egress"]) == 2


@pytest.mark.parametrize("name", NAMES)
def test_the_flags_and_variables_are_those_of_astrolabe(name: str) -> None:
    assert given_flags(name) <= {flag.long for flag in SERVE}
    assert {each["name"] for each in variables(name)} <= {flag.envvar for flag in SERVE}


@pytest.mark.parametrize("name", NAMES)
def test_check_in_the_pod_needs_no_flags(name: str) -> None:
    """`kubectl exec deployment/astrolabe -- astrolabe check` has the environment of the pod, not its flags."""
    shown = {"--label-selector", "--selector-mode"}  # what is needed does not depend on them
    assert not given_flags(name) & ({flag.long for flag in CHECK} - shown)


def test_scope_and_redis_follow_the_values() -> None:
    given = {name: {each["name"]: each.get("value") for each in variables(name)} for name in NAMES}
    assert given == {
        "default": {},
        "persistent": {
            "ENABLE_PERSISTENCE": "true",
            "ASTROLABE_CLUSTER_NAME": "default",
            "REDIS_ADDR": "astrolabe-redis:6379",
            "REDIS_PASSWORD": None,
        },
        "namespaces": {
            "ASTROLABE_NAMESPACES": "shop,payments",
            "ASTROLABE_KINDS": namespaced_kinds(),  # those that a Role permits
            "ASTROLABE_CUSTOM_RESOURCES": "auto",
            "ENABLE_PERSISTENCE": "true",
            "ASTROLABE_CLUSTER_NAME": "default",
            "REDIS_ADDR": "redis.example:6380",
            "REDIS_PASSWORD": None,
        },
        "everything": {
            "ASTROLABE_KINDS": "Pod,Deployment",
            "ASTROLABE_CUSTOM_RESOURCES": "*.cert-manager.io,-Order.acme.cert-manager.io",
            "ASTROLABE_AUTH": "token",
            "ASTROLABE_RULES": "/etc/astrolabe/rules",
            "ENABLE_PERSISTENCE": "true",
            "ASTROLABE_CLUSTER_NAME": "east",
            "REDIS_URL": None,
        },
        "rbac": {"ASTROLABE_KINDS": "+rbac", "ASTROLABE_HELM_DETAILS": "true"},
        "namespaces-rbac": {
            "ASTROLABE_NAMESPACES": "shop,payments",
            "ASTROLABE_KINDS": f"{namespaced_kinds()},+Role,+RoleBinding",  # those that a Role permits
            "ASTROLABE_CUSTOM_RESOURCES": "auto",
            "ASTROLABE_HELM_DETAILS": "true",
        },
        "chosen": {
            "ASTROLABE_NAMESPACES": "shop",
            "ASTROLABE_KINDS": "Pod,Secret,Role,+RoleBinding",
            "ASTROLABE_HELM_DETAILS": "true",
        },
        "borrowed": {},
        "kubernetes-rights": {"ASTROLABE_AUTH": "kubernetes"},
        "access": {"ASTROLABE_AUTH": "kubernetes,proxy"},
        "proxy-authority": {"ASTROLABE_AUTH": "kubernetes,proxy"},
        "clusters": {
            "ASTROLABE_AUTH": "token",
            "ASTROLABE_CLUSTERS": "/etc/astrolabe/clusters/clusters.yaml",
        },
        "access-namespaces": {
            "ASTROLABE_AUTH": "token,kubernetes",
            "ASTROLABE_NAMESPACES": "shop",
            "ASTROLABE_KINDS": f"{namespaced_kinds()},+Role,+RoleBinding",
            "ASTROLABE_CUSTOM_RESOURCES": "auto",
        },
    }


#: The rules of Kubernetes' own ClusterRole system:auth-delegator.
AUTH_DELEGATOR = [
    {"verbs": ["create"], "apiGroups": [f"{name}.k8s.io"], "resources": [plural]}
    for name, plural in (("authentication", "tokenreviews"), ("authorization", "subjectaccessreviews"))
]


def permitting(name: str) -> Authorizer:
    """Who permits what the roles of a recording do, and nothing else."""
    authorizer = Authorizer()
    authorizer.open_reviews = False
    for kind in (CORE_EVENT, *KINDS):
        authorizer.restrict(kind.key)
    for role in rendered(name):
        if role["kind"] in ("Role", "ClusterRole"):
            authorizer.more.setdefault(role["metadata"].get("namespace", ""), []).extend(role["rules"])
        if role.get("roleRef", {}).get("name") == "system:auth-delegator":
            authorizer.more.setdefault("", []).extend(AUTH_DELEGATOR)
    return authorizer


@pytest.mark.parametrize("name", [name for name in NAMES if name != "borrowed"])
async def test_the_roles_permit_what_check_asks_for_and_nothing_else(name: str) -> None:
    store = ObjectStore([CORE_EVENT, *KINDS])
    for namespace in ("default", "kube-system", "shop", "payments"):
        store.create("Namespace", {"metadata": {"name": namespace}})
    given = {each["name"]: each.get("value", "") for each in variables(name)}
    settings: dict[str, Any] = {
        "namespaces": tuple(filter(None, given.get("ASTROLABE_NAMESPACES", "").split(","))),
        "kinds": flag_types.kinds(given.get("ASTROLABE_KINDS", "")),
        "helm_details": given.get("ASTROLABE_HELM_DETAILS") == "true",
        "auth": given.get("ASTROLABE_AUTH") or "none",
    }
    async with Simulator(store, authorizer=permitting(name)) as simulator:
        findings = await found(simulator, **settings)
    told = {subject: each for subject, each in findings.items() if each.outcome != "ok"}
    if "Pod" in given.get("ASTROLABE_KINDS", "").split(",")[0]:
        del told["Rights"]  # the roles are for all kinds, whatever is watched of them
    assert told == {}
    assert ("Helm details" in " ".join(findings)) is settings["helm_details"]
    assert ("Token reviews" in findings) is ("kubernetes" in settings["auth"])


def test_existing_objects_are_not_created() -> None:
    kinds = {each["kind"] for each in rendered("borrowed")}
    assert kinds == {"Deployment", "Service"}
    pod = find("borrowed", "Deployment")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "watcher"


def test_passwords_come_from_secrets_only() -> None:
    given = {name: [each for each in variables(name) if "valueFrom" in each] for name in NAMES}
    assert given["default"] == []
    assert [each["valueFrom"]["secretKeyRef"] for each in given["persistent"]] == [
        {"name": "astrolabe-redis", "key": "REDIS_PASSWORD"}
    ]
    assert [each["valueFrom"]["secretKeyRef"] for each in given["namespaces"]] == [
        {"name": "redis-credentials", "key": "password"}
    ]
    assert [each["valueFrom"]["secretKeyRef"] for each in given["everything"]] == [
        {"name": "redis-url", "key": "REDIS_URL"}
    ]


def test_tokens_and_certificates_are_mounted_where_the_flags_look() -> None:
    pod = find("everything", "Deployment")["spec"]["template"]["spec"]
    mounts = {each["name"]: each["mountPath"] for each in container("everything")["volumeMounts"]}
    secrets = {each["name"]: each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each}
    files = [each.partition("=")[2] for each in container("everything")["args"] if "-file=" in each]
    assert secrets == {"tokens": "astrolabe-tokens", "tls": "astrolabe-tls"}
    assert files == [f"{mounts['tokens']}/tokens", f"{mounts['tls']}/tls.crt", f"{mounts['tls']}/tls.key"]
    assert container("everything")["livenessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert "scheme" not in container("default")["livenessProbe"]["httpGet"]


def test_the_secrets_of_proxies_are_mounted_where_the_flag_looks() -> None:
    pod = find("access", "Deployment")["spec"]["template"]["spec"]
    (mount,) = container("access")["volumeMounts"]
    (volume,) = pod["volumes"]
    assert volume["secret"] == {"secretName": "astrolabe-proxy", "defaultMode": 0o440}
    assert (volume["name"], mount["mountPath"]) == (mount["name"], "/etc/astrolabe/proxy")
    assert "--auth-proxy-secret-file=/etc/astrolabe/proxy/secrets" in container("access")["args"]
    assert pod["securityContext"]["fsGroup"] == 65532


def test_the_authority_of_proxies_is_mounted_where_the_flag_looks() -> None:
    pod = find("proxy-authority", "Deployment")["spec"]["template"]["spec"]
    mounts = {each["name"]: each["mountPath"] for each in container("proxy-authority")["volumeMounts"]}
    secrets = {each["name"]: each["secret"]["secretName"] for each in pod["volumes"]}
    assert secrets == {"proxy-authority": "astrolabe-front-proxy", "tls": "astrolabe-tls"}
    args = container("proxy-authority")["args"]
    assert f"--auth-proxy-client-ca-file={mounts['proxy-authority']}/ca.crt" in args
    assert "--auth-proxy-allowed-names=front-proxy,second proxy" in args


def test_a_service_account_may_be_let_read_metrics() -> None:
    (role,) = [
        each
        for each in rendered("proxy-authority")
        if each["kind"] == "ClusterRole" and each["metadata"]["name"] == "astrolabe-access-metrics"
    ]
    assert role["rules"] == [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]
    (binding,) = [
        each
        for each in rendered("proxy-authority")
        if each["kind"] == "ClusterRoleBinding" and each["roleRef"]["name"] == role["metadata"]["name"]
    ]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "prometheus", "namespace": "monitoring"}
    ]


def test_rules_are_mounted_where_the_variable_looks() -> None:
    pod = find("everything", "Deployment")["spec"]["template"]["spec"]
    (volume,) = [each for each in pod["volumes"] if "configMap" in each]
    rules = find("everything", "ConfigMap", "astrolabe-rules")
    assert volume["configMap"]["name"] == rules["metadata"]["name"]
    (mount,) = [each for each in container("everything")["volumeMounts"] if each["name"] == volume["name"]]
    (given,) = [each for each in variables("everything") if each["name"] == "ASTROLABE_RULES"]
    assert mount["mountPath"] == given["value"]
    (file,) = rules["data"].items()
    assert [f"{rule.id.kind}.{rule.id.group}" for rule in parse_rules(*file)] == ["Crawler.example.com"]


def test_the_list_of_clusters_is_mounted_where_the_variable_looks() -> None:
    pod = find("clusters", "Deployment")["spec"]["template"]["spec"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == "clusters"]
    assert volume["secret"] == {"secretName": "astrolabe-clusters", "defaultMode": 0o440}
    assert pod["securityContext"]["fsGroup"] == 65532
    (mount,) = [each for each in container("clusters")["volumeMounts"] if each["name"] == "clusters"]
    (given,) = [each for each in variables("clusters") if each["name"] == "ASTROLABE_CLUSTERS"]
    assert given["value"] == f"{mount['mountPath']}/clusters.yaml"


def test_a_service_monitor_scrapes_the_port_of_the_service() -> None:
    monitor = find("everything", "ServiceMonitor")
    service = find("everything", "Service")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert endpoint["path"] == "/metrics"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert not [each for each in rendered("default") if each["kind"] == "ServiceMonitor"]


def test_a_service_monitor_verifies_with_the_secrets_ca_by_default() -> None:
    (by_secret,) = find("everything", "ServiceMonitor")["spec"]["endpoints"]
    assert by_secret["tlsConfig"] == {
        "ca": {"secret": {"name": "astrolabe-tls", "key": "ca.crt"}},
        "serverName": "astrolabe.astrolabe-system.svc",
    }
    (told,) = find("namespaces", "ServiceMonitor")["spec"]["endpoints"]
    assert (told["scheme"], told["tlsConfig"]) == ("https", {"insecureSkipVerify": True})


def test_the_alerts_and_the_dashboard_are_those_of_the_folder_for_monitoring() -> None:
    rule = find("everything", "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(ALERTS.read_text())
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    dashboard = find("everything", "ConfigMap", "astrolabe-dashboard")
    assert json.loads(dashboard["data"]["astrolabe.json"]) == json.loads(DASHBOARD.read_text())
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
