"""What one object may hold, so that none of them holds the loop, nor the memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import thread_time
from typing import Any

import pytest

from astrolabe.engine.inbox import InvalidObject
from astrolabe.graph.model.faults import InvalidObjectError
from astrolabe.graph.model.model import Model
from astrolabe.kinds.common import LONGEST_MESSAGE, LONGEST_QUOTE, MOST_LINKS
from astrolabe.kinds.manifest import LONGEST_NAME, MOST_ITEMS, MOST_TERMS
from astrolabe.kube.events import Upserted, decode
from tests.support.kinds import KINDS, KINDS_BY_NAME

Json = dict[str, Any]


def manifest(spec: Json | None = None, *, status: Json | None = None, **meta: Any) -> Json:
    identity = {"name": "w", "namespace": "n", "uid": "u"}
    return {"metadata": {**identity, **meta}, "spec": spec or {}, "status": status or {}}


def line_of(manifest: Json) -> bytes:
    return json.dumps({"type": "ADDED", "object": manifest}).encode()


def env(count: int, *, containers: int = 1) -> Json:
    variables = [{"name": f"E{n}", "valueFrom": {"secretKeyRef": {"name": f"s{n}"}}} for n in range(count)]
    return manifest({"containers": [{"name": "c", "env": variables}] * containers})


def sidecars(count: int) -> Json:
    """A Pod with so many of them, which all run."""
    return manifest(
        {"initContainers": [{"name": f"c{n}", "restartPolicy": "Always"} for n in range(count)]},
        status={
            "initContainerStatuses": [
                {"name": f"c{n}", "ready": True, "started": True, "state": {"running": {}}}
                for n in range(count)
            ]
        },
    )


def endpoints(count: int) -> Json:
    targets = [{"targetRef": {"kind": "Pod", "uid": f"p{n}", "name": f"p{n}"}} for n in range(count)]
    return {**manifest(), "endpoints": targets}


def paths(count: int) -> Json:
    backends = [{"backend": {"service": {"name": f"s{number}"}}} for number in range(count)]
    return manifest({"rules": [{"http": {"paths": backends}}]})


def owned(count: int) -> Json:
    owners = [
        {"uid": f"o{n}", "kind": "Job", "name": f"o{n}", "apiVersion": "batch/v1"} for n in range(count)
    ]
    return manifest(ownerReferences=owners)


def labels(count: int) -> dict[str, str]:
    return {f"k{number}": "v" for number in range(count)}


def expressions(count: int) -> Json:
    terms = [{"key": f"k{number}", "operator": "NotIn", "values": ["v"]} for number in range(count)]
    return manifest({"podSelector": {"matchExpressions": terms}})


def templates(count: int) -> Json:
    return manifest({"volumeClaimTemplates": [{"metadata": {"name": f"t{n}"}} for n in range(count)]})


#: Kind, a manifest with so many of something, how many there may be, and where it stands.
BOUNDS: tuple[tuple[str, Callable[[int], Json], int, str], ...] = (
    ("Pod", env, MOST_ITEMS, "spec.containers[...].env"),
    ("Pod", sidecars, MOST_ITEMS, "spec.initContainers"),
    ("Pod", lambda n: manifest(labels=labels(n)), MOST_TERMS, "metadata.labels"),
    ("EndpointSlice", endpoints, MOST_ITEMS, "endpoints"),
    ("Ingress", paths, MOST_ITEMS, "spec.rules[...].http.paths"),
    ("StatefulSet", templates, MOST_TERMS, "spec.volumeClaimTemplates"),
    ("NetworkPolicy", expressions, MOST_TERMS, "spec.podSelector.matchExpressions"),
    (
        "PodDisruptionBudget",
        lambda n: manifest({"selector": {"matchLabels": labels(n)}}),
        MOST_TERMS,
        "spec.selector.matchLabels",
    ),
    ("Service", lambda n: manifest({"selector": labels(n)}), MOST_TERMS, "spec.selector"),
    ("ConfigMap", owned, MOST_ITEMS, "metadata.ownerReferences"),
)
bounds = pytest.mark.parametrize(
    ("kind", "make", "most", "where"), BOUNDS, ids=[f"{bound[0]} {bound[3]}" for bound in BOUNDS]
)


@bounds
def test_an_object_beyond_a_limit_is_left_out_with_the_limits_name(
    kind: str, make: Callable[[int], Json], most: int, where: str
) -> None:
    invalid = decode(KINDS_BY_NAME[kind], line_of(make(most + 1)))
    assert isinstance(invalid, InvalidObject)
    assert (invalid.uid, invalid.label) == ("u", "n/w")
    assert f"of length <= {most} - at `$.object" in invalid.why
    assert where.rpartition(".")[2] in invalid.why


@bounds
def test_an_object_at_the_limits_is_processed_in_short_steps(
    kind: str, make: Callable[[int], Json], most: int, where: str
) -> None:
    """Between two steps the loop has its turn. Of CPU time the best of three: others use this machine, too."""
    entry, line = KINDS_BY_NAME[kind], line_of(make(most - 1))
    steps = [float("inf")] * 4
    for _ in range(3):
        model = Model([each.rules for each in KINDS])
        for each in KINDS:
            model.set_synced(each.name, "", True)
        model.commit()
        at = [thread_time()]
        event = decode(entry, line)
        assert isinstance(event, Upserted)
        facts = entry.facts(event.manifest)
        at.append(thread_time())
        model.upsert(facts)
        at.append(thread_time())
        assert len(model.commit().nodes_set) == 1
        at.append(thread_time())
        model.remove(facts.uid)
        at.append(thread_time())
        steps = [min(best, now - before) for best, before, now in zip(steps, at, at[1:], strict=False)]
    assert max(steps) < 0.05, steps


def test_references_are_counted_over_all_lists_of_an_object() -> None:
    pod = KINDS_BY_NAME["Pod"]
    event = decode(pod, line_of(env(MOST_LINKS // 2, containers=4)))
    assert isinstance(event, Upserted)
    with pytest.raises(InvalidObjectError, match=r"^has more than 5000 references to other objects$"):
        pod.facts(event.manifest)
    event = decode(pod, line_of(env(MOST_LINKS // 2 - 1, containers=2)))
    assert isinstance(event, Upserted)
    assert len(pod.facts(event.manifest).links) == MOST_LINKS - 1, "and its ServiceAccount"


@pytest.mark.parametrize("place", ["name", "namespace", "uid", "container", "volume", "release"])
def test_names_that_occur_in_many_texts_are_limited_in_length(place: str) -> None:
    long = "x" * (LONGEST_NAME + 1)
    made = {
        "container": manifest({"containers": [{"name": long}]}),
        "volume": manifest({"volumes": [{"name": long}]}),
        "release": manifest(annotations={"meta.helm.sh/release-name": long}),
    }.get(place) or manifest(**{place: long})
    invalid = decode(KINDS_BY_NAME["Pod"], line_of(made))
    assert isinstance(invalid, InvalidObject)
    assert "Expected `str` of length <= 253" in invalid.why
    assert len(invalid.label) <= 2 * LONGEST_NAME + 1


def test_long_messages_are_truncated_and_quotes_more_so() -> None:
    waiting = {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "m" * 1_000_000}}}
    pod = KINDS_BY_NAME["Pod"]
    owner = {"uid": "r", "kind": "ReplicaSet", "name": "r", "apiVersion": "apps/v1"}
    made = manifest(status={"phase": "Pending", "containerStatuses": [waiting]}, ownerReferences=[owner])
    facts = pod.facts(pod.decoder.decode(json.dumps(made)))
    assert facts.status.message == "m" * (LONGEST_MESSAGE - 1) + "…"
    replicaset = KINDS_BY_NAME["ReplicaSet"]
    model = Model([each.rules for each in KINDS])
    model.upsert(facts)
    model.upsert(replicaset.facts(replicaset.decoder.decode(json.dumps(manifest(uid="r", name="r")))))
    nodes = {node.kind: node.document() for node in model.commit().nodes_set}
    message = nodes["ReplicaSet"]["message"]
    assert message == "pod w: ImagePullBackOff: " + "m" * (LONGEST_QUOTE - 1) + "…"


@pytest.mark.parametrize("uid", ['a"b', "a\\b", "a\nb", "ü", "\x00"])
def test_a_uid_that_needs_escaping_in_json_is_refused(uid: str) -> None:
    pod = KINDS_BY_NAME["Pod"]
    facts = pod.facts(pod.decoder.decode(json.dumps(manifest(uid=uid))))
    model = Model([each.rules for each in KINDS])
    with pytest.raises(InvalidObjectError, match=r"^has a metadata\.uid that is not a uid$"):
        model.upsert(facts)
    assert len(model) == 0
