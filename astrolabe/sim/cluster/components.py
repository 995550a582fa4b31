"""One component as manifests: Deployment, ReplicaSets, Pods, and what it needs and offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from astrolabe.sim.cluster import config, network, scaling, storage, workloads
from astrolabe.sim.cluster.ailments import AILMENTS, Ailment, Case
from astrolabe.sim.cluster.mint import DAY, HOUR, MINUTE, Mint
from astrolabe.sim.cluster.plan import Component
from astrolabe.sim.cluster.pods import placed, replica_pod
from astrolabe.sim.cluster.podstatus import Moment, is_ready, running
from astrolabe.sim.cluster.site import Site
from astrolabe.sim.cluster.template import PULL_SECRET, REGISTRY, Wants, pod_spec
from astrolabe.sim.cluster.workloads import Counts, with_status

Json = dict[str, Any]

PORT = 8080
TLS = "wildcard-tls"

#: Ages in seconds of the newest rollout of a component.
_ROLLOUT = (30 * MINUTE, 20 * DAY)


def component(site: Site, plan: Component) -> Iterator[Json]:
    """Everything of one component, owners before what they own."""
    created = site.mint.ago(site.mint.age(25 * DAY, 180 * DAY))
    yield from _needs(site.mint, plan, created=created)
    yield from _claim(site, plan, created=created)
    workload = list(_workload(site, plan, created=created))
    yield from workload
    pods = [manifest for manifest in workload if manifest["kind"] == "Pod"]
    yield from _services(site, plan, pods, created=created)
    yield from _scaling(site.mint, plan, pods, created=created)


def _needs(mint: Mint, plan: Component, *, created: str) -> Iterator[Json]:
    part = plan.part
    if plan.account:
        yield config.service_account(mint, part, part.name, created=created, pull_secret=PULL_SECRET)
    if plan.config:
        yield config.config_map(mint, part, f"{part.name}-config", created=created)
    if plan.secret:
        keys = ("password", "username", "dsn")
        yield config.secret(mint, part, f"{part.name}-credentials", created=created, keys=keys)


def _claim(site: Site, plan: Component, *, created: str) -> Iterator[Json]:
    if plan.claim:
        spec = storage.claim_spec("fast", "20Gi")
        part = plan.part
        claim = storage.claim(
            site.mint,
            f"{part.name}-data",
            namespace=part.namespace,
            labels=part.labels,
            spec=spec,
            created=created,
        )
        yield claim
        yield storage.volume(site.mint, claim, zone=next(iter(site.zones.values())))


def wants_of(mint: Mint, plan: Component) -> Wants:
    """What the pods of a component ask for, and in vain if it ails."""
    rng, name = mint.rng, plan.part.name
    asked = dict(AILMENTS[plan.trouble].wants) if plan.trouble else {}
    tag = asked.pop("tag", f"{rng.randint(1, 4)}.{rng.randint(0, 30)}.{rng.randint(0, 9)}")
    wants = Wants(
        name=name,
        image=f"{REGISTRY}/{plan.part.namespace.partition('-pr-')[0]}/{name}:{tag}",
        port=PORT,
        config=f"{name}-config" if plan.config else "",
        secret=f"{name}-credentials" if plan.secret else "",
        optional=f"{name}-features" if rng.random() < 0.1 else "",
        account=name if plan.account else "",
        pull_secret=PULL_SECRET,
        claim=f"{name}-data" if plan.claim else "",
        sidecar="envoy" if rng.random() < 0.2 else "",
        waits_for="database" if rng.random() < 0.2 else "",
    )
    in_vain: dict[str, Any] = {key: value.format(name) for key, value in asked.items()}
    return replace(wants, **in_vain)


def _workload(site: Site, plan: Component, *, created: str) -> Iterator[Json]:
    mint = site.mint
    age = mint.age(*_ROLLOUT)
    template = pod_spec(wants_of(mint, plan))
    # a history of exactly what there is, so that churn, which keeps to it, keeps the cluster's size
    made = workloads.deployment(
        mint, plan.part, template, replicas=plan.replicas, created=created, history=plan.old
    )
    old = [_old_set(mint, made, revision=number + 1, age=age) for number in range(plan.old)]
    newest = workloads.replica_set(
        mint,
        made,
        template=made["spec"]["template"],
        revision=plan.old + 1,
        replicas=plan.replicas,
        created=mint.ago(age),
    )
    pods = [_pod(site, plan, newest, age=age) for _ in range(plan.replicas)]
    yield _reported(mint, plan, made, newest, pods=pods, age=age)
    yield from old
    yield _set_reported(newest, pods, at=mint.ago(age - 40))
    yield from pods


def _reported(mint: Mint, plan: Component, made: Json, newest: Json, *, pods: list[Json], age: float) -> Json:
    """The Deployment once its controller knows of its pods."""
    ready = sum(map(is_ready, pods))
    at = mint.ago(age - 60)
    status = workloads.deployment_status(
        made["metadata"]["generation"],
        Counts(plan.replicas, len(pods), len(pods), ready),
        newest=newest["metadata"]["name"],
        progress=AILMENTS[plan.trouble].progress if plan.trouble else "complete",
        since=mint.ago(age),
        at=at,
    )
    return with_status(made, status, time=at, annotations={workloads.REVISION: str(plan.old + 1)})


def _set_reported(made: Json, pods: list[Json], *, at: str) -> Json:
    counts = Counts(len(pods), len(pods), len(pods), sum(map(is_ready, pods)))
    status = workloads.replica_set_status(made["metadata"]["generation"], counts)
    return with_status(made, status, time=at)


def _old_set(mint: Mint, deployment: Json, *, revision: int, age: float) -> Json:
    """A ReplicaSet of an earlier revision: another image, no pods."""
    spec = deployment["spec"]["template"]["spec"]
    first, *others = spec["containers"]
    earlier = {**first, "image": f"{first['image'].rpartition(':')[0]}:0.{revision}.{mint.rng.randint(0, 9)}"}
    template = {
        "metadata": deployment["spec"]["template"]["metadata"],
        "spec": {**spec, "containers": [earlier, *others]},
    }
    born = mint.ago(age + (20 - revision) * 6 * HOUR)
    made = workloads.replica_set(
        mint, deployment, template=template, revision=revision, replicas=0, created=born, generation=3
    )
    return _set_reported(made, [], at=mint.ago(age))


def _pod(site: Site, plan: Component, replica_set: Json, *, age: float) -> Json:
    mint = site.mint
    younger = age * mint.rng.uniform(0.2, 1.0)
    created, at = mint.ago(younger), mint.ago(younger - 15)
    pod = replica_pod(mint, replica_set, created=created)
    place = site.any()
    if plan.trouble:
        return _ailing(site, AILMENTS[plan.trouble], pod, Moment(created, mint.ago(younger * 0.1)))
    restarts = mint.rng.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, 3))
    status = running(pod["spec"], Moment(created, at), place, restarts=restarts)
    return placed(pod, place, status, time=at)


def _ailing(site: Site, ailment: Ailment, pod: Json, moment: Moment) -> Json:
    place = site.any()
    status = ailment.status(Case(pod["spec"], moment, place, len(site.places), site.mint.rng))
    return placed(pod, place if ailment.runs else None, status, time=moment.changed)


def _services(site: Site, plan: Component, pods: list[Json], *, created: str) -> Iterator[Json]:
    mint, part = site.mint, plan.part
    if plan.serves:
        made = network.service(mint, part, part.name, port=80, created=created)
        yield made
        yield _slice(site, made, pods, created=created)
    for number in range(plan.extra_services):
        yield from _extra_service(site, plan, pods, number=number, created=created)
    if plan.exposed:
        yield _ingress(mint, plan, created=created)


def _extra_service(
    site: Site, plan: Component, pods: list[Json], *, number: int, created: str
) -> Iterator[Json]:
    """A second Service: for metrics, for a host elsewhere, by hand, or with an address of its own."""
    mint, part = site.mint, plan.part
    shape = mint.rng.random()
    suffix = f"-{number + 1}" if number else ""
    if shape < 0.1:
        host = f"{part.name}.partner.example.net"
        yield network.external_service(
            mint, part, f"{part.name}-external{suffix}", host=host, created=created
        )
    elif shape < 0.2:
        made = network.service(
            mint, part, f"{part.name}-legacy{suffix}", port=80, created=created, selects=False
        )
        yield made
        yield network.manual_slice(
            mint, made, address=f"192.0.2.{mint.rng.randrange(1, 255)}", port=PORT, created=created
        )
    elif shape < 0.25:
        address = f"203.0.113.{mint.rng.randrange(1, 255)}" if shape > 0.205 else ""
        made = network.load_balancer(
            mint, part, f"{part.name}-public{suffix}", port=443, created=created, address=address
        )
        yield made
        yield _slice(site, made, pods, created=created)
    else:
        made = network.service(mint, part, f"{part.name}-metrics{suffix}", port=9090, created=created)
        yield made
        yield _slice(site, made, pods, created=created)


def _slice(site: Site, service: Json, pods: list[Json], *, created: str) -> Json:
    endpoints = network.endpoints_of(pods, site.zones)
    return network.endpoint_slice(site.mint, service, endpoints, port=PORT, created=created)


def _ingress(mint: Mint, plan: Component, *, created: str) -> Json:
    part = plan.part
    backends = [("/", part.name), *([("/old", f"{part.name}-v1")] if plan.dead_backend else [])]
    return network.ingress(
        mint,
        part,
        host=f"{part.name}.{part.namespace}.example.com",
        backends=backends,
        tls=TLS if mint.rng.random() < 0.7 else "",
        ingress_class="nginx" if mint.rng.random() < 0.85 else "",
        created=created,
    )


def _scaling(mint: Mint, plan: Component, pods: list[Json], *, created: str) -> Iterator[Json]:
    at = mint.ago(mint.age(MINUTE, HOUR))
    if plan.autoscaled:
        made = scaling.autoscaler(
            mint, plan.part, lowest=max(1, plan.replicas - 1), highest=3 * plan.replicas + 1, created=created
        )
        yield scaling.autoscaler_reported(made, replicas=plan.replicas, at=at, since=created)
    if plan.budget:
        made = scaling.disruption_budget(mint, plan.part, created=created)
        yield scaling.budget_reported(made, healthy=sum(map(is_ready, pods)), expected=len(pods), at=at)
