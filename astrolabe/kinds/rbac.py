"""Role, ClusterRole, RoleBinding, ClusterRoleBinding; watched only if `--kinds` names them.

What a role permits is not decoded: the graph says who has which role.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from astrolabe.graph.model.links import Link, Ref
from astrolabe.graph.state.edge_types import BINDS_TO, GRANTS
from astrolabe.kinds.common import always_ready
from astrolabe.kinds.kind import ANY_KIND, Kind
from astrolabe.kinds.manifest import Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, about

ROLE = Kind(
    name="Role",
    group="rbac.authorization.k8s.io",
    version="v1",
    plural="roles",
    layer="policy",
    column=6,
    manifest=Manifest,
    status=always_ready,
    optional=True,
    expected=False,
    by_request=True,
)

CLUSTER_ROLE = replace(ROLE, name="ClusterRole", plural="clusterroles", column=7, namespaced=False)


class RoleReference(Projection):
    kind: str = ""
    name: str = ""


class Subject(Projection):
    """A user, a group or a ServiceAccount, which alone has a namespace."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


class Binding(Manifest):
    role_ref: RoleReference | None = None
    subjects: Items[Subject] | None = None


class BindingMetadata(Metadata):
    role: Annotated[str, about("Kind and name.", "ClusterRole/view")] = ""
    users: list[str] = []
    groups: list[str] = []
    service_accounts: Annotated[list[str], about("Namespace and name.", ["shop/web"])] = []


def _binding_metadata(binding: Binding) -> BindingMetadata:
    role, subjects, own = binding.role_ref, binding.subjects or (), binding.metadata.namespace
    return BindingMetadata(
        role=f"{role.kind}/{role.name}" if role is not None and role.name else "",
        users=[each.name for each in subjects if each.kind == "User"],
        groups=[each.name for each in subjects if each.kind == "Group"],
        service_accounts=[
            f"{each.namespace or own}/{each.name}" for each in subjects if each.kind == "ServiceAccount"
        ],
    )


def _binding_links(binding: Binding) -> list[Link]:
    """A ServiceAccount may be created after its binding, as controllers of Kubernetes do with their own."""
    role, own = binding.role_ref, binding.metadata.namespace
    links: list[Link] = []
    if role is not None and role.name and role.kind in ("Role", "ClusterRole"):
        links.append(Ref(GRANTS, role.kind, own if role.kind == "Role" else "", role.name, "roleRef"))
    for index, subject in enumerate(binding.subjects or ()):
        if subject.kind == "ServiceAccount" and subject.name:
            field, namespace = f"subjects[{index}]", subject.namespace or own
            links.append(Ref(BINDS_TO, "ServiceAccount", namespace, subject.name, field, optional=True))
    return links


ROLE_BINDING = Kind(
    name="RoleBinding",
    group="rbac.authorization.k8s.io",
    version="v1",
    plural="rolebindings",
    layer="policy",
    column=4,
    manifest=Binding,
    status=always_ready,
    metadata=_binding_metadata,
    shows=BindingMetadata,
    links=_binding_links,
    makes=((GRANTS, ANY_KIND), (BINDS_TO, "ServiceAccount")),
    optional=True,
    expected=False,
    by_request=True,
)

CLUSTER_ROLE_BINDING = replace(
    ROLE_BINDING,
    name="ClusterRoleBinding",
    plural="clusterrolebindings",
    makes=((GRANTS, "ClusterRole"), (BINDS_TO, "ServiceAccount")),
    namespaced=False,
)
