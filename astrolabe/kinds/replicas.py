"""What workloads share: how they count replicas, and the messages about it."""

from __future__ import annotations

from sys import intern
from typing import Annotated

import msgspec

from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.common import LONGEST_QUOTE, shortened
from astrolabe.kinds.manifest import Condition, Items, Projection
from astrolabe.kinds.metadata import Image, Metadata, about
from astrolabe.kinds.template import Template

_SCALED_TO_ZERO = Status(READY, "ScaledToZero", "Scaled to zero (0/0)")
#: Conditions that should be False; all others of workloads should be True.
_BAD_NEWS = frozenset(("ReplicaFailure", "Failed", "FailureTarget", "Suspended"))


class ReplicaSpec(Projection):
    """`replicas` absent means 1."""

    replicas: int | None = None
    template: Template | None = None

    @property
    def desired(self) -> int:
        return 1 if self.replicas is None else self.replicas


class ReplicaStatus(Projection):
    """The counts of a Deployment, ReplicaSet or StatefulSet; the API leaves out zeros."""

    observed_generation: int | None = None
    replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    updated_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    conditions: Items[Condition] | None = None


class RollingUpdate(Projection):
    """`partition` absent means 0."""

    partition: int | None = None


class UpdateStrategy(Projection):
    """The update strategy of a StatefulSet or DaemonSet; `type` absent means RollingUpdate."""

    type: str | None = None
    rolling_update: RollingUpdate | None = None

    @property
    def waits_for_deletion(self) -> bool:
        """Pods are replaced only when someone deletes them, so an old pod does not mean a pending rollout."""
        return self.type == "OnDelete"


class Replicas(msgspec.Struct, frozen=True, gc=False):
    """How many replicas there should be, and how many there are."""

    desired: int
    current: int
    ready: int
    available: int


class OddCondition(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A condition that is not as it should be."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


Images = Annotated[list[str], about("Of all containers, each once.", ["web:1", "proxy:2"])]
Revision = Annotated[str, about("Of its template: a number, or a name.", "3")]
OddConditions = Annotated[list[OddCondition], about("Those that are not as they should be.")]


class WorkloadMetadata(Metadata):
    """What workloads show that keep a number of Pods running."""

    replicas: Replicas | None = None
    pod_labels: Annotated[dict[str, str], about("The labels of its pods, where it has others itself.")] = {}
    strategy: Annotated[str, about("How its pods are replaced, unless a few at a time.", "Recreate")] = ""
    revision: Revision = ""
    image: Image = ""
    images: Images = []
    conditions: OddConditions = []
    service_account_name: str = ""
    mounted_pvcs: list[str] = msgspec.field(default_factory=list, name="mountedPVCs")
    used_config_maps: list[str] = []
    used_secrets: list[str] = []


def odd_strategy(type: str | None) -> str:
    """The name of a strategy, if it does not replace pods a few at a time."""
    return type if type in ("Recreate", "OnDelete") else ""


def count_replicas(desired: int, status: ReplicaStatus) -> Replicas:
    """`replicas` of a workload's metadata."""
    return Replicas(desired, status.replicas, status.ready_replicas, status.available_replicas)


def odd_conditions(conditions: list[Condition] | None) -> list[OddCondition]:
    """Those that are not as they should be."""
    return [
        OddCondition(each.type, each.status, each.reason, shortened(each.message, LONGEST_QUOTE))
        for each in conditions or ()
        if (each.status == "True") is (each.type in _BAD_NEWS)
    ]


def scaled_to_zero(left: int) -> Status:
    """None are wanted. left: how many there still are."""
    if not left:
        return _SCALED_TO_ZERO
    return Status(PENDING, "ScalingDown", f"Scaling to zero ({left} left)")


def tell(ready: int, desired: int) -> str:
    """How many replicas are ready, as a sentence; interned, since thousands of workloads share it."""
    if desired == 0:
        return f"Scaling to zero ({ready} left)" if ready else "Scaled to zero (0/0)"
    if ready >= desired:
        return intern(f"All replicas ready ({ready}/{desired})")
    return f"Partially ready ({ready}/{desired})" if ready else f"No replicas ready (0/{desired})"


def all_ready(ready: int, desired: int, *, since: str | None = None) -> Status:
    return Status(READY, "Ready", tell(ready, desired), since)


def progressing(
    ready: int, desired: int, *, updated: int, available: int, since: str | None = None
) -> Status:
    """Still in progress. If enough replicas are ready, the message says what else is missing."""
    message = tell(ready, desired)
    if ready >= desired:
        if updated < desired:
            message += f", {updated}/{desired} updated"
        elif available < desired:
            message += f", {available}/{desired} available"
        else:
            message += ", rollout not complete"
    return Status(PENDING, "Progressing", message, since)


def failed(cause: Condition) -> Status:
    """The status for a condition that reports a failure."""
    return Status(ERROR, cause.reason or cause.type, cause.message, cause.last_transition_time)
