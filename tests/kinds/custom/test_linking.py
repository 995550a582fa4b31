"""References of custom resources in a graph: permissions, namespaces, unknown scopes, inventories, hosts."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from astrolabe.graph.model.facts import Facts
from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.entry import CustomKind, entry_of
from astrolabe.kinds.custom.parsing import parse_rules
from astrolabe.kinds.custom.rulebook import RuleBook
from tests.graph.test_model import World
from tests.kinds.custom.support import Json, facts
from tests.kinds.support import make
from tests.support.kinds import KINDS

SHIPPED = RuleBook.shipped()


def entry(name: str, *, namespaced: bool = True, book: RuleBook = SHIPPED) -> CustomKind:
    kind, _, group = name.partition(".")
    version = ServedVersion("v1", (), True)
    plural = f"{kind.lower()}s"
    return entry_of(
        Definition(group=group, kind=kind, plural=plural, versions=(version,), namespaced=namespaced), book
    )


def world(*entries: CustomKind) -> World:
    made = World(None, [*[kind.rules for kind in KINDS], *[each.rules for each in entries]])
    for kind in (*KINDS, *entries):
        made.step((kind.key, "", True))
    return made


def named(kind: CustomKind, uid: str, *, namespace: str = "shop", **parts: Any) -> Facts:
    return facts(kind, metadata={"name": uid, "namespace": namespace, "uid": uid}, **parts)


def edges(of: World) -> list[tuple[str, str, str]]:
    of.commit()
    return sorted((edge.type, edge.source, edge.target) for edge in of.graph.edges())


def unresolved(of: World, uid: str) -> list[Json]:
    of.commit()
    found: list[Json] = of.graph.nodes[uid].document().get("unresolved", [])
    return found


def secret(name: str, namespace: str) -> Facts:
    return make("Secret", metadata={"name": name, "namespace": namespace, "uid": f"{namespace}/{name}"})


GATEWAY = entry("Gateway.gateway.networking.k8s.io")
GRANT = entry("ReferenceGrant.gateway.networking.k8s.io")
TLS = {"listeners": [{"name": "https", "tls": {"certificateRefs": [{"name": "tls", "namespace": "certs"}]}}]}


def grant(*, namespace: str = "certs", name: str = "") -> Facts:
    to = {"group": "", "kind": "Secret", **({"name": name} if name else {})}
    who = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "shop"}
    return named(GRANT, "grant", namespace=namespace, spec={"from": [who], "to": [to]})


def test_a_reference_to_another_namespace_needs_a_grant_there() -> None:
    of = world(GATEWAY, GRANT)
    of.step(named(GATEWAY, "gw", spec=TLS))
    missing = {
        "type": "uses-secret",
        "kind": "Secret",
        "namespace": "certs",
        "name": "tls",
        "field": "spec.listeners[0].tls.certificateRefs[0]",
    }
    assert unresolved(of, "gw") == [missing]
    of.step(secret("tls", "certs"))
    assert unresolved(of, "gw") == [{**missing, "reason": "NotPermitted"}]
    assert edges(of) == []
    of.step(grant(name="other"))
    assert edges(of) == []
    of.step(grant(name="tls"))
    assert edges(of) == [("uses-secret", "gw", "certs/tls")]
    assert unresolved(of, "gw") == []
    of.step(grant())
    assert edges(of) == [("uses-secret", "gw", "certs/tls")]
    of.step("grant")
    assert edges(of) == []
    assert unresolved(of, "gw") == [{**missing, "reason": "NotPermitted"}]


PROMETHEUS = entry("Prometheus.monitoring.coreos.com")
MONITOR = entry("ServiceMonitor.monitoring.coreos.com")


def namespace(name: str, **labels: str) -> Facts:
    return make("Namespace", metadata={"name": name, "namespace": "", "uid": f"ns-{name}", "labels": labels})


def monitor(uid: str, where: str) -> Facts:
    return facts(MONITOR, metadata={"name": uid, "namespace": where, "uid": uid, "labels": {"team": "a"}})


def selected(of: World) -> list[str]:
    return [target for type, _, target in edges(of) if type == "selects"]


def test_a_selector_over_namespaces_follows_their_labels() -> None:
    of = world(PROMETHEUS, MONITOR)
    of.step(monitor("m-a", "a"))
    of.step(monitor("m-b", "b"))
    among = {"matchLabels": {"watch": "yes"}}
    some = {"matchLabels": {"team": "a"}}
    of.step(
        named(
            PROMETHEUS, "p", spec={"serviceMonitorSelector": some, "serviceMonitorNamespaceSelector": among}
        )
    )
    assert selected(of) == []
    of.step(namespace("a", watch="yes"))
    of.step(namespace("b"))
    assert selected(of) == ["m-a"]
    of.step(namespace("b", watch="yes"))
    assert selected(of) == ["m-a", "m-b"]
    of.step(namespace("a"))
    assert selected(of) == ["m-b"]
    of.step(
        named(PROMETHEUS, "p", spec={"serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": {}})
    )
    assert selected(of) == ["m-a", "m-b"]
    of.step(named(PROMETHEUS, "p", namespace="shop", spec={"serviceMonitorSelector": {}}))
    assert selected(of) == []
    of.step(named(PROMETHEUS, "p", spec={"serviceMonitorNamespaceSelector": {}}))
    assert selected(of) == []


def test_a_missing_target_of_unknown_scope_is_reported_once() -> None:
    book = RuleBook(
        parse_rules("a.yaml", "kind: Widget.example.com\nreferences: [{edge: uses, to: any, at: spec.ref}]")
    )
    widget = entry("Widget.example.com", book=book)
    inside, outside = entry("Inside.example.com"), entry("Outside.example.com", namespaced=False)
    of = world(widget, inside, outside)
    for kind, where in (("Inside", "shop"), ("Outside", "")):
        of.step(named(widget, "w", spec={"ref": {"apiVersion": "example.com/v1", "kind": kind, "name": "x"}}))
        (missing,) = unresolved(of, "w")
        assert missing.get("namespace", "") == where
    of.step(facts(outside, metadata={"name": "x", "namespace": "", "uid": "o"}))
    assert unresolved(of, "w") == []
    assert edges(of) == [("uses", "w", "o")]


VIRTUAL_SERVICE = entry("VirtualService.networking.istio.io")
SERVICE_ENTRY = entry("ServiceEntry.networking.istio.io")


def test_a_virtual_service_is_judged_by_its_hosts() -> None:
    of = world(VIRTUAL_SERVICE, SERVICE_ENTRY)

    def status() -> tuple[str, str]:
        of.commit()
        document = of.graph.nodes["vs"].document()
        return document["status"], document["message"]

    hosts = ["web", "api.example.com"]
    routes = [{"route": [{"destination": {"host": host}}]} for host in hosts]
    of.step(named(VIRTUAL_SERVICE, "vs", spec={"gateways": ["mesh"], "http": routes}))
    assert status() == ("Error", "Service web, ServiceEntry api.example.com do not exist")
    of.step(make("Service", metadata={"name": "web", "namespace": "shop", "uid": "web"}))
    of.step(named(SERVICE_ENTRY, "se", namespace="mesh", spec={"hosts": ["api.example.com"]}))
    assert status() == ("Ready", "Everything that it names exists")
    assert ("routes-to", "vs", "se") in edges(of)
    of.step("se")
    assert status() == ("Error", "ServiceEntry api.example.com does not exist")


APPLICATION = entry("Application.argoproj.io")


def application(names: list[str]) -> Facts:
    resources = [{"version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": name} for name in names]
    return named(APPLICATION, "app", status={"resources": resources})


def test_one_more_inventory_entry_costs_one_edge() -> None:
    of = world(APPLICATION)
    names = [f"c-{at}" for at in range(10_000)]
    for name in [*names, "new"]:
        of.step(make("ConfigMap", metadata={"name": name, "namespace": "shop", "uid": name}))
    of.step(application(names))
    assert len(edges(of)) == 10_000
    of.step(application([*names[:1500], "new", *names[1501:]]))
    changes = of.commit()
    assert [(edge.type, edge.source, edge.target) for edge in changes.edges_set] == [
        ("manages", "app", "new")
    ]
    assert len(edges(of)) == 10_000
    assert ("manages", "app", names[1500]) not in edges(of)
    of.step(application(names[:5]))
    assert len(edges(of)) == 5
    of.step("c-3")
    assert [each["name"] for each in unresolved(of, "app")] == ["c-3"]


VIRTUAL_SERVICE = entry("VirtualService.networking.istio.io")
DESTINATION_RULE = entry("DestinationRule.networking.istio.io")


def subsets(host: str, *names: str) -> Json:
    return {"host": host, "subsets": [{"name": name, "labels": {"version": name}} for name in names]}


def test_a_destination_rules_subset_is_found_from_every_namespace() -> None:
    of = world(VIRTUAL_SERVICE, DESTINATION_RULE)
    route = {"destination": {"host": "web", "subset": "v2"}}
    of.step(named(VIRTUAL_SERVICE, "vs", spec={"http": [{"route": [route]}]}))
    of.step(make("Service", metadata={"name": "web", "uid": "web"}))
    of.step(named(DESTINATION_RULE, "dr", namespace="mesh", spec=subsets("web.shop.svc.cluster.local", "v1")))
    (missing,) = unresolved(of, "vs")
    assert (missing["kind"], missing["name"]) == (
        "DestinationRule.networking.istio.io",
        "subset v2 of web.shop",
    )
    status = of.graph.nodes["vs"].document()
    assert (status["status"], status["message"]) == (
        "Error",
        "DestinationRule subset v2 of web.shop does not exist",
    )
    of.step(
        named(
            DESTINATION_RULE, "dr", namespace="mesh", spec=subsets("web.shop.svc.cluster.local", "v1", "v2")
        )
    )
    assert ("uses", "vs", "dr") in edges(of)
    assert unresolved(of, "vs") == []
    assert of.graph.nodes["vs"].document()["status"] == "Ready"


MACHINE = entry("Machine.cluster.x-k8s.io")


def test_a_machine_finds_its_node_by_provider_id() -> None:
    of = world(MACHINE)
    of.step(named(MACHINE, "m", spec={"providerID": "aws:///a/i-1"}, status={"nodeRef": {"name": "n"}}))
    other = {"metadata": {"name": "n", "namespace": "", "uid": "n"}}
    of.step(
        make("Node", **other, spec={"providerID": "aws:///a/i-2"})
    )  # of another cluster, by the same name
    assert edges(of) == []
    of.step(make("Node", **other, spec={"providerID": "aws:///a/i-1"}))
    assert edges(of) == [("uses", "m", "n")]


PROMETHEUS = entry("Prometheus.monitoring.coreos.com")
AGENT = entry("PrometheusAgent.monitoring.coreos.com")
SERVICE_MONITOR = entry("ServiceMonitor.monitoring.coreos.com")


def told(of: World, uid: str) -> tuple[str, str, str]:
    of.commit()
    node = of.graph.nodes[uid].document()
    return (node["status"], node["reason"], node["metadata"].get("decidedBy", ""))


def service_monitor(**labels: str) -> Facts:
    return facts(
        SERVICE_MONITOR,
        metadata={"name": "m", "uid": "m", "labels": labels},
        spec={"selector": {"matchLabels": {"app": "web"}}},
    )


def test_a_monitor_needs_a_prometheus_and_a_service() -> None:
    of = world(PROMETHEUS, SERVICE_MONITOR)
    of.step(service_monitor(release="main"))
    assert told(of, "m") == ("Pending", "NotSelected", "metadata.labels")
    main = {"serviceMonitorSelector": {"matchLabels": {"release": "main"}}}
    of.step(named(PROMETHEUS, "p", spec=main, status={}))
    assert told(of, "m") == ("Error", "SelectsNothing", "spec.selector")
    of.step(make("Service", metadata={"name": "web", "uid": "web", "labels": {"app": "web"}}))
    assert told(of, "m") == ("Ready", "Ready", "")
    of.step(service_monitor(release="other"))
    assert told(of, "m") == ("Pending", "NotSelected", "metadata.labels")


def test_a_monitor_is_not_blamed_where_prometheuses_may_be_invisible() -> None:
    of = world(PROMETHEUS, SERVICE_MONITOR)
    of.step((PROMETHEUS.key, "", False))
    of.step((PROMETHEUS.key, "shop", True))  # only this namespace is watched
    of.step(service_monitor())
    assert told(of, "m")[:2] == ("Error", "SelectsNothing")
    of.step(("Service", "", False))
    assert told(of, "m")[:2] == ("Ready", "Ready")


def test_a_cluster_without_prometheus_kind_may_have_other_readers_of_monitors() -> None:
    of = world(SERVICE_MONITOR)
    of.step(make("Service", metadata={"name": "web", "uid": "web", "labels": {"app": "web"}}))
    of.step(service_monitor())
    assert told(of, "m")[:2] == ("Ready", "Ready")


def test_the_definition_decides_whether_a_kind_is_namespaced() -> None:
    """Somebody's rule may lack `scope: cluster`; and a kind may be created anew in another scope."""
    rules = """\
kind: Widget.example.com
references: [{edge: uses, to: Box.example.com, name: spec.box}]
---
kind: Box.example.com
"""
    book = RuleBook(parse_rules("a.yaml", rules))
    served = Definition(
        group="example.com", kind="Widget", plural="widgets", versions=(ServedVersion("v1", (), True),)
    )
    box = entry("Box.example.com", namespaced=False, book=book)
    for odd, found in ((frozenset(), []), (frozenset((box.id,)), [("uses", "w", "b")])):
        widget = entry_of(served, book, odd_scopes=odd)
        of = world(widget, box)
        of.step(facts(box, metadata={"name": "x", "namespace": "", "uid": "b"}))
        of.step(named(widget, "w", spec={"box": "x"}))
        assert edges(of) == found


