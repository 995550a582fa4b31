"""Seeded changes of a small world that affect everything a filter can depend on."""

from __future__ import annotations

from random import Random

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.links import Link, Ref, RefByUid
from astrolabe.graph.state.edge_types import BINDS, MOUNTS, OWNS, USES_CONFIGMAP
from astrolabe.graph.state.status import SEVERITIES, Status
from astrolabe.graph.views.filter import Filter, FilterRules, parse_query
from tests.support.worlds import KINDS, World, facts

NAMESPACES = ("a", "b")
RELEASES = ("", "", "r", "s")
NUMBERS = 5

#: Filters of every form, some of which depend on neighbours; "" is the whole graph.
QUERIES: tuple[dict[str, list[str]], ...] = (
    {},
    {"namespace": ["a"]},
    {"release": ["r"]},
    {"release": ["r"], "namespace": ["b"]},
    {"kind": ["Pod,PersistentVolume"]},
    {"status": ["Error", "Pending"]},
    {"selector": ["app in (one,two),!old"]},
    {"q": ["POD-1"]},
    {"namespace": ["b"], "status": ["Ready"], "kind": ["Pod", "ConfigMap", "Namespace"]},
)


def filters() -> list[Filter]:
    return [parse_query(query, FilterRules.of(KINDS)) for query in QUERIES]


def change(world: World, random: Random) -> None:
    """Set or remove a few resources, in one batch."""
    for _ in range(random.randint(1, 4)):
        some = _facts(random)
        if random.random() < 0.35:
            world.model.remove(some.uid)
        else:
            world.model.upsert(some)
    world.commit()


def _facts(random: Random) -> Facts:
    kind = random.choice(
        ("Pod", "Pod", "ConfigMap", "PersistentVolumeClaim", "PersistentVolume", "Namespace")
    )
    number, namespace = random.randrange(NUMBERS), random.choice(NAMESPACES)
    name = random.choice(NAMESPACES) if kind == "Namespace" else f"{kind}-{number}".lower()
    labels = {key: random.choice(("one", "two", "three")) for key in ("app", "old") if random.random() < 0.5}
    return facts(
        kind,
        name,
        namespace=namespace,
        uid=f"{kind}-{namespace}-{name}".lower(),
        status=Status(random.choice(SEVERITIES), "Because", f"since step {random.randrange(3)}"),
        labels=labels,
        links=_links(kind, namespace, random),
        release=random.choice(RELEASES),
        chart=random.choice(("", "chart-1")),
    )


def _links(kind: str, namespace: str, random: Random) -> tuple[Link, ...]:
    other = random.randrange(NUMBERS)
    if kind == "PersistentVolumeClaim":
        return (Ref(BINDS, "PersistentVolume", "", f"persistentvolume-{other}", "spec.volumeName"),)
    if kind != "Pod":
        return ()
    owner = f"pod-{namespace}-pod-{other}"
    links: tuple[Link, ...] = (
        Ref(MOUNTS, "PersistentVolumeClaim", namespace, f"persistentvolumeclaim-{other}", "spec.volumes[0]"),
        Ref(USES_CONFIGMAP, "ConfigMap", namespace, f"configmap-{other}", "spec.volumes[1]"),
        RefByUid(OWNS, owner, "Pod", namespace, f"pod-{other}", "metadata.ownerReferences[0].uid", True),
    )
    return tuple(link for link in links if random.random() < 0.6)
