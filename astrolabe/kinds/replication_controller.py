"""ReplicationController: what a ReplicaSet was before there were Deployments.

A short entry to copy from: each kind has a module or shares one with its siblings.
"""

from __future__ import annotations

from dataclasses import replace

from astrolabe.kinds.deployment import REPLICASET

#: Spec and status are those of a ReplicaSet. The selector is not read, because Pods name their owner.
REPLICATION_CONTROLLER = replace(
    REPLICASET,
    name="ReplicationController",
    group="",
    plural="replicationcontrollers",
    layer="workload",
    column=2,
    short_names=("rc",),
    relays=False,
    optional=True,
)