REPORT = entry("PolicyReport.wgpolicyk8s.io")


def test_a_report_is_about_the_very_object_whose_uid_it_names() -> None:
    """A Pod that came later under the same name is another, of which nothing has been found yet."""
    of = world(REPORT)
    pod = {"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web"}
    of.step(make("Pod", metadata={"name": "web", "uid": "second"}, spec={"containers": []}))
    of.step(make("Pod", metadata={"name": "api", "uid": "api"}, spec={"containers": []}))
    results = [{"resources": [{**pod, "uid": "first"}, {**pod, "name": "api"}]}]
    of.step(named(REPORT, "r", scope={**pod, "uid": "first"}, results=results))
    assert edges(of) == [("reports-on", "r", "api")]  # without a uid, the name is all there is
    of.step(named(REPORT, "r", scope={**pod, "uid": "second"}))
    assert edges(of) == [("reports-on", "r", "second")]
    assert unresolved(of, "r") == []


CONTENT = entry("VolumeSnapshotContent.snapshot.storage.k8s.io", namespaced=False)
SNAPSHOT = entry("VolumeSnapshot.snapshot.storage.k8s.io")


def test_the_content_of_a_snapshot_is_of_the_one_with_its_uid() -> None:
    of = world(CONTENT, SNAPSHOT)
    of.step(named(SNAPSHOT, "s"))
    ref = {"name": "s", "namespace": "shop", "uid": "before"}
    of.step(named(CONTENT, "c", namespace="", spec={"volumeSnapshotRef": ref}))
    assert edges(of) == []
    of.step(named(CONTENT, "c", namespace="", spec={"volumeSnapshotRef": {**ref, "uid": "s"}}))
    assert edges(of) == [("binds", "s", "c")]


