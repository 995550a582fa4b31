"""Custom kinds that are known to be noise: many objects that nobody looks for one by one.

The only list of them. `--custom-resources=auto,KIND.GROUP` switches one on.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_REPORTS = "reports by the thousand, about objects that are in the graph"
_NETWORK = "one for each Pod, address or node of the network"
_CACHE = "an operator's own bookkeeping"
_COPY = "the same as another kind, by another API"
_LOGIN = "sessions and identities of users"

#: Word of the selection → why it is noise.
NOISE: Mapping[str, str] = MappingProxyType(
    {
        "*.metrics.k8s.io": "measurements, not state",
        # Policy and vulnerability reports
        "*.wgpolicyk8s.io": _REPORTS,
        "*.openreports.io": _REPORTS,
        "*.reports.kyverno.io": _REPORTS,
        "AdmissionReport.kyverno.io": _REPORTS,
        "ClusterAdmissionReport.kyverno.io": _REPORTS,
        "BackgroundScanReport.kyverno.io": _REPORTS,
        "ClusterBackgroundScanReport.kyverno.io": _REPORTS,
        "UpdateRequest.kyverno.io": _CACHE,
        "*.aquasecurity.github.io": _REPORTS,
        "*.spdx.softwarecomposition.kubescape.io": _REPORTS,
        "*.status.gatekeeper.sh": _CACHE,
        # Networks
        "CiliumEndpoint.cilium.io": _NETWORK,
        "CiliumEndpointSlice.cilium.io": _NETWORK,
        "CiliumIdentity.cilium.io": _NETWORK,
        "CiliumNode.cilium.io": _NETWORK,
        "IPAMBlock.crd.projectcalico.org": _NETWORK,
        "IPAMHandle.crd.projectcalico.org": _NETWORK,
        "IPAMConfig.crd.projectcalico.org": _NETWORK,
        "BlockAffinity.crd.projectcalico.org": _NETWORK,
        "WorkloadEndpoint.projectcalico.org": _NETWORK,
        "IPAMBlock.projectcalico.org": _COPY,
        "BlockAffinity.projectcalico.org": _COPY,
        "*.stats.antrea.io": "measurements, not state",
        "*.controlplane.antrea.io": _COPY,
        "AntreaAgentInfo.crd.antrea.io": _CACHE,
        "IP.kubeovn.io": _NETWORK,
        "OverlappingRangeIPReservation.whereabouts.cni.cncf.io": _NETWORK,
        "IPPool.whereabouts.cni.cncf.io": _NETWORK,
        "CNINode.vpcresources.k8s.aws": _NETWORK,
        "PolicyEndpoint.networking.k8s.aws": _NETWORK,
        # Operators
        "PackageManifest.packages.operators.coreos.com": "every package that could be installed",
        "ControllerRevision.metacontroller.k8s.io": _CACHE,
        "NodeFeature.nfd.k8s-sigs.io": "every feature of every node",
        "NodeResourceTopology.topology.node.k8s.io": "every zone of every node",
        "Content.fleet.cattle.io": "whole bundles as text",
        "*.management.cattle.io": _CACHE,
        # OpenShift
        "*.oauth.openshift.io": _LOGIN,
        "*.user.openshift.io": _LOGIN,
        "*.authorization.openshift.io": _COPY,
        "Project.project.openshift.io": _COPY,
        "Image.image.openshift.io": "every image that was ever pushed",
        "RangeAllocation.security.internal.openshift.io": _CACHE,
    }
)
