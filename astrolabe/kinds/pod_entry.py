"""Pod: the entry of the catalogue."""

from __future__ import annotations

from collections.abc import Collection
from sys import intern
from typing import Annotated

import msgspec
from msgspec.structs import replace

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer
from astrolabe.graph.model.links import Ref, RefByUid
from astrolabe.graph.state.status import Status
from astrolabe.kinds.common import Belonging
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.live import describe_life
from astrolabe.kinds.metadata import Count, Image, Metadata, about
from astrolabe.kinds.pod import NO_STATUS, PodDetails
from astrolabe.kinds.pod_containers import Termination, last_termination
from astrolabe.kinds.pod_links import MAKES, is_over, lacks_to_pull, waits_for
from astrolabe.kinds.pod_memory import PodMemory
from astrolabe.kinds.pod_warnings import warn_pod
from astrolabe.kinds.pod_words import BY_SCHEDULER, CERTAIN
from astrolabe.kinds.shared_pod import SharedPod


def _status(pod: SharedPod) -> Status:
    return pod.judged.status


def _belonging(pod: SharedPod) -> Belonging:
    return pod.of_meta.belonging


def _selectable(pod: SharedPod) -> dict[str, str]:
    return pod.of_meta.selectable


def _links(pod: SharedPod) -> tuple[Ref, ...]:
    return pod.uses[0]


def _details(pod: SharedPod) -> PodDetails:
    return describe_life(pod, pod.judged, pod.printed.restarts, pod.of_meta.revision, pod.of_spec.ports)


#: Reasons of a container whose image does not come.
_PULLS = ("ErrImagePull", "ImagePullBackOff")
_RUNNING = "Running"


class PodMetadata(Metadata):
    owner: Annotated[str, about("What controls it.", "ReplicaSet/web-7d4b9c")] = ""
    static_pod: Annotated[bool, about("It only shows a Pod that a kubelet runs from a file.")] | None = None
    phase: Annotated[str, about("Of a pod that does not run.", "Failed", "Pending")] = ""
    node_name: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    image: Image = ""
    restart_count: Count | None = None
    ready: Annotated[str, about("Containers that are ready, of all.", "1/2")] = ""
    containers: list[str] = []
    last_termination: (
        Annotated[Termination, about("How a container last failed or ended before it was started again.")]
        | None
    ) = None
    service_account_name: str = ""
    empty_dirs: Annotated[list[str], about("The names of its emptyDir volumes, which go with it.")] = []
    mounted_pvcs: list[str] = msgspec.field(default_factory=list, name="mountedPVCs")
    used_config_maps: list[str] = []
    used_secrets: list[str] = []


def _metadata(pod: SharedPod) -> PodMetadata:
    status, printed = pod.status or NO_STATUS, pod.printed
    of_spec, of_meta = pod.of_spec, pod.of_meta
    _, used = pod.uses
    # By position: keyword arguments would take several times as long for a Struct with this many fields.
    return PodMetadata(
        of_meta.controller,
        of_meta.is_mirror or None,
        status.phase if status.phase != _RUNNING else "",
        of_spec.node,
        status.pod_ip,
        of_spec.image,
        printed.restarts,
        intern(f"{printed.ready}/{printed.total}"),
        of_spec.containers,
        last_termination(status),
        of_spec.account,
        of_spec.empty_dirs,
        used.get("mounted_pvcs", []),
        used.get("used_config_maps", []),
        used.get("used_secrets", []),
    )


def _derive(pod: Peer, neighborhood: Neighborhood) -> Derived:
    """A missing object that it waits for is more specific than everything except a container's message."""
    status, details, unresolved = pod.status, pod.details, neighborhood.unresolved
    if _stands(details, unresolved):
        return Derived(status)
    if details.rank == CERTAIN:
        lacking = lacks_to_pull(unresolved) if status.reason.endswith(_PULLS) else ""
        return Derived(replace(status, message=f"{status.message}; {lacking}") if lacking else status)
    missing = waits_for(unresolved)
    if not missing:
        return Derived(status)
    is_said = details.rank == BY_SCHEDULER and " not found" not in status.message
    message = f"{missing}; {status.message}" if is_said else missing
    return Derived(replace(status, message=message))


def _stands(details: PodDetails, unresolved: Collection[Ref | RefByUid]) -> bool:
    """A pod waits for what it names, or lacks it, only as long as none of its containers has started."""
    if not unresolved or not details.is_waiting:
        return True
    return details.rank == CERTAIN and not lacks_to_pull(unresolved)


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
    is_over=is_over,
    makes=MAKES,
    selectable=_selectable,
    details=_details,
    derive=_derive,
    stands=_stands,
    warn=warn_pod,
    closure_ends=lambda pod: pod.of_meta.is_mirror,
    belonging=_belonging,
    memory=PodMemory,
    remembers=True,
)