PUSH = entry("PushSecret.external-secrets.io")


def test_a_push_secret_selects_secrets_and_names_a_generator() -> None:
    password = entry("Password.generators.external-secrets.io")
    of = world(PUSH, password)
    for name, app in (("a", "web"), ("b", "other")):
        labels = {"app": app}
        found = make("Secret", metadata={"name": name, "uid": name, "labels": labels})
        of.step(replace(found, selectable=labels))  # as of the catalogue of a cluster with PushSecrets
    of.step(named(password, "p"))
    selector = {
        "secret": {"selector": {"matchLabels": {"app": "web"}}},
        "generatorRef": {"kind": "Password", "name": "p"},
    }
    of.step(named(PUSH, "push", spec={"selector": selector}))
    assert edges(of) == [("uses", "push", "p"), ("uses-secret", "push", "a")]


def test_the_namespace_of_a_reference_is_passed_over_if_the_kind_is_in_none() -> None:
    """Only the definition of a kind without a rule says whether its objects are in namespaces."""
    rule = "kind: Widget.example.com\nreferences: [{edge: uses, to: any, at: spec.ref}]"
    widget = entry("Widget.example.com", book=RuleBook(parse_rules("a.yaml", rule)))
    inside, outside = entry("Inside.example.com"), entry("Outside.example.com", namespaced=False)
    of = world(widget, inside, outside)
    of.step(facts(outside, metadata={"name": "x", "namespace": "", "uid": "o"}))
    of.step(facts(inside, metadata={"name": "x", "namespace": "other", "uid": "i"}))
    ref = {"apiVersion": "example.com/v1", "kind": "Outside", "name": "x", "namespace": "other"}
    of.step(named(widget, "w", spec={"ref": ref}))
    assert edges(of) == [("uses", "w", "o")]
    assert unresolved(of, "w") == []
    of.step(named(widget, "w", spec={"ref": {**ref, "kind": "Inside"}}))
    assert edges(of) == [("uses", "w", "i")]
    of.step(named(widget, "w", spec={"ref": {**ref, "name": "gone"}}))
    (missing,) = unresolved(of, "w")
    assert (missing["name"], missing.get("namespace", "")) == ("gone", "")


