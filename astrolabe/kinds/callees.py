"""What the API server calls, and what of its own work fails when a Service has no ready endpoint."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.edge_types import CALLS, USES
from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.certificates import CERTIFICATE
from astrolabe.kinds.endpoints import trouble_of
from astrolabe.kinds.live import STARTING
from astrolabe.kinds.manifest import Projection

MAKES = ((CALLS, "Service"), (USES, CERTIFICATE))
READS = (Read("outgoing", CALLS, "Service"),)


class CalledService(Projection):
    """A ServiceReference. The CA bundle next to it is not decoded. Without `port`, 443 is meant."""

    namespace: str = ""
    name: str = ""
    port: int | None = None

    def callee(self, name: str = "") -> Callee:
        """What must answer. name: of what calls it."""
        return Callee(self.namespace, self.name, name, self.port)


class ClientConfig(Projection):
    """`service` is absent when the backend is at an URL."""

    service: CalledService | None = None


class Callee(msgspec.Struct, frozen=True, gc=False):
    """A backend that must answer. name: of what calls it, if it has a name. port: if the manifest has it."""

    namespace: str
    service: str
    name: str = ""
    port: int | None = None


def link_callee(service: CalledService | None, field: str) -> list[Ref]:
    """The reference to a called Service."""
    if service is None or not service.name:
        return []
    return [Ref(CALLS, "Service", service.namespace, service.name, field)]


def derive_from_callees(caller: Peer, neighborhood: Neighborhood) -> Derived:
    """Error, if a backend that must answer cannot, unless it starts for the first time.

    `details` of the caller: its `Callee`s.
    """
    callees: Iterable[Callee] = caller.details
    if caller.status.severity != READY or not callees:
        return Derived(caller.status)
    services = {(each.namespace, each.name): each for each in neighborhood.outgoing(CALLS, "Service")}
    missing = {(each.namespace, each.name) for each in neighborhood.unresolved}
    worst = caller.status
    for callee in callees:
        place = callee.namespace, callee.service
        status = _judge(callee, services.get(place), is_missing=place in missing)
        if status.severity == ERROR:
            return Derived(status)
        if status.severity == UNKNOWN or (status.severity == PENDING and worst.severity == READY):
            worst = status
    return Derived(worst)


def _judge(callee: Callee, service: Peer | None, *, is_missing: bool) -> Status:
    called = f"service {callee.namespace}/{callee.service}"
    begin = f"{callee.name}: {called}" if callee.name else called
    if service is None:
        if is_missing:
            return Status(ERROR, "WebhookUnavailable", f"{begin} does not exist")
        return Status(UNKNOWN, "WebhookNotVisible", f"{begin} is not visible")
    details = service.details
    if callee.port and not details.is_headless and not details.has_port(callee.port):
        message = f"{begin} has no port {callee.port} ({details.tell_ports()})"
        return Status(ERROR, "WebhookUnavailable", message)
    status = trouble_of(service, [callee.port] if callee.port else [])
    if status is None:
        return Status(READY, "Ready")
    message = f"{begin}: {status.reason}" + (f": {status.message}" if status.message else "")
    if status.severity == UNKNOWN:
        return Status(UNKNOWN, "WebhookUnknown", message, status.since)
    if status.reason == STARTING:
        return Status(PENDING, "WebhookStarting", message, status.since)
    return Status(ERROR, "WebhookUnavailable", message, status.since)
