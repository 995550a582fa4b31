"""Pod: the slice of the manifest. What it means is in `pod_status` and `pod_links`.

Environment values and commands are not declared, so they are never in memory. Nor are termination messages,
but for those that a container cannot have written itself.
"""

from __future__ import annotations

import msgspec

from astrolabe.kinds.manifest import Condition, Items, Manifest, Name, Projection


class Reference(Projection):
    """LocalObjectReference, and the selectors that add `optional` to it (ConfigMapKeySelector, ...)."""

    name: str = ""
    optional: bool | None = None


class ValueFrom(Projection):
    config_map_key_ref: Reference | None = None
    secret_key_ref: Reference | None = None


class EnvVar(Projection):
    name: str = ""
    value_from: ValueFrom | None = None


class EnvFrom(Projection):
    config_map_ref: Reference | None = None
    secret_ref: Reference | None = None


class ContainerPort(Projection):
    """Only a port with a name can be the target of a Service's port by name."""

    name: str = ""
    protocol: str = "TCP"


class ExitCodes(Projection):
    """`operator` is In or NotIn."""

    operator: str = ""
    values: Items[int] | None = None


class RestartRule(Projection):
    """What follows an exit code (Kubernetes 1.34); every action that there is starts the container again."""

    exit_codes: ExitCodes | None = None

    def holds(self, exit_code: int) -> bool:
        codes = self.exit_codes
        return codes is not None and (exit_code in (codes.values or ())) is (codes.operator == "In")


class Container(Projection):
    """A container of any of the three lists. `restart_policy` Always makes an init container a sidecar."""

    name: Name = ""
    image: str = ""
    restart_policy: str | None = None
    restart_policy_rules: Items[RestartRule] | None = None
    ports: Items[ContainerPort] | None = None
    env: Items[EnvVar] | None = None
    env_from: Items[EnvFrom] | None = None


class SecretVolume(Projection):
    """SecretVolumeSource, and AzureFileVolumeSource, which names its Secret likewise."""

    name: str = msgspec.field(default="", name="secretName")
    optional: bool | None = None


class ClaimVolume(Projection):
    claim_name: str = ""


class EphemeralVolume(Projection):
    """Its claim is named `<pod>-<volume>`; the template says nothing that is needed."""


class EmptyDir(Projection):
    """Only that a volume is one is read: what is in it goes with the pod."""


class ProjectedSource(Projection):
    config_map: Reference | None = None
    secret: Reference | None = None


class ProjectedVolume(Projection):
    sources: Items[ProjectedSource] | None = None


class RemoteVolume(Projection):
    """A volume kind that may name the Secret it is mounted with."""

    secret_ref: Reference | None = None


class CsiVolume(Projection):
    node_publish_secret_ref: Reference | None = None


class Volume(Projection):
    """A volume; the API allows one source each. Of sources that name nothing only emptyDir is declared."""

    name: Name = ""
    empty_dir: EmptyDir | None = None
    config_map: Reference | None = None
    secret: SecretVolume | None = None
    persistent_volume_claim: ClaimVolume | None = None
    projected: ProjectedVolume | None = None
    ephemeral: EphemeralVolume | None = None
    csi: CsiVolume | None = None
    azure_file: SecretVolume | None = None
    cephfs: RemoteVolume | None = None
    cinder: RemoteVolume | None = None
    flex_volume: RemoteVolume | None = None
    rbd: RemoteVolume | None = None
    scale_io: RemoteVolume | None = msgspec.field(default=None, name="scaleIO")
    iscsi: RemoteVolume | None = None
    storageos: RemoteVolume | None = None

    def remotes(self) -> tuple[tuple[str, RemoteVolume | None], ...]:
        """The sources that may name a Secret as `secretRef`, by their name in the manifest."""
        return (
            ("cephfs", self.cephfs),
            ("cinder", self.cinder),
            ("flexVolume", self.flex_volume),
            ("rbd", self.rbd),
            ("scaleIO", self.scale_io),
            ("iscsi", self.iscsi),
            ("storageos", self.storageos),
        )


class SchedulingGate(Projection):
    name: str = ""


class ReadinessGate(Projection):
    condition_type: str = ""


class PodResourceClaim(Projection):
    """`resource_claim_name` is absent when the claim is made of a template, and then in the status."""

    name: Name = ""
    resource_claim_name: str | None = None


class PodSpec(Projection):
    """`restart_policy` absent means Always."""

    scheduling_gates: Items[SchedulingGate] | None = None
    readiness_gates: Items[ReadinessGate] | None = None
    containers: Items[Container] | None = None
    init_containers: Items[Container] | None = None
    ephemeral_containers: Items[Container] | None = None
    volumes: Items[Volume] | None = None
    image_pull_secrets: Items[Reference] | None = None
    service_account_name: str = ""
    priority_class_name: str = ""
    runtime_class_name: str | None = None
    resource_claims: Items[PodResourceClaim] | None = None
    node_name: str = ""
    restart_policy: str = "Always"


class Running(Projection):
    started_at: str | None = None


class Waiting(Projection):
    reason: str = ""
    message: str = ""


#: Reasons of a container that was never started, or whose end nobody saw: what is said then comes from the
#: runtime or the kubelet, and not from the container.
UNSTARTED = frozenset(("ContainerCannotRun", "StartError"))
_NOT_BY_ITSELF = UNSTARTED | {"ContainerStatusUnknown"}


class Terminated(Projection):
    """`message` is dropped at once if the container may have written it itself."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None

    def __post_init__(self) -> None:
        if self.message and self.reason not in _NOT_BY_ITSELF:
            self.message = ""


class ContainerState(Projection):
    """At most one of the three; none means waiting without a reason."""

    running: Running | None = None
    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(Projection):
    name: str = ""
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class PodStatus(Projection):
    """`phase` is Pending from the moment that the API server stores a pod."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    nominated_node_name: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    conditions: Items[Condition] | None = None
    resource_claim_statuses: Items[PodResourceClaim] | None = None
    init_container_statuses: Items[ContainerStatus] | None = None
    container_statuses: Items[ContainerStatus] | None = None


#: Of a pod that shows none.
NO_STATUS = PodStatus()


class PodDetails(msgspec.Struct, frozen=True, gc=False):
    """What the neighbours of a pod read from it besides its status; see `live`.

    restarts: as printed.
    is_live: it is neither finished nor being deleted. is_ready: it can be sent requests.
    was_ready: it is ready or once was, as far as its manifest tells.
    is_waiting: it is live, and none of its main containers has started yet.
    is_starting: it is live, has never been ready, and nothing of it fails or has ended more than once.
    revision: of the template that it was made from, see `live`; "" when its labels do not tell.
    rank: how specific the message of its status is; see `pod_words`.
    ports: those that have a name (`live.port_key`), with a blank between two.
    """

    restarts: int = 0
    is_live: bool = True
    is_ready: bool = False
    was_ready: bool = False
    is_waiting: bool = False
    is_starting: bool = False
    revision: str = ""
    rank: int = 0
    ports: str = ""


class Pod(Manifest):
    spec: PodSpec | None = None
    status: PodStatus | None = None