def pod(name: str, **labels: str) -> Facts:
    meta = {"name": name, "namespace": "shop", "uid": name, "labels": labels}
    return make("Pod", metadata=meta, spec={"containers": []})


def test_a_subset_waits_for_pods_behind_its_host() -> None:
    """The labels of a subset are often those of other apps, too: `version: v2`."""
    of = world(DESTINATION_RULE)

    def said() -> tuple[str, str]:
        of.commit()
        node = of.graph.nodes["dr"].document()
        return node["status"], node["message"]

    of.step(named(DESTINATION_RULE, "dr", spec=subsets("web", "v1", "v2")))
    assert said() == ("Error", "Service web does not exist")
    of.step(make("Service", metadata={"name": "web", "uid": "web"}, spec={"selector": {"app": "web"}}))
    fine = ("Ready", "Everything that it names exists")
    assert said() == fine  # that nobody is behind the host, its Service tells
    of.step(pod("other", app="other", version="v2"))
    of.step(pod("a", app="web", version="v1"))
    assert said() == ("Pending", "No Pod of Service web has the labels of subset v2")
    of.step(pod("b", app="web", version="v2"))
    assert said() == fine
    of.step(pod("b", app="web", version="v1"))
    assert said() == ("Pending", "No Pod of Service web has the labels of subset v2")
    of.step(pod("b", app="web", version="v2"))
    of.step("a")
    assert said() == ("Pending", "No Pod of Service web has the labels of subset v1")
    of.step(named(DESTINATION_RULE, "dr", spec=subsets("web.other.svc.cluster.local", "v1")))
    assert said() == ("Error", "Service web does not exist")
    of.step(named(DESTINATION_RULE, "dr", spec=subsets("web.shop.svc.cluster.local", "v2")))
    assert said() == fine
    assert [edge for edge in edges(of) if "dr" in edge] == [("uses", "dr", "web")]


def test_one_pod_that_changes_its_subset_is_noticed_at_once() -> None:
    of = world(DESTINATION_RULE)
    of.step(make("Service", metadata={"name": "web", "uid": "web"}, spec={"selector": {"app": "web"}}))
    of.step(named(DESTINATION_RULE, "dr", spec=subsets("web", "v1", "v2")))
    of.step(pod("a", app="web", version="v1"))
    assert told(of, "dr") == ("Pending", "SubsetWithoutPods", "spec.subsets[1].labels")
    of.step(pod("a", app="web", version="v2"))  # the same two ends, by another field
    assert told(of, "dr") == ("Pending", "SubsetWithoutPods", "spec.subsets[0].labels")
    of.step(pod("b", app="web", version="v1"))
    assert told(of, "dr")[:2] == ("Ready", "Ready")
