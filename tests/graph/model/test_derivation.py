"""Statuses that rest on there being no neighbour; see `test_model` for all else."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest

from astrolabe.graph.model import commit
from astrolabe.graph.model.facts import Derived, Facts, Neighborhood, Peer, Read, Rules
from astrolabe.graph.model.faults import InvalidObjectError
from astrolabe.graph.model.links import Link, Ref, RefByUid, Select
from astrolabe.graph.model.model import Model
from astrolabe.graph.model.record import Record
from astrolabe.graph.model.rendering import render
from astrolabe.graph.selector import Selector, equality
from astrolabe.graph.state.edge_types import OWNS, SELECTS, USES, USES_SECRET, WOULD_SELECT
from astrolabe.graph.state.node import parse_node
from astrolabe.graph.state.status import READY, UNKNOWN, Status


def _count(_: Peer, neighborhood: Neighborhood) -> Derived:
    count = len(list(neighborhood.outgoing(SELECTS, "Pod")))
    if count:
        return Derived(Status(READY, "Some"))
    return Derived(Status(READY, "None") if neighborhood.is_complete("Pod") else Status(UNKNOWN, "Unknown"))


RULES = (
    Rules(kind="Pod", api_version="v1"),
    Rules(kind="Service", api_version="v1", derive=_count, reads=(Read("outgoing", SELECTS, "Pod"),)),
)


def a(kind: str, namespace: str, *links: Link) -> Facts:
    return Facts(
        kind=kind,
        uid=f"{kind} {namespace}",
        name="x",
        namespace=namespace,
        labels={},
        status=Status(READY, "Own"),
        metadata={"creationTimestamp": "2026-01-01T00:00:00Z"},
        links=links,
        selectable={},
    )


def service(namespace: str) -> Facts:
    return a("Service", namespace, Select(SELECTS, "Pod", namespace, Selector(), "spec.selector"))


def reasons(model: Model) -> dict[str, str]:
    """namespace → reason, of the services that the commit changes."""
    nodes = model.commit().nodes_set
    return {node.namespace: node.document()["reason"] for node in nodes if node.kind == "Service"}


def test_absence_is_a_fact_only_if_the_kind_is_known() -> None:
    model = Model(RULES)
    model.upsert(service("a"))
    model.upsert(service("b"))
    assert reasons(model) == {"a": "Unknown", "b": "Unknown"}
    model.set_synced("Pod", "a", True)
    assert reasons(model) == {"a": "None"}
    model.set_synced("Pod", "", True)
    assert reasons(model) == {"b": "None"}
    model.set_synced("Pod", "a", False)
    assert reasons(model) == {}
    model.set_synced("Pod", "", False)
    assert reasons(model) == {"a": "Unknown", "b": "Unknown"}


def test_an_object_with_a_selected_neighbour_ignores_unknown_kinds() -> None:
    model = Model(RULES)
    model.upsert(service("a"))
    model.upsert(a("Pod", "a"))
    assert reasons(model) == {"a": "Some"}
    model.set_synced("Pod", "", True)
    assert reasons(model) == {}
    model.remove("Pod a")
    assert reasons(model) == {"a": "None"}
    model.remove("Service a")
    model.set_synced("Pod", "", False)
    assert reasons(model) == {}


def _tell_pods(own: Peer, neighborhood: Neighborhood, *, by_manifest: bool) -> Derived:
    pods = neighborhood.outgoing(SELECTS, "Pod", own=by_manifest)
    return Derived(Status(READY, ", ".join([pod.status.reason for pod in pods]) or "None"))


@pytest.mark.parametrize("by_manifest", [True, False])
def test_a_neighbour_replaced_within_one_commit_is_read_again(by_manifest: bool) -> None:
    model = Model(
        (
            Rules(kind="Pod", api_version="v1"),
            Rules(
                kind="Service",
                api_version="v1",
                derive=partial(_tell_pods, by_manifest=by_manifest),
                reads=(Read("outgoing", SELECTS, "Pod", own=by_manifest),),
            ),
        )
    )
    web = {"app": "web"}
    model.upsert(a("Service", "a", Select(SELECTS, "Pod", "a", equality(web), "spec.selector")))
    pod = a("Pod", "a")
    model.upsert(msgspec.structs.replace(pod, selectable=web))
    assert reasons(model) == {"a": "Own"}
    model.upsert(msgspec.structs.replace(pod, selectable={}))
    model.upsert(msgspec.structs.replace(pod, selectable=web, status=Status(READY, "Changed")))
    changes = model.commit()
    assert {node.uid: node.document()["reason"] for node in changes.nodes_set} == {
        "Pod a": "Changed",
        "Service a": "Changed",
    }
    assert changes.edges_set == changes.edges_removed == []


def _divide(_: Peer, neighborhood: Neighborhood) -> Derived:
    pods = list(neighborhood.outgoing(SELECTS, "Pod"))
    return Derived(Status(READY, f"{1 // (len(pods) - 1)}"), {"pods": [pod.name for pod in pods]})


DIVIDING = (
    Rules(kind="Pod", api_version="v1"),
    Rules(kind="Service", api_version="v1", derive=_divide, reads=(Read("outgoing", SELECTS, "Pod"),)),
    Rules(
        kind="Ingress",
        api_version="v1",
        derive=lambda _, neighborhood: Derived(
            Status(READY, ",".join(each.status.reason for each in neighborhood.outgoing(SELECTS, "Service")))
        ),
        reads=(Read("outgoing", SELECTS, "Service"),),
    ),
)


def test_a_rule_that_raises_affects_one_status() -> None:
    model = Model(DIVIDING)
    model.upsert(a("Ingress", "a", Select(SELECTS, "Service", "a", Selector(), "spec.rules")))
    for namespace in ("a", "b"):
        model.upsert(service(namespace))
    model.upsert(a("Pod", "a"))  # one pod: a division by zero
    nodes = {(node.kind, node.namespace): node.document() for node in model.commit().nodes_set}
    assert nodes["Service", "b"]["reason"] == "-1"
    failed = nodes["Service", "a"]
    assert (failed["status"], failed["reason"]) == (READY, "RuleFailed")
    assert failed["message"] == (
        "the rule that derives the status of a Service failed (ZeroDivisionError); by itself it is Own"
    )
    assert nodes["Ingress", "a"]["reason"] == "RuleFailed"
    (fault,) = model.take_faults()
    assert (fault.kind, fault.namespace, fault.name) == ("Service", "a", "x")
    assert fault.why.startswith("ZeroDivisionError in _divide, line ")
    assert model.take_faults() == []
    assert model.failing == [fault]
    model.remove("Pod a")
    assert reasons(model) == {"a": "-1"}
    assert model.take_faults() == []
    assert model.failing == []


def test_an_oversized_derived_text_affects_one_status() -> None:
    """No node is longer than other replicas take, whatever is around it."""

    def derive(_: Peer, __: Neighborhood) -> Derived:
        return Derived(Status(READY, "Fine"), {"targetPods": ["p" * 250] * 10_000})

    model = Model([Rules(kind="Pod", api_version="v1", derive=derive)])
    model.upsert(a("Pod", "a", Ref(SELECTS, "Pod", "a", "absent", "spec.x")))
    model.set_synced("Pod", "", True)
    (node,) = model.commit().nodes_set
    assert (node.status, node.unresolved) == (UNKNOWN, False)
    assert node.document()["message"] == "what its neighbours say about it is longer than 2 MiB"
    assert parse_node(node.text) == node
    (fault,) = model.take_faults()
    assert (fault.name, fault.why) == ("x", "what its neighbours say about it is longer than 2 MiB")


def test_an_object_with_an_oversized_text_is_refused() -> None:
    model = Model([Rules(kind="Pod", api_version="v1")])
    long = msgspec.structs.replace(a("Pod", "a"), metadata={"creationTimestamp": "", "x": "😀" * 200_000})
    with pytest.raises(InvalidObjectError, match=r"^would make a node of more than 2 MiB$"):
        model.upsert(long)
    assert len(model) == 0


def test_a_derived_value_that_is_not_json_affects_one_status() -> None:
    def derive(_: Peer, __: Neighborhood) -> Derived:
        return Derived(Status(READY, "Fine"), {"odd": object()})

    model = Model(
        [Rules(kind="Pod", api_version="v1", derive=derive), Rules(kind="Service", api_version="v1")]
    )
    model.upsert(a("Pod", "a"))
    model.upsert(service("a"))
    nodes = {node.kind: node.document() for node in model.commit().nodes_set}
    assert (nodes["Pod"]["status"], nodes["Pod"]["reason"]) == (UNKNOWN, "RuleFailed")
    assert nodes["Service"]["reason"] == "Own"
    (fault,) = model.take_faults()
    assert (fault.kind, fault.name) == ("Pod", "x")


def _echo(own: Peer, neighborhood: Neighborhood) -> Derived:
    """A thing is as worried as those below it, and these say what the thing alone says."""
    above = [peer.status.reason for peer in neighborhood.incoming(OWNS, "Thing", own=True)]
    return Derived(Status(READY, "+".join([own.status.reason, *above])))


def _listen(own: Peer, neighborhood: Neighborhood) -> Derived:
    below = [peer.status.reason for peer in neighborhood.outgoing(OWNS, "Part")]
    return Derived(Status(READY, f"{own.status.reason}({','.join(sorted(below))})"))


CIRCLE = (
    Rules(kind="Thing", api_version="v1", derive=_listen, reads=(Read("outgoing", OWNS, "Part"),)),
    Rules(kind="Part", api_version="v1", derive=_echo, reads=(Read("incoming", OWNS, "Thing", own=True),)),
)


def test_a_neighbour_may_read_its_readers_own_status() -> None:
    model = Model(CIRCLE)
    part = a("Part", "a", RefByUid(OWNS, "Thing a", "Thing", "a", "x", "f", reverse=True))
    model.upsert(part)
    model.upsert(a("Thing", "a"))
    told = {node.kind: node.document()["reason"] for node in model.commit().nodes_set}
    assert told == {"Part": "Own+Own", "Thing": "Own(Own+Own)"}
    model.upsert(msgspec.structs.replace(a("Thing", "a"), status=Status(READY, "New")))
    told = {node.kind: node.document()["reason"] for node in model.commit().nodes_set}
    assert told == {"Part": "Own+New", "Thing": "New(Own+New)"}
    model.remove("Thing a")
    told = {node.kind: node.document()["reason"] for node in model.commit().nodes_set}
    assert told == {"Part": "Own"}


def test_a_node_shows_its_own_status_where_the_derived_one_differs() -> None:
    model = Model(RULES)
    model.upsert(service("a"))
    (node,) = model.commit().nodes_set
    assert node.text.startswith(
        '{"status":"Unknown","reason":"Unknown","message":"",'
        '"own":{"status":"Ready","reason":"Own","message":""},"metadata":{'
    )
    model.upsert(msgspec.structs.replace(service("a"), status=Status(READY, "Own", since="T1")))
    (node,) = model.commit().nodes_set
    assert node.document()["own"] == {"status": "Ready", "reason": "Own", "message": "", "since": "T1"}
    assert "since" not in node.document()
    model.upsert(msgspec.structs.replace(service("a"), status=Status(UNKNOWN, "Unknown", since="T1")))
    (node,) = model.commit().nodes_set
    assert ("own" in node.document(), node.document()["since"]) == (False, "T1")


def _add_pods(own: Peer, neighborhood: Neighborhood) -> Derived:
    """Derived, a Service says what its Pods say by themselves."""
    pods = [pod.status.reason for pod in neighborhood.outgoing(SELECTS, "Pod", own=True)]
    return Derived(Status(READY, ",".join([own.status.reason, *pods])))


def _add_services(own: Peer, neighborhood: Neighborhood) -> Derived:
    services = [service.status.reason for service in neighborhood.incoming(SELECTS, "Service")]
    return Derived(Status(READY, ",".join([own.status.reason, *services])))


def test_two_kinds_read_each_other_where_one_reads_manifests_only() -> None:
    pods = (Read("outgoing", SELECTS, "Pod", own=True),)
    services = (Read("incoming", SELECTS, "Service"),)
    model = Model(
        (
            Rules(kind="Pod", api_version="v1", derive=_add_services, reads=services),
            Rules(kind="Service", api_version="v1", derive=_add_pods, reads=pods),
        )
    )

    def told() -> dict[str, str]:
        return {node.kind: node.document()["reason"] for node in model.commit().nodes_set}

    model.upsert(service("a"))
    model.upsert(a("Pod", "a"))
    assert told() == {"Service": "Own,Own", "Pod": "Own,Own,Own"}
    model.upsert(msgspec.structs.replace(a("Pod", "a"), status=Status(READY, "New")))
    assert told() == {"Service": "Own,New", "Pod": "New,Own,New"}
    model.upsert(msgspec.structs.replace(service("a"), status=Status(READY, "Newer")))
    assert told() == {"Service": "Newer,New", "Pod": "New,Newer,New"}
    model.remove("Service a")
    assert told() == {"Pod": "New"}


def _tell_origins(_: Peer, neighborhood: Neighborhood) -> Derived:
    origins = [neighborhood.origin(pod) for pod in neighborhood.outgoing(SELECTS, "Pod")]
    return Derived(Status(READY, ",".join([o.status.reason if o else "nobody" for o in origins]) or "none"))


def owned(kind: str, by: str) -> Facts:
    return a(kind, "a", RefByUid(OWNS, f"{by} a", by, "a", "x", "metadata.ownerReferences", reverse=True))


def test_the_origin_of_a_neighbour_is_followed_while_it_is_read() -> None:
    reads = (Read("outgoing", SELECTS, "Pod"),)
    kinds = [Rules(kind=kind, api_version="v1") for kind in ("Pod", "ReplicaSet", "Deployment")]
    model = Model([*kinds, Rules(kind="Service", api_version="v1", derive=_tell_origins, reads=reads)])
    model.upsert(service("a"))
    model.upsert(owned("Pod", "ReplicaSet"))
    assert reasons(model) == {"a": "nobody"}
    model.upsert(owned("ReplicaSet", "Deployment"))
    assert reasons(model) == {"a": "Own"}
    model.upsert(msgspec.structs.replace(a("Deployment", "a"), status=Status(READY, "Late")))
    assert reasons(model) == {"a": "Late"}
    model.upsert(msgspec.structs.replace(a("Deployment", "a"), status=Status(READY, "Later")))
    assert reasons(model) == {"a": "Later"}
    model.remove("Deployment a")
    assert reasons(model) == {"a": "Own"}
    model.remove("ReplicaSet a")
    assert reasons(model) == {"a": "nobody"}
    model.remove("Pod a")
    assert reasons(model) == {"a": "none"}


def _tell_fields(_: Peer, neighborhood: Neighborhood) -> Derived:
    (service,) = neighborhood.outgoing(USES, "Service")
    fields = neighborhood.fields_behind(WOULD_SELECT, service)
    return Derived(Status(READY, "none" if fields is None else ",".join(sorted(fields)) or "nothing"))


def test_selections_of_a_neighbour_are_followed_while_they_are_read() -> None:
    reads = (Read("outgoing", WOULD_SELECT, "Pod", own=True), Read("outgoing", USES, "Service"))
    kinds = [Rules(kind=kind, api_version="v1") for kind in ("Pod", "Service")]
    model = Model([*kinds, Rules(kind="Rule", api_version="v1", derive=_tell_fields, reads=reads)])

    def pod(**labels: str) -> None:
        model.upsert(msgspec.structs.replace(a("Pod", "a"), selectable=labels))

    wanted = Select(WOULD_SELECT, "Pod", "a", equality({"version": "v1"}), "first")
    other = Select(WOULD_SELECT, "Pod", "a", equality({"version": "v2"}), "second")
    model.upsert(a("Service", "a", Select(SELECTS, "Pod", "a", equality({"app": "web"}), "spec.selector")))
    model.upsert(a("Rule", "a", Ref(USES, "Service", "a", "x", "host"), wanted, other))

    def told() -> list[str]:
        return [node.document()["reason"] for node in model.commit().nodes_set if node.kind == "Rule"]

    assert told() == ["none"]
    for labels, said in (
        ({"app": "web"}, "nothing"),
        ({"app": "web", "version": "v1"}, "first"),
        ({"app": "web", "version": "v2"}, "second"),
        ({"version": "v2"}, "none"),
    ):
        pod(**labels)
        assert told() == [said]
    model.remove("Pod a")
    assert told() == []


def test_a_final_status_is_not_derived() -> None:
    asked: list[str] = []

    def derive(itself: Peer, _: Neighborhood) -> Derived:
        asked.append(itself.status.reason)
        if itself.details == "broken":
            raise ValueError
        return Derived(itself.status if itself.details == "stands" else Status(READY, "Derived"))

    rules = Rules(kind="Pod", api_version="v1", derive=derive, stands=lambda details, _: details == "stands")
    model = Model([rules])

    def tell(details: str, reason: str) -> list[str]:
        status = Status(READY, reason)
        model.upsert(msgspec.structs.replace(a("Pod", "a"), details=details, status=status))
        return [node.document()["reason"] for node in model.commit().nodes_set]

    assert tell("stands", "First") == ["First"]
    assert tell("stands", "Second") == ["Second"]
    assert asked == []
    assert tell("waits", "Third") == ["Derived"]
    assert tell("stands", "Fourth") == ["Fourth"]
    assert asked == ["Third"]
    assert tell("broken", "Fifth") == ["RuleFailed"]
    assert len(model.failing) == 1
    assert tell("stands", "Sixth") == ["Sixth"]
    assert model.failing == []


def test_a_final_status_is_derived_while_references_are_unresolved() -> None:
    def derive(itself: Peer, neighborhood: Neighborhood) -> Derived:
        return Derived(Status(READY, "Waits") if neighborhood.unresolved else itself.status)

    pod_rules = Rules(
        kind="Pod", api_version="v1", derive=derive, stands=lambda _, unresolved: not unresolved
    )
    model = Model([pod_rules, Rules(kind="Secret", api_version="v1"), RULES[1]])
    model.set_synced("Secret", "", True)

    def reason() -> str:
        nodes = model.commit().nodes_set
        return next(node.document()["reason"] for node in nodes if node.kind == "Pod")

    model.upsert(a("Pod", "a", Ref(USES_SECRET, "Secret", "a", "x", "spec.volumes[x].secret")))
    assert reason() == "Waits"
    model.upsert(a("Secret", "a"))
    assert reason() == "Own"
    model.remove("Secret a")
    assert reason() == "Waits"
    model.set_synced("Secret", "", False)
    assert reason() == "Own"


def test_a_change_that_only_neighbours_read_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def export(itself: Peer, neighborhood: Neighborhood) -> Derived:
        pods = neighborhood.outgoing(SELECTS, "Pod")
        return Derived(itself.status, details=[pod.status.reason for pod in pods])

    encoded: list[str] = []

    def spy(record: Record, *rest: Any) -> bool:
        encoded.append(record.kind)
        return render(record, *rest)

    monkeypatch.setattr(commit, "render", spy)
    service_rules = Rules(
        kind="Service", api_version="v1", derive=export, reads=(Read("outgoing", SELECTS, "Pod"),)
    )
    model = Model([RULES[0], service_rules])
    model.upsert(service("a"))
    model.upsert(a("Pod", "a"))
    model.commit()
    encoded.clear()
    model.upsert(msgspec.structs.replace(a("Pod", "a"), status=Status(READY, "Other")))
    model.commit()
    assert encoded == ["Pod"]
