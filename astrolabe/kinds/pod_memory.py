"""Reads the pods of a watch, and remembers those that changed last.

Most changes of a pod are of its status. Its spec is decoded and read once, and of a pod that says the same,
nothing is worked out again.
"""

from __future__ import annotations

from sys import intern
from typing import Any

import msgspec

from astrolabe.kinds.common import deleted_at
from astrolabe.kinds.manifest import ObjectMeta, Projection
from astrolabe.kinds.pod import PodSpec, PodStatus
from astrolabe.kinds.shared_pod import MetaFacts, SharedPod, SpecFacts
from astrolabe.kinds.watched import FACTS

#: Pods that a watch remembers, of some 7 KB each. A pod that starts or ends changes several times within
#: seconds.
MOST_PODS = 512
_NO_SPEC = msgspec.Raw(b"null")


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
    """raw: the spec as it came. last: the pod as it was."""

    raw: bytes
    of_spec: SpecFacts
    of_meta: MetaFacts
    last: SharedPod


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
        meta, status, raw = changed.metadata, changed.status, bytes(changed.spec)
        if event.type == "DELETED":  # of which only the metadata matters
            self._known.pop(meta.uid, None)
            return PodEvent(event.type, SharedPod(meta))
        known = self._known.get(meta.uid)
        if known is None:
            try:
                of_spec = SpecFacts.of(self._specs.decode(raw), kept=True)
            except (ValueError, RecursionError):
                return self._whole.decode(line)  # which says where the fault is
            of_meta = MetaFacts.of(meta)
            pod = _pod_of(meta, status, of_spec, of_meta)
            self._remember(meta.uid, _KnownPod(raw, of_spec, of_meta, pod))
            return PodEvent(event.type, pod)
        is_same = known.raw == raw
        if not is_same:
            try:
                of_spec = on_its_node(known, raw) or SpecFacts.of(self._specs.decode(raw), kept=True)
            except (ValueError, RecursionError):
                return self._whole.decode(line)
            known.raw, known.of_spec = raw, of_spec
        if not known.of_meta.says(meta):
            if not known.of_meta.is_of(meta):  # no API server does so; references have both
                known.of_spec = msgspec.structs.replace(known.of_spec, uses={})
            known.of_meta, is_same = MetaFacts.of(meta), False
        pod = _pod_of(meta, status, known.of_spec, known.of_meta)
        if is_same and status == known.last.status and _end_alike(meta, known.last.metadata):
            pod.__dict__[FACTS] = known.last.__dict__.get(FACTS)
        known.last = pod
        return PodEvent(event.type, pod)

    def _remember(self, uid: str, known: _KnownPod) -> None:
        self._known[uid] = known
        if len(self._known) > MOST_PODS:
            del self._known[next(iter(self._known))]


def _pod_of(meta: ObjectMeta, status: PodStatus | None, of_spec: SpecFacts, of_meta: MetaFacts) -> SharedPod:
    pod = SharedPod(meta, of_spec.spec, status)
    memory = pod.__dict__
    memory["of_spec"], memory["of_meta"] = of_spec, of_meta
    return pod


def _end_alike(meta: ObjectMeta, known: ObjectMeta) -> bool:
    """Whether two states of a pod say the same of its deletion: a kubelet shortens the grace period when the
    containers have ended, and a pod shows when the deletion was asked for.
    """
    if meta.finalizers != known.finalizers:
        return False
    if not (meta.deletion_timestamp and known.deletion_timestamp):
        return meta.deletion_timestamp == known.deletion_timestamp
    return deleted_at(meta) == deleted_at(known)


class _Placed(Projection):
    """Of a spec, only where it runs."""

    node_name: str = ""


_PLACED = msgspec.json.Decoder(_Placed)
_NODE_NAME = b'"nodeName"'


def on_its_node(known: _KnownPod, raw: bytes) -> SpecFacts | None:
    """What follows from this spec, if it is the known one with a Node, as the scheduler leaves it; else None.

    Taking the only `"nodeName"` out of it gives the known one, byte by byte. Raises what a decoder raises.
    """
    before = known.of_spec
    if before.spec is None or before.spec.node_name or raw.count(_NODE_NAME) != 1:
        return None
    node = intern(_PLACED.decode(raw).node_name)
    if raw.replace(b'%b:"%b",' % (_NODE_NAME, node.encode()), b"", 1) != known.raw:
        return None
    return before.on_node(node)
