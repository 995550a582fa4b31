"""How a Service is, by its endpoints and by the pods that it selects."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from sys import intern

import msgspec

from astrolabe.graph.model.facts import Neighborhood, Peer, Read
from astrolabe.graph.state.edge_types import ENDPOINTS, WOULD_SELECT
from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.common import LONGEST_QUOTE, shortened
from astrolabe.kinds.endpoint_slice import SliceDetails
from astrolabe.kinds.live import STARTING, live_pods, start_first


class Port(msgspec.Struct, frozen=True, gc=False):
    """A port of a Service. target: the port of the pods that it leads to (`port_key`); "" if by number."""

    number: int
    name: str = ""
    target: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.number}".lstrip()

    def answers_to(self, wanted: str | int) -> bool:
        """Whether it is the port of this name or number."""
        return wanted in (self.number, self.name or None)


class ServiceDetails(msgspec.Struct, frozen=True, gc=False):
    """What `derive` of the Service itself and its Ingresses read.

    is_alias: a name without endpoints. is_headless: it has no address, only its endpoints have. lost: those
    of its ports that lead to none of its pods.
    only_published: no endpoint can serve, though the Service publishes some. is_starting: because its pods
    start for the first time.
    only_unaddressed: all that it lacks is an address of its load balancer. selector: as it is written.
    """

    has_selector: bool
    is_alias: bool = False
    is_headless: bool = False
    ports: tuple[Port, ...] = ()
    lost: tuple[Port, ...] = ()
    only_published: bool = False
    is_starting: bool = False
    only_unaddressed: bool = False
    selector: dict[str, str] | None = None

    def has_port(self, wanted: str | int) -> bool:
        """Whether it has the port of this name or number. An alias need not declare its numbers."""
        if self.is_alias and isinstance(wanted, int):
            return True
        return any(port.answers_to(wanted) for port in self.ports)

    def tell_ports(self) -> str:
        """Which ports it has, for a sentence."""
        return f"its ports: {', '.join(map(str, self.ports))}" if self.ports else "it has none"


#: Kinds that keep pods running, which may have none.
_IDLE_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController")
READS_IDLE = tuple([Read("outgoing", WOULD_SELECT, kind, own=True) for kind in _IDLE_KINDS])
#: The reasons of workloads that are meant to have no pods, and what to say of one.
_MEANT_TO_BE_EMPTY = {"ScaledToZero": "is scaled to zero", "NoMatchingNodes": "finds no matching node"}


def trouble_of(service: Peer, ports: Collection[str | int]) -> Status | None:
    """Why requests to these of its ports, by name or number, do not get through a Service; None if they do.

    ports: none: any of them.
    """
    status, details = service.status, service.details
    if details.only_published:
        # good enough for those who look for its pods by name, but not for requests
        if details.is_starting:
            return Status(PENDING, STARTING, "It publishes endpoints, of which none is ready yet")
        return Status(ERROR, "NoReadyEndpoints", "It publishes endpoints, of which none is ready")
    if status.severity == READY or details.only_unaddressed:
        return None  # clients in the cluster do not need the address of a load balancer
    if status.reason != "NoSuchTargetPort" or not ports:
        return status
    return status if any(port.answers_to(each) for each in ports for port in details.lost) else None


class Endpoints:
    """The endpoints of one Service. A target is one, however many slices and addresses it has.

    only_published: see `ServiceDetails`.
    """

    def __init__(self, service: Peer, neighborhood: Neighborhood, pods: Sequence[Peer]) -> None:
        """pods: those that it selects."""
        self._service = service
        self._neighborhood = neighborhood
        self._pods = pods
        self._slices: list[SliceDetails] = [
            each.details for each in neighborhood.outgoing(ENDPOINTS, "EndpointSlice", own=True)
        ]
        ready: set[str] = set().union(*[each.ready for each in self._slices])
        unready: set[str] = set().union(*[each.unready for each in self._slices])
        self._ready = len(ready)
        self._total = len(ready | unready) if unready else len(ready)
        families = {each.bare for each in self._slices if each.bare}
        if len(families) > 1:
            self._count_by_family(families)
        published: set[str] = set().union(*[each.published for each in self._slices])
        self.only_published = bool(published) and ready == published
        #: Of those that serve too, where the Service publishes all.
        self._serving = self._ready - len(published)

    def _count_by_family(self, families: Collection[str]) -> None:
        """Endpoints that have nothing but addresses are the same ones in each family of a dual stack."""
        counts = []
        for family in families:
            slices = [each for each in self._slices if each.bare in ("", family)]
            ready = {target for each in slices for target in each.ready}
            counts.append((len(ready), len(ready.union(*[each.unready for each in slices]))))
        self._ready = max(ready for ready, _ in counts)
        self._total = max(total for _, total in counts)

    def are_starting(self) -> bool:
        """Whether the pods start for the first time."""
        return start_first(self._pods, self._neighborhood)

    @cached_property
    def _live(self) -> list[Peer]:
        return live_pods(self._pods)

    def judge(self) -> Status:
        """The status by the endpoints, wherever the Service itself can be reached."""
        counts = intern(f"{self._ready}/{self._total} endpoints ready")
        if self._total and self._neighborhood.is_outdated("EndpointSlice"):
            message = f"{counts} when EndpointSlices could last be read"
            return Status(UNKNOWN, "EndpointsNotVisible", message)
        if self.only_published:
            plural = "s" if self._ready > 1 else ""
            message = f"{self._ready} endpoint{plural} published, of which none is ready"
            return Status(READY, "Ready", message)
        if self._ready:
            return Status(READY, "Ready", intern(f"{self._serving}/{self._total} endpoints ready"))
        # forbidden, not selected, not watched, or not listed yet
        if not self._neighborhood.is_complete("EndpointSlice"):
            return _unseen(slices=self._total > 0, counts=counts)
        if self._service.details.has_selector:
            return self._judge_pods() if self._live else self._without_pods(counts)
        if self._slices:
            message = counts if self._total else "Its EndpointSlices have no endpoints"
            return Status(ERROR, "NoReadyEndpoints", message + self._tell_draining())
        return Status(PENDING, "NoEndpoints", "It has no selector and no EndpointSlice, so nothing answers")

    def _without_pods(self, counts: str) -> Status:
        if not self._neighborhood.is_complete("Pod"):
            return Status(ERROR if self._total else PENDING, "NoReadyEndpoints", counts)
        message = self._tell_lack_of_pods() + self._tell_draining()
        told = self._tell_idle()
        return Status(PENDING, "NoMatchingPods", f"{message}; {told}" if told else message)

    def _tell_idle(self) -> str:
        """Why the workloads whose pods it would select have none: the worst of those that should have some,
        else all. "" when there are no such workloads."""
        idle = self._idle_workloads()
        wanting = [each for each in idle if each.status.reason not in _MEANT_TO_BE_EMPTY]
        if not wanting:
            return ", ".join(
                [f"{each.kind} {each.name} {_MEANT_TO_BE_EMPTY[each.status.reason]}" for each in idle]
            )
        words = (wanting[0].status.reason, shortened(wanting[0].status.message, LONGEST_QUOTE))
        return ": ".join([f"{wanting[0].kind} {wanting[0].name}", *[word for word in words if word]])

    def _idle_workloads(self) -> list[Peer]:
        """The workloads whose pods it would select and that have none, the worst first."""
        found = [
            each for kind in _IDLE_KINDS for each in self._neighborhood.outgoing(WOULD_SELECT, kind, own=True)
        ]
        return sorted(found, key=lambda each: (_WORST.index(each.status.severity), each.kind, each.name))

    def _tell_lack_of_pods(self) -> str:
        if not self._pods:
            return f"The selector{self._tell_selector()} matches no pod"
        if len(self._pods) == 1:
            return f"The only pod that it selects, {self._pods[0].name}, is not alive"
        return f"None of the {len(self._pods)} pods that it selects is alive"

    def _tell_selector(self) -> str:
        selector = self._service.details.selector or {}
        told = shortened(
            ",".join([f"{key}={value}" for key, value in sorted(selector.items())]), LONGEST_QUOTE
        )
        return f" {told}" if told else ""

    def _judge_pods(self) -> Status:
        """The status while no endpoint is ready, though there are pods."""
        counts = f"0/{max(self._total, len(self._live))} endpoints ready"
        worst = min(self._live, key=_severity)
        words = (f"pod {worst.name}", worst.status.reason, shortened(worst.status.message, LONGEST_QUOTE))
        message = ": ".join([counts, *[word for word in words if word]])
        if self.are_starting():
            return Status(PENDING, STARTING, message)
        ready = [pod.name for pod in self._live if pod.details.is_ready]
        if ready:
            told = f"{counts}, though pod {min(ready)} is ready: the EndpointSlices do not say so yet"
            return Status(PENDING, "NoReadyEndpoints", told)
        if self._draining():
            return Status(PENDING, "NoReadyEndpoints", message + self._tell_draining())
        return Status(ERROR, "NoReadyEndpoints", message, worst.status.since)

    def _tell_draining(self) -> str:
        draining = self._draining()
        return f"; endpoints that still serve until they are gone: {draining}" if draining else ""

    def _draining(self) -> int:
        return len({target for each in self._slices for target in each.draining})

    def lost_ports(self) -> tuple[Port, ...]:
        """The ports whose target port, a name, none of the pods has."""
        if not self._service.details.has_selector:
            return self._lost_by_name()
        named = [port for port in self._service.details.ports if port.target]
        if not named:
            return ()
        reached = {name for each in self._slices for name in each.ports}
        lost = [port for port in named if port.name not in reached]
        if not lost:
            return ()
        if self._live and self._neighborhood.is_complete("Pod"):
            offered = self._offered()
            return tuple([port for port in lost if port.target not in offered])
        if self._total and self._neighborhood.is_complete("EndpointSlice"):
            return tuple(lost)
        return ()

    def _lost_by_name(self) -> tuple[Port, ...]:
        """Slices that nobody keeps up may have ports of other names, which then lead nowhere."""
        reached = {name for each in self._slices for name in each.ports}
        if not reached or not self._total or not self._neighborhood.is_complete("EndpointSlice"):
            return ()
        return tuple([port for port in self._service.details.ports if port.name not in reached])

    def _offered(self) -> set[str]:
        texts = {pod.details.ports for pod in self._live}
        return {port for text in texts for port in text.split()}

    def tell_lost(self, lost: Sequence[Port]) -> str:
        """What the ports that lead to none of the pods should find there."""
        if not self._service.details.has_selector:
            wanted = ", ".join([f'"{port.name}" (of port {port.number})' for port in lost])
            names = {
                f'"{name}"' if name else "one without a name" for each in self._slices for name in each.ports
            }
            return f"Its EndpointSlices have no port named {wanted}; they have {', '.join(sorted(names))}"
        wanted = ", ".join([f"{port.target.removesuffix('/TCP')} (of port {port.number})" for port in lost])
        offered = sorted([port.removesuffix("/TCP") for port in self._offered()])
        has = f"they have {', '.join(offered)}" if offered else "they name none"
        return (
            f"Its pods have no port named {wanted}; {has}"
            if self._live
            else f"No pod has a port named {wanted}"
        )


_WORST = (ERROR, PENDING, UNKNOWN, READY)


def _severity(pod: Peer) -> tuple[bool, int, str]:
    """Sorts the pod first that has failed, and most often."""
    return pod.status.severity != ERROR, -pod.details.restarts, pod.name


def _unseen(*, slices: bool, counts: str) -> Status:
    """Not an error, since ready endpoints may exist where nothing is visible; but not Ready either."""
    if slices:
        message = f"{counts}; there may be more EndpointSlices that are not visible"
    else:
        message = "No EndpointSlice is visible, so it is not known whether endpoints are ready"
    return Status(UNKNOWN, "EndpointsNotVisible", message)
