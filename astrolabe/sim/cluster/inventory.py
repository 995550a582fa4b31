"""Objects outside components: nodes, classes, namespaces, policies, unbound claims, Helm's Secrets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, cycle, islice
from typing import Any

from astrolabe.sim.cluster import config, network, nodes, storage
from astrolabe.sim.cluster.components import TLS
from astrolabe.sim.cluster.factory import DAY, HOUR, MINUTE, ObjectFactory
from astrolabe.sim.cluster.meta import AppIdentity, HelmRelease
from astrolabe.sim.cluster.plan import ClusterPlan
from astrolabe.sim.cluster.template import PULL_SECRET

Json = dict[str, Any]

_ZONES = ("eu-north-1a", "eu-north-1b", "eu-north-1c")

#: One in this many nodes is unreachable, but at least one.
_UNREACHABLE_NODES = 125

#: One in this many claims was deleted, but its volume was kept.
_RELEASED = 40


def all_nodes(factory: ObjectFactory, number: int) -> list[Json]:
    """The nodes: the first ones unreachable, the next one cordoned, the others healthy."""
    unreachable = max(1, number // _UNREACHABLE_NODES)
    made = []
    for index in range(number):
        created = factory.ago(factory.age(30 * DAY, 200 * DAY))
        address = f"10.0.{index // 250}.{index % 250 + 1}"
        zone = _ZONES[index % len(_ZONES)]
        node = nodes.node(
            factory, f"node-{index}", zone=zone, address=address, created=created, beat=factory.ago(20)
        )
        if index < unreachable:
            node = nodes.unreachable(node, factory.ago(20 * MINUTE))
        elif index == unreachable:
            node = nodes.cordoned(node, factory.ago(90 * MINUTE))
        made.append(node)
    return made


def classes(factory: ObjectFactory) -> Iterator[Json]:
    """StorageClasses and IngressClasses, one of each the default."""
    created = factory.ago(200 * DAY)
    late, soon = "WaitForFirstConsumer", "Immediate"
    yield storage.storage_class(factory, "standard", default=True, binding=late, created=created)
    yield storage.storage_class(factory, "fast", default=False, binding=soon, created=created)
    yield storage.storage_class(factory, "archive", default=False, binding=soon, created=created)
    yield network.ingress_class(factory, "nginx", default=True, created=created)
    yield network.ingress_class(factory, "internal", default=False, created=created)


def namespaces(factory: ObjectFactory, plan: ClusterPlan) -> Iterator[Json]:
    """Each namespace with its standard objects: account, root CA, registry and TLS credentials."""
    for name, team in plan.namespaces:
        created = factory.ago(factory.age(20 * DAY, 190 * DAY))
        yield config.namespace_object(factory, name, team=team, created=created)
        yield config.default_account(factory, name, created=created)
        yield config.root_authority(factory, name, created=created)
        app = AppIdentity("platform", name)
        for secret, type, keys in (
            (PULL_SECRET, "kubernetes.io/dockerconfigjson", (".dockerconfigjson",)),
            (TLS, "kubernetes.io/tls", ("tls.crt", "tls.key")),
        ):
            yield config.secret(factory, app, secret, created=created, type=type, keys=keys)


def policies(factory: ObjectFactory, plan: ClusterPlan) -> Iterator[Json]:
    """NetworkPolicies: three in each namespace, then one each for some components."""
    near: Json = {"podSelector": {}}
    front = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    general = [
        (name, space, source)
        for name, source in (("default-deny", {}), ("allow-same-namespace", near), ("allow-ingress", front))
        for space, _ in plan.namespaces
    ]
    created = factory.ago(100 * DAY)
    for name, space, source in general[: plan.policies]:
        yield network.network_policy(factory, space, name, selector={}, source=source, created=created)
    for component in plan.components[: max(0, plan.policies - len(general))]:
        app = component.app
        yield network.network_policy(
            factory, app.namespace, app.name, selector=app.selector, source=near, created=created
        )


def unbound_claims(factory: ObjectFactory, plan: ClusterPlan) -> Iterator[Json]:
    """Claims that wait for a volume, and volumes whose claim was deleted."""
    spaces = cycle(space for space, _ in plan.namespaces)
    shapes = cycle(("nvme", "standard"))  # a class that does not exist, a class that binds late
    for number, space, shape in islice(zip(count(), spaces, shapes, strict=False), plan.pending_claims):
        yield storage.claim(
            factory,
            f"import-{number}",
            namespace=space,
            labels={"app": "import"},
            spec=storage.claim_spec(shape, "100Gi"),
            created=factory.ago(factory.age(HOUR, 5 * DAY)),
            bound=False,
        )
    for number in range(max(1, plan.counts["PersistentVolumeClaim"] // _RELEASED)):
        gone = storage.claim(
            factory,
            f"given-up-{number}",
            namespace=plan.namespaces[0][0],
            labels={},
            spec=storage.claim_spec("archive", "50Gi"),
            created=factory.ago(60 * DAY),
        )
        yield storage.volume(factory, gone, zone=_ZONES[0], phase="Released")


def releases(factory: ObjectFactory, plan: ClusterPlan) -> Iterator[Json]:
    """Helm's Secrets: the newest revision is deployed (a few failed), earlier ones are superseded."""
    for release, number in plan.revisions:
        first = factory.rng.randint(1, 30)
        newest = "failed" if factory.rng.random() < 0.02 else "deployed"
        yield from _revisions(factory, release, first=first, number=number, newest=newest)


def _revisions(
    factory: ObjectFactory, release: HelmRelease, *, first: int, number: int, newest: str
) -> Iterator[Json]:
    age = factory.age(HOUR, 30 * DAY)
    for index in range(number):
        left = number - index - 1
        yield config.release_secret(
            factory,
            release,
            revision=first + index,
            status="superseded" if left else newest,
            created=factory.ago(age + left * 2 * DAY),
        )
