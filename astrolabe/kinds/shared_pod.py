"""A pod that works out once what its status, metadata, links and details have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from sys import intern
from typing import ClassVar, Generic, TypeVar

import msgspec

from astrolabe.graph.model.links import Ref
from astrolabe.kinds.common import Belonging, interned_labels, owner_links, read_belonging
from astrolabe.kinds.live import named_ports, revision_of
from astrolabe.kinds.manifest import ObjectMeta
from astrolabe.kinds.pod import Pod, PodSpec
from astrolabe.kinds.pod_links import is_mirror, is_over, link_node, link_pod, used_names
from astrolabe.kinds.pod_printer import Printed, print_pod
from astrolabe.kinds.pod_status import PodVerdict, judge_pod

T = TypeVar("T")
#: The references of a pod, and the metadata that names what it uses.
Uses = tuple[tuple[Ref, ...], Mapping[str, list[str]]]


class SpecFacts(msgspec.Struct, gc=False):
    """What follows from the spec of one pod. uses: its references, and what the metadata names of them, by
    whether the pod is over and whether it is a mirror; None: they are not kept."""

    spec: PodSpec | None
    node: str
    account: str
    containers: list[str]
    image: str
    empty_dirs: list[str]
    ports: str
    uses: dict[tuple[bool, bool], Uses] | None

    @classmethod
    def of(cls, spec: PodSpec | None, *, kept: bool = False) -> SpecFacts:
        if spec is None:
            return cls(None, "", "", [], "", [], "", {} if kept else None)
        containers, volumes = spec.containers or (), spec.volumes
        return cls(
            spec,
            intern(spec.node_name),
            intern(spec.service_account_name),
            [intern(each.name) for each in containers],
            intern(containers[0].image) if containers else "",
            [intern(each.name) for each in volumes or () if each.empty_dir is not None],
            named_ports(spec),
            {} if kept else None,
        )

    def on_node(self, node: str) -> SpecFacts:
        """What follows from the same spec with a Node."""
        spec = copy(self.spec)
        assert spec is not None
        spec.node_name = node
        uses = {
            (over, mirror): ((*links, link_node(node, optional=over)), used)
            for (over, mirror), (links, used) in (self.uses or {}).items()
        }
        account, containers = self.account, self.containers
        return SpecFacts(spec, node, account, containers, self.image, self.empty_dirs, self.ports, uses)


class MetaFacts(msgspec.Struct, gc=False):
    """What follows from the metadata of one pod. controller: as it is shown. revision: see `PodDetails`."""

    meta: ObjectMeta
    belonging: Belonging
    selectable: dict[str, str]
    controller: str
    is_mirror: bool
    revision: str

    @classmethod
    def of(cls, meta: ObjectMeta) -> MetaFacts:
        return cls(
            meta,
            read_belonging(meta, owner_links(meta)),
            interned_labels(meta),
            _controller(meta),
            is_mirror(meta),
            revision_of(meta),
        )

    def says(self, meta: ObjectMeta) -> bool:
        """Whether the same follows from this metadata, which is of the same pod."""
        known = self.meta
        return (
            meta.labels == known.labels
            and meta.owner_references == known.owner_references
            and meta.annotations == known.annotations
            and meta.creation_timestamp == known.creation_timestamp
            and self.is_of(meta)
        )

    def is_of(self, meta: ObjectMeta) -> bool:
        """Whether this is of the same name."""
        return meta.namespace == self.meta.namespace and meta.name == self.meta.name


def _controller(meta: ObjectMeta) -> str:
    """As `kubectl describe` has it under Controlled By."""
    for each in meta.owner_references or ():
        if each.controller:
            return intern(f"{each.kind}/{each.name}")
    return ""


class _Computed(Generic[T]):
    """An attribute of a pod that is computed once.

    Not functools.cached_property, whose lock (until Python 3.12) costs as much as the printer, and no
    property: without `__set__`, what is in the pod's dict is found there, and nothing is called.
    """

    def __init__(self, compute: Callable[[SharedPod], T]) -> None:
        self._compute = compute

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, pod: SharedPod, _: type) -> T:
        value = pod.__dict__[self._name] = self._compute(pod)
        return value


def _find_uses(pod: SharedPod) -> Uses:
    status, known = pod.status, pod.of_spec.uses
    # The spec does not name claims that are made from templates.
    if known is None or (status is not None and status.resource_claim_statuses):
        links = link_pod(pod)
        return links, used_names(links)
    key = is_over(pod), pod.of_meta.is_mirror
    found = known.get(key)
    if found is None:
        links = link_pod(pod)
        found = known[key] = links, used_names(links)
    return found


class SharedPod(Pod, gc=True, dict=True):
    """A pod that remembers what was computed from it.

    uses: its references, and the metadata that names what it uses.
    """

    printed: ClassVar[_Computed[Printed]] = _Computed(print_pod)
    judged: ClassVar[_Computed[PodVerdict]] = _Computed(lambda pod: judge_pod(pod, pod.printed.reason))
    of_spec: ClassVar[_Computed[SpecFacts]] = _Computed(lambda pod: SpecFacts.of(pod.spec))
    of_meta: ClassVar[_Computed[MetaFacts]] = _Computed(lambda pod: MetaFacts.of(pod.metadata))
    uses: ClassVar[_Computed[Uses]] = _Computed(_find_uses)
