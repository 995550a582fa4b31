"""What kind of trouble a node's words speak of: whether they say why, or only that it waits for something."""

from __future__ import annotations

import re
from enum import StrEnum, auto

from astrolabe.graph.causes.words import WORKLOADS, Words, is_custom
from astrolabe.graph.state.status import ERROR, PENDING, READY


class Complaint(StrEnum):
    """The classes. Each is the same from beginning to end of one trouble, so it is part of its identity.

    IMAGE: an image cannot be pulled. CONFIG: what a container is made of is missing. CRASH: a container ends.
    EVICTED: the kubelet or the scheduler ended a Pod. UNSCHEDULED: no node suits. MOUNT: a Pod waits for its
    volumes. STARTING: a Pod is being started, and nothing is said of why not. UNREADY: it runs and is not
    ready. TERMINATING: it is being deleted. CREATE: a controller may not create what it owns.
    WAITING: the words only say that something else is not well. INTENDED: someone wants it so.
    CONSUMER: a claim that waits for its first Pod. EMPTY: a Service selects nothing. NODE_LOST, PRESSURE: of
    a Node. BALANCER: a Service waits for an address. DANGLING: a reference of something that is Ready leads
    nowhere. HELM: a release. OWN: the words say why.
    """

    IMAGE = auto()
    CONFIG = auto()
    CRASH = auto()
    EVICTED = auto()
    UNSCHEDULED = auto()
    MOUNT = auto()
    STARTING = auto()
    UNREADY = auto()
    TERMINATING = auto()
    CREATE = auto()
    WAITING = auto()
    INTENDED = auto()
    CONSUMER = auto()
    EMPTY = auto()
    NODE_LOST = auto()
    PRESSURE = auto()
    BALANCER = auto()
    DANGLING = auto()
    HELM = auto()
    OWN = auto()


_IMAGE = frozenset(
    (
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    )
)
_EVICTED = frozenset(
    (
        "Evicted",
        "Preempting",
        "Preempted",
        "Shutdown",
        "NodeShutdown",
        "Terminated",
        "NodeAffinity",
        "NodeLost",
        "UnexpectedAdmissionError",
        "ContainerStatusUnknown",
    )
)
#: Reasons of what someone wants so, and of what is only waiting for its turn.
_INTENDED = frozenset(
    ("Paused", "Suspended", "SchedulingGated", "ScaledToZero", "Released", "ScalingDown", "Completed")
)
_VOLUME_EVENTS = frozenset(
    ("FailedMount", "FailedAttachVolume", "FailedMapVolume", "VolumeResizeFailed", "FailedBinding")
)
_CREATE = re.compile(
    r"\bis forbidden\b|exceeded quota|failed calling webhook|denied the request|admission webhook"
    r"|violates PodSecurity|error looking up service account|is invalid: "
)
#: Words of a custom resource's controller about its own input.
_OWN_INPUT = re.compile(
    r"Comparison|Fetch|Build|Git|Auth|Artifact|ChartPull|Invalid|Validation|Credential|Denied|Forbidden"
    r"|NotFound|Unsupported|Unknown(Kind|Field)|Template|Render|Parse|Dependency"
)
#: What `helm` says of a release.
_HELM = frozenset(("ReleaseFailed", "PendingInstall", "PendingUpgrade", "PendingRollback"))
_STARTING = frozenset(("ContainerCreating", "PodInitializing"))
#: Kinds whose trouble is always that of what they lead to.
_LEADS = frozenset(("Service", "EndpointSlice", "Ingress", "PodDisruptionBudget"))


def complaint_of(words: Words) -> Complaint:
    """The class of a node's own words."""
    if words.own_reason in _INTENDED and words.own_status != ERROR:
        return Complaint.INTENDED
    if words.own_reason == "Terminating":
        return Complaint.TERMINATING
    if words.own_reason in _HELM:
        return Complaint.HELM
    special = _BY_KIND.get(words.key)
    if special is not None:
        return special(words)
    if words.status == READY:
        return Complaint.DANGLING
    if words.key in WORKLOADS:
        return _workload(words)
    if is_custom(words.key):
        return _custom(words)
    return Complaint.OWN


def _pod(words: Words) -> Complaint:
    reason = words.own_reason.removeprefix("Init:")
    if reason in _IMAGE:
        return Complaint.IMAGE
    if reason == "CreateContainerConfigError":
        return Complaint.CONFIG
    if reason in _EVICTED or words.own_reason.startswith("OutOf"):
        return Complaint.EVICTED
    if words.status == ERROR:
        return Complaint.CRASH
    if words.status == PENDING:
        return _pending_pod(words, reason)
    return Complaint.UNREADY


