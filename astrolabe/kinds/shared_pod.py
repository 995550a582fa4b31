"""A pod that works out once what its status, metadata, links and details have in common.

Most changes of a pod are of its status. A watch remembers the specs of the pods that changed last, with what
follows from them, so that each is decoded and read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import Any

import msgspec

from astrolabe.graph.model.links import Ref
from astrolabe.kinds.common import Belonging, interned_labels, owner_links, read_belonging
from astrolabe.kinds.live import named_ports
from astrolabe.kinds.manifest import ObjectMeta, Projection
from astrolabe.kinds.pod import Pod, PodSpec, PodStatus
from astrolabe.kinds.pod_links import is_mirror, is_over, link_pod, used_names
from astrolabe.kinds.pod_printer import Printed, print_pod
from astrolabe.kinds.pod_status import PodVerdict, judge_pod

#: Pods that a watch remembers, of some 6 KB each. A pod that starts or ends changes several times within
#: seconds.
MOST_PODS = 512
_NO_SPEC = msgspec.Raw(b"null")


class SpecFacts(msgspec.Struct, gc=False):
    """What follows from the spec of one pod. uses: its references, and what the metadata names of them, by
    whether the pod is over and whether it is a mirror; None: they are not kept."""

    spec: PodSpec | None
    containers: list[str]
    image: str
    empty_dirs: list[str]
    ports: str
    uses: dict[tuple[bool, bool], tuple[tuple[Ref, ...], Mapping[str, list[str]]]] | None

    @classmethod
    def of(cls, spec: PodSpec | None, *, kept: bool = False) -> SpecFacts:
        containers = (spec.containers if spec is not None else None) or []
        volumes = spec.volumes if spec is not None else None
        return cls(
            spec,
            [intern(each.name) for each in containers],
            intern(containers[0].image) if containers else "",
            [intern(each.name) for each in volumes or () if each.empty_dir is not None],
            named_ports(spec),
            {} if kept else None,
        )


class MetaFacts(msgspec.Struct, gc=False):
    """What follows from the metadata of one pod."""

    meta: ObjectMeta
    belonging: Belonging
    selectable: dict[str, str]

    @classmethod
    def of(cls, meta: ObjectMeta) -> MetaFacts:
        return cls(meta, read_belonging(meta, owner_links(meta)), interned_labels(meta))

    def says(self, meta: ObjectMeta) -> bool:
        """Whether the same follows from this metadata, which is of the same pod."""
        known = self.meta
        return (
            meta.labels == known.labels
            and meta.owner_references == known.owner_references
            and meta.annotations == known.annotations
            and meta.namespace == known.namespace
        )


class SharedPod(Pod, gc=True, dict=True):
    """A pod that remembers what was computed from it.

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
    def judged(self) -> PodVerdict:
        memory = self.__dict__
        found: PodVerdict | None = memory.get("judged")
        if found is None:
            found = memory["judged"] = judge_pod(self, self.printed.reason)
        return found

    @property
    def of_spec(self) -> SpecFacts:
        memory = self.__dict__
        found: SpecFacts | None = memory.get("of_spec")
        if found is None:
            found = memory["of_spec"] = SpecFacts.of(self.spec)
        return found

    @property
    def of_meta(self) -> MetaFacts:
        memory = self.__dict__
        found: MetaFacts | None = memory.get("of_meta")
        if found is None:
            found = memory["of_meta"] = MetaFacts.of(self.metadata)
        return found

    @property
    def links(self) -> tuple[Ref, ...]:
        return self._uses[0]

    @property
    def used(self) -> Mapping[str, list[str]]:
        """The metadata that names what it uses."""
        return self._uses[1]

    @property
    def _uses(self) -> tuple[tuple[Ref, ...], Mapping[str, list[str]]]:
        memory = self.__dict__
        found: tuple[tuple[Ref, ...], Mapping[str, list[str]]] | None = memory.get("uses")
        if found is None:
            found = memory["uses"] = self._find_uses()
        return found

    def _find_uses(self) -> tuple[tuple[Ref, ...], Mapping[str, list[str]]]:
        status, known = self.status, self.of_spec.uses
        # The spec does not name claims that are made from templates.
        if known is None or (status is not None and status.resource_claim_statuses):
            links = link_pod(self)
            return links, used_names(links)
        key = is_over(self), is_mirror(self)
        found = known.get(key)
        if found is None:
            links = link_pod(self)
            found = known[key] = links, used_names(links)
        return found


class PodEvent(msgspec.Struct, gc=False):
    """A line of a watch."""

    type: str
    object: SharedPod


class _ChangedPod(Projection):
    """A pod whose spec is not decoded yet."""

    metadata: ObjectMeta
    spec: msgspec.Raw = _NO_SPEC
    status: PodStatus | None = None


class _ChangedPodLine(msgspec.Struct, gc=False):
    type: str
    object: _ChangedPod


class _KnownPod(msgspec.Struct, gc=False):
    """raw: the spec as it came."""

    raw: bytes
    of_spec: SpecFacts
    of_meta: MetaFacts


class PodMemory:
    """Implements `watched.EventReader`. A spec is known again by its bytes."""

    def __init__(self, whole: msgspec.json.Decoder[Any]) -> None:
        """whole: decodes a line and remembers nothing."""
        self._whole = whole
        self._lines = msgspec.json.Decoder(_ChangedPodLine)
        self._specs = msgspec.json.Decoder(PodSpec | None)
        #: By uid. Those that came first go first.
        self._known: dict[str, _KnownPod] = {}

    def __len__(self) -> int:
        return len(self._known)

    def decode(self, line: bytes) -> Any:
        """Decode a line."""
        event = self._lines.decode(line)
        changed = event.object
        meta = changed.metadata
        if event.type == "DELETED":  # of which only the metadata matters
            self._known.pop(meta.uid, None)
            return PodEvent(event.type, SharedPod(meta))
        known, raw = self._known.get(meta.uid), bytes(changed.spec)
        if known is None or known.raw != raw:
            try:
                of_spec = SpecFacts.of(self._specs.decode(raw), kept=True)
            except (ValueError, RecursionError):
                return self._whole.decode(line)  # which says where the fault is
            known = _KnownPod(raw, of_spec, MetaFacts.of(meta))
            self._remember(meta.uid, known)
        elif not known.of_meta.says(meta):
            known.of_meta = MetaFacts.of(meta)
        pod = SharedPod(meta, known.of_spec.spec, changed.status)
        memory = pod.__dict__
        memory["of_spec"], memory["of_meta"] = known.of_spec, known.of_meta
        return PodEvent(event.type, pod)

    def _remember(self, uid: str, known: _KnownPod) -> None:
        self._known[uid] = known
        if len(self._known) > MOST_PODS:
            del self._known[next(iter(self._known))]
