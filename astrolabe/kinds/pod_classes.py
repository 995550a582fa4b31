"""PriorityClass, RuntimeClass: what Pods name as theirs."""

from __future__ import annotations

from typing import Annotated

from astrolabe.kinds.common import always_ready
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest
from astrolabe.kinds.metadata import Metadata, about


class PriorityClass(Manifest):
    """`value` absent means 0, `preemptionPolicy` PreemptLowerPriority."""

    value: int = 0
    global_default: bool = False
    preemption_policy: str | None = None


class PriorityClassMetadata(Metadata):
    value: Annotated[int | None, about("The priority of its Pods.")] = None
    global_default: Annotated[bool | None, about("Whether it is the class of Pods that name none.")] = None
    preemption_policy: str = ""


def _priority_metadata(priority: PriorityClass) -> PriorityClassMetadata:
    return PriorityClassMetadata(
        value=priority.value,
        global_default=priority.global_default,
        preemption_policy=priority.preemption_policy or "PreemptLowerPriority",
    )


PRIORITY_CLASS = Kind(
    name="PriorityClass",
    group="scheduling.k8s.io",
    version="v1",
    plural="priorityclasses",
    layer="cluster",
    column=7,
    short_names=("pc",),
    manifest=PriorityClass,
    status=always_ready,
    metadata=_priority_metadata,
    shows=PriorityClassMetadata,
    namespaced=False,
    optional=True,
    expected=False,
)


class RuntimeClass(Manifest):
    handler: str = ""


class RuntimeClassMetadata(Metadata):
    handler: Annotated[str, about("The configuration of the container runtime.", "runsc")] = ""


def _runtime_metadata(runtime: RuntimeClass) -> RuntimeClassMetadata:
    return RuntimeClassMetadata(handler=runtime.handler)


RUNTIME_CLASS = Kind(
    name="RuntimeClass",
    group="node.k8s.io",
    version="v1",
    plural="runtimeclasses",
    layer="cluster",
    column=7,
    mark="rtc",
    manifest=RuntimeClass,
    status=always_ready,
    metadata=_runtime_metadata,
    shows=RuntimeClassMetadata,
    namespaced=False,
    optional=True,
    expected=False,
)