def _pending_pod(words: Words, reason: str) -> Complaint:
    if _waits_for_volumes(words):
        return Complaint.MOUNT
    if not words.node_name:
        return Complaint.UNSCHEDULED
    if reason in _STARTING or reason == "Pending" or words.own_reason.startswith("Init:"):
        return Complaint.STARTING
    if words.warning is not None and words.warning.reason == "FailedCreatePodSandBox":
        return Complaint.STARTING
    return Complaint.UNREADY


def _waits_for_volumes(words: Words) -> bool:
    event = words.warning.reason if words.warning is not None else ""
    return words.own_reason in _VOLUME_EVENTS or event in _VOLUME_EVENTS


def _workload(words: Words) -> Complaint:
    """A workload's own words are those about creating Pods; all others say that Pods are missing."""
    reasons = (words.own_reason, words.reason, words.warning.reason if words.warning is not None else "")
    if "FailedCreate" in reasons or _CREATE.search(words.all_words):
        return Complaint.CREATE
    if words.own_reason in ("InvalidSchedule", "UnparseableSchedule", "InvalidEntrypoint"):
        return Complaint.OWN
    if words.key == "CronJob" and "chedule" in words.own_reason:
        return Complaint.OWN
    return Complaint.WAITING


#: What a Service says by its pods and endpoints, which comes before a missing address.
_BY_PODS = frozenset(("NoReadyEndpoints", "NoSuchTargetPort", "NoMatchingPods", "NoEndpoints", "Starting"))
#: Of a Service that nothing stands behind.
_EMPTY = frozenset(("NoMatchingPods", "NoEndpoints"))


def _service(words: Words) -> Complaint:
    if words.own_reason == "LoadBalancerPending" and words.reason not in _BY_PODS:
        return Complaint.BALANCER
    if "LoadBalancer" in words.reason:
        return Complaint.BALANCER
    if words.reason in ("NoSuchTargetPort",):
        return Complaint.OWN
    return Complaint.EMPTY if words.reason in _EMPTY else Complaint.WAITING


def _ingress(words: Words) -> Complaint:
    if words.status == READY:
        return Complaint.DANGLING
    return Complaint.OWN if words.reason == "PortMissing" else Complaint.WAITING


def _claim(words: Words) -> Complaint:
    if words.own_status == ERROR:
        return Complaint.OWN
    text = words.all_words
    if "WaitForFirstConsumer" in text or "first consumer" in text or words.reason == "WaitForFirstConsumer":
        return Complaint.CONSUMER
    return Complaint.WAITING


def _node(words: Words) -> Complaint:
    reason = words.own_reason
    if "Pressure" in reason or "Pressure" in words.own_message:
        return Complaint.PRESSURE
    lost = ("NodeStatusUnknown", "NotReady", "KubeletNotReady", "Unknown", "NodeStatusNeverUpdated")
    if reason.split(",")[0] in lost or "NotReady" in reason:
        return Complaint.NODE_LOST
    return Complaint.OWN


def _autoscaler(words: Words) -> Complaint:
    waits = re.search(
        r"did not receive metrics|no metrics returned|no recommendation|missing request", words.message
    )
    return Complaint.WAITING if waits and "missing request" not in waits[0] else Complaint.OWN


def _caller(words: Words) -> Complaint:
    """What calls a Service is as well as that."""
    return Complaint.WAITING


def _volume(words: Words) -> Complaint:
    return Complaint.OWN if words.status == ERROR else Complaint.INTENDED


def _stateful_set(words: Words) -> Complaint:
    return Complaint.DANGLING if words.status == READY else _workload(words)


def _custom(words: Words) -> Complaint:
    if _OWN_INPUT.search(words.own_reason) and words.own_status == ERROR:
        return Complaint.OWN
    return Complaint.WAITING


_BY_KIND = {
    "Pod": _pod,
    "Service": _service,
    "EndpointSlice": _caller,
    "PodDisruptionBudget": lambda words: (
        Complaint.WAITING if words.reason in ("InsufficientPods", "Starting") else Complaint.OWN
    ),
    "Ingress": _ingress,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
    "Node": _node,
    "HorizontalPodAutoscaler": _autoscaler,
    "ValidatingWebhookConfiguration": _caller,
    "MutatingWebhookConfiguration": _caller,
    "APIService": _caller,
    "CustomResourceDefinition": _caller,
    "StatefulSet": _stateful_set,
}

#: Complaints of a Pod that has been started, or tries to.
POD_WAITS = frozenset(
    (
        Complaint.UNSCHEDULED,
        Complaint.MOUNT,
        Complaint.STARTING,
        Complaint.UNREADY,
        Complaint.TERMINATING,
    )
)
#: Words that only pass on what something else says.
PASSES_ON = frozenset((Complaint.WAITING, Complaint.EMPTY, Complaint.CONSUMER, *POD_WAITS))
