"""A golden file for every kind: a manifest as the API server sends it, the facts, what neighbours add.

`golden/<Kind>.json` holds `manifest`, `facts` (empty values left out), and for kinds that derive a status
`derived`: cases of neighbours (`out`, `into`, `unresolved`) and what they give. In a case `own` and
`ownDetails` are the status and the details before, by default those of the facts; statuses are `[level, reason, message, since]`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from astrolabe.graph.model.facts import Peer
from astrolabe.graph.model.links import Ref, RefByUid
from astrolabe.graph.state.edge_types import INNER_TYPES, OWNS
from astrolabe.graph.state.status import SEVERITIES, Status
from astrolabe.kinds.cron_job import Schedule
from astrolabe.kinds.deployment import Rollout
from astrolabe.kinds.endpoint_slice import SliceDetails
from astrolabe.kinds.endpoints import ServiceDetails
from astrolabe.kinds.job import JobRun
from astrolabe.kinds.kind import ANY_KIND, Kind
from astrolabe.kinds.pod import PodDetails
from astrolabe.kinds.storage_class import StorageClassDetails
from astrolabe.kinds.worst import Revised
from tests.kinds.support import Json, Other, derive, plain, read
from tests.support.kinds import KINDS, KINDS_BY_NAME

FOLDER = Path(__file__).parent / "golden"
RECORDINGS = Path(__file__).parent.parent / "recordings" / "shop"

#: What each kind shows of itself to the kinds that read it.
DETAILS: dict[str, type] = {
    "Pod": PodDetails,
    "CronJob": Schedule,
    "Deployment": Rollout,
    "Job": JobRun,
    "ReplicaSet": Rollout,
    "ReplicationController": Rollout,
    "StatefulSet": Revised,
    "DaemonSet": Revised,
    "EndpointSlice": SliceDetails,
    "Service": ServiceDetails,
    "StorageClass": StorageClassDetails,
}

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def load(kind: str) -> Json:
    golden: Json = msgspec.json.decode((FOLDER / f"{kind}.json").read_bytes())
    return golden


DERIVING = [kind for kind in KINDS if kind.derive is not None]


def cases() -> list[Any]:
    """The cases of all golden files that are there; that one is missing is found by `test_facts`."""
    return [
        pytest.param(kind.name, case, id=f"{kind.name}: {case['case']}")
        for kind in DERIVING
        if (FOLDER / f"{kind.name}.json").exists()
        for case in load(kind.name)["derived"]
    ]


def neighbours(listed: list[Json]) -> list[tuple[str, Peer]]:
    return [(each["edge"], neighbour(each)) for each in listed]


def neighbour(each: Json) -> Peer:
    details = each.get("details")
    if details is not None:
        details = msgspec.convert(details, DETAILS[each["kind"]])
    return Other(each["kind"], each["name"], Status(*each["status"]), details)


def missing(each: Json) -> Ref:
    return Ref(each["ref"], each["kind"], each["namespace"], each["name"], each["field"])


@every_kind
def test_facts(kind: Kind[Any]) -> None:
    golden = load(kind.name)
    assert "managedFields" in golden["manifest"]["metadata"], "as the API server sends it"
    assert plain(read(kind.name, golden["manifest"])) == golden["facts"]
    # What the entry says that it shows, and nothing else: neither may have what the other has not.
    shown = {key: value for key, value in golden["facts"]["metadata"].items() if key != "creationTimestamp"}
    assert msgspec.to_builtins(msgspec.convert(shown, kind.shows)) == shown


@pytest.mark.parametrize(("kind", "case"), cases())
def test_derived_status(kind: str, case: Json) -> None:
    facts = read(kind, load(kind)["manifest"])
    derived = derive(
        kind,
        Status(*case["own"]) if "own" in case else facts.status,
        details=msgspec.convert(case["ownDetails"], DETAILS[kind]) if "ownDetails" in case else facts.details,
        out=neighbours(case.get("out", [])),
        into=neighbours(case.get("into", [])),
        unresolved=[missing(each) for each in case.get("unresolved", [])],
    )
    expected = case["gives"]
    assert derived.status == Status(*expected["status"])
    assert derived.metadata == expected.get("metadata")
    added = derived.metadata or {}
    assert msgspec.to_builtins(msgspec.convert(added, KINDS_BY_NAME[kind].shows)) == added
    assert msgspec.json.decode(msgspec.json.encode(derived.details)) == expected.get("details")


@pytest.mark.parametrize("kind", DERIVING, ids=lambda kind: kind.name)
def test_every_derivation_has_golden_cases(kind: Kind[Any]) -> None:
    given = [case["gives"] for case in load(kind.name)["derived"]]
    assert any(each != given[0] for each in given), "neighbours make a difference in one case at least"


def with_everything(manifest: Json) -> Json:
    """A workload whose template names all that a pod may name, and that nothing owns."""
    spec = manifest.get("spec", {})
    job = spec.get("jobTemplate", {}).get("spec", spec)
    if "template" in job:
        job["template"]["spec"] = load("Pod")["manifest"]["spec"]
        manifest["metadata"].pop("ownerReferences", None)
    return manifest


@every_kind
def test_links_are_declared_by_the_entry(kind: Kind[Any]) -> None:
    golden = load(kind.name)
    # What excludes one another takes several.
    given = [read(kind.name, each) for each in (with_everything(golden["manifest"]), *golden.get("also", ()))]
    found = [link for facts in given for link in facts.links]
    links = [link for link in found if not (isinstance(link, RefByUid) and link.type == OWNS)]
    made = {(link.type, link.kind) for link in links if link.type not in INNER_TYPES}
    declared = set(kind.makes)
    assert {each if each in declared else (each[0], ANY_KIND) for each in made} == declared


def test_no_golden_file_without_a_kind() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(KINDS_BY_NAME)


def without(value: Any) -> Iterator[Any]:
    """The value again and again, each time with something missing, or null where Go sends null."""
    match value:
        case dict():
            for key, item in value.items():
                yield {name: other for name, other in value.items() if name != key}
                if isinstance(item, dict | list):
                    yield {**value, key: None}
                for variant in without(item):
                    yield {**value, key: variant}
        case list():
            yield []
            for index, item in enumerate(value):
                for variant in without(item):
                    yield [*value[:index], variant, *value[index + 1 :]]


@every_kind
def test_any_field_may_be_missing(kind: Kind[Any]) -> None:
    manifest = load(kind.name)["manifest"]
    meta = {key: value for key, value in manifest.pop("metadata").items() if key != "managedFields"}
    for parts in [*without(manifest), manifest]:
        assert read(kind.name, {**parts, "metadata": meta}).uid == meta["uid"]
    for variant in without(meta):
        assert read(kind.name, {**manifest, "metadata": variant}).status.severity in SEVERITIES


class Page(msgspec.Struct):
    items: list[msgspec.Raw]


def recorded(kind: Kind[Any]) -> Iterator[Any]:
    """Every manifest that was recorded of a kind, decoded as in production."""
    for stamped in (RECORDINGS / f"{kind.plural}.watch.jsonl").read_bytes().splitlines():
        event = kind.event_decoder.decode(stamped.split(b"\t", 1)[1])
        if event.type != "BOOKMARK":
            yield event.object
    for page in ("list", "final"):
        answer = (RECORDINGS / f"{kind.plural}.{page}.json").read_bytes()
        yield from map(kind.decoder.decode, msgspec.json.decode(answer, type=Page).items)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in KINDS if (RECORDINGS / f"{kind.plural}.watch.jsonl").exists()],
    ids=lambda kind: kind.name,
)
def test_recorded_objects(kind: Kind[Any]) -> None:
    """Not every kind was; of NetworkPolicies there is an empty list and a bookmark."""
    for manifest in recorded(kind):
        facts = kind.facts(manifest)
        assert facts.uid
        assert facts.name
        assert bool(facts.namespace) is kind.namespaced
        assert facts.status.severity in SEVERITIES
        assert facts.status.reason
        assert facts.metadata["creationTimestamp"]
        msgspec.json.encode(facts.metadata)
