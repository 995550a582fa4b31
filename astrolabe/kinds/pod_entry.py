"""Pod: the entry of the catalogue."""

from __future__ import annotations

from sys import intern
from typing import Annotated

import msgspec

from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import Status
from astrolabe.kinds.common import labels_of
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.live import describe_life
from astrolabe.kinds.metadata import Count, Image, Metadata, about
from astrolabe.kinds.pod import Pod, PodDetails, PodSpec, PodStatus
from astrolabe.kinds.pod_links import MAKES, is_mirror, link_pod, used_names
from astrolabe.kinds.pod_printer import Printed, print_pod
from astrolabe.kinds.pod_status import judge_pod


class SharedPod(Pod, gc=True, dict=True):
    """A pod that remembers what its status, metadata, links and details have in common.

    Not by functools.cached_property, whose lock (until Python 3.12) costs as much as the printer.
    """

    @property
    def printed(self) -> Printed:
        memory = self.__dict__
        found: Printed | None = memory.get("printed")
        if found is None:
            found = memory["printed"] = print_pod(self)
        return found

    @property
    def judged(self) -> Status:
        memory = self.__dict__
        found: Status | None = memory.get("judged")
        if found is None:
            found = memory["judged"] = judge_pod(self, self.printed.reason)
        return found

    @property
    def links(self) -> tuple[Ref, ...]:
        memory = self.__dict__
        found: tuple[Ref, ...] | None = memory.get("links")
        if found is None:
            found = memory["links"] = link_pod(self)
        return found


def _status(pod: SharedPod) -> Status:
    return pod.judged


def _links(pod: SharedPod) -> tuple[Ref, ...]:
    return pod.links


def _details(pod: SharedPod) -> PodDetails:
    return describe_life(pod, pod.judged, pod.printed.restarts)


class PodMetadata(Metadata):
    node_name: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    image: Image = ""
    restart_count: Count | None = None
    ready: Annotated[str, about("Containers that are ready, of all.", "1/2")] = ""
    containers: list[str] = []
    service_account_name: str = ""
    mounted_pvcs: list[str] = msgspec.field(default_factory=list, name="mountedPVCs")
    used_config_maps: list[str] = []
    used_secrets: list[str] = []


def _metadata(pod: SharedPod) -> PodMetadata:
    spec, status, printed = pod.spec or PodSpec(), pod.status or PodStatus(), pod.printed
    containers = spec.containers or []
    return PodMetadata(
        node_name=intern(spec.node_name),
        pod_ip=status.pod_ip,
        image=intern(containers[0].image) if containers else "",
        restart_count=printed.restarts,
        ready=intern(f"{printed.ready}/{printed.total}"),
        containers=[intern(each.name) for each in containers],
        service_account_name=intern(spec.service_account_name),
        **used_names(pod.links),
    )


POD = Kind(
    name="Pod",
    group="",
    version="v1",
    plural="pods",
    layer="pod",
    column=4,
    short_names=("po",),
    mark="pod",
    manifest=SharedPod,
    status=_status,
    status_is_complete=True,
    metadata=_metadata,
    shows=PodMetadata,
    links=_links,
    makes=MAKES,
    selectable=labels_of,
    details=_details,
    closure_ends=is_mirror,
)
