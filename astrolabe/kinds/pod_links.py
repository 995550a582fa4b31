"""What a pod uses, mounts and runs on, and what the pods of a template would use and mount.

A cluster has millions of these references but few different ones, so their texts are interned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from sys import intern

from astrolabe.graph.model.faults import InvalidObjectError
from astrolabe.graph.model.links import Ref, RefByUid
from astrolabe.graph.state.edge_types import (
    CLAIMS,
    MOUNTS,
    RUNS_ON,
    USES_CLASS,
    USES_CONFIGMAP,
    USES_SECRET,
    USES_SERVICE_ACCOUNT,
)
from astrolabe.kinds.common import MOST_LINKS, SIBLINGS, too_many_links
from astrolabe.kinds.manifest import ObjectMeta
from astrolabe.kinds.pod import (
    Container,
    EnvFrom,
    EnvVar,
    Pod,
    PodResourceClaim,
    PodSpec,
    ProjectedSource,
    Reference,
    SecretVolume,
    Volume,
)

#: What the pods of a template make wherever they run.
USES = (
    (USES_CONFIGMAP, "ConfigMap"),
    (USES_SECRET, "Secret"),
    (MOUNTS, "PersistentVolumeClaim"),
    (USES_SERVICE_ACCOUNT, "ServiceAccount"),
    (USES_CLASS, "PriorityClass"),
    (USES_CLASS, "RuntimeClass"),
    (CLAIMS, "ResourceClaim"),
)
MAKES = (*USES, (RUNS_ON, "Node"))

#: kind → the key of the metadata that lists its used objects.
_NAMED_AS = {
    "PersistentVolumeClaim": "mounted_pvcs",
    "ConfigMap": "used_config_maps",
    "Secret": "used_secrets",
}
_OVER = frozenset(("Succeeded", "Failed"))


def is_mirror(meta: ObjectMeta) -> bool:
    """Whether it only shows a static Pod, which a kubelet runs from a file on its Node. It uses no other
    object: the API server refuses one that names any.
    """
    annotations = meta.annotations
    return annotations is not None and bool(annotations.config_mirror)


def is_over(pod: Pod) -> bool:
    """Whether all of its containers have ended for good."""
    return pod.status is not None and pod.status.phase in _OVER


def link_pod(pod: Pod) -> tuple[Ref, ...]:
    """Its references, in this order: containers, volumes, imagePullSecrets, ServiceAccount, classes, claims,
    Node.

    A pod that has finished needs nothing, so nothing is missing.
    """
    spec = pod.spec
    if spec is None:
        return ()
    links = _Links("spec", pod.metadata.namespace, pod=pod.metadata.name, optional=is_over(pod))
    links.add_uses(spec, has_account=bool(spec.service_account_name) or not is_mirror(pod.metadata))
    if pod.status is not None and pod.status.resource_claim_statuses:
        links.add_claims("status.resourceClaimStatuses", pod.status.resource_claim_statuses)
    if spec.node_name:
        links.found.append(link_node(intern(spec.node_name), optional=links.optional))
    return tuple(links.found)


#: One copy for all pods of a template, and of a Node.
_shared = lru_cache(maxsize=SIBLINGS)(Ref)


def link_node(node: str, *, optional: bool) -> Ref:
    """The reference to the Node of a pod, which is the last of its references."""
    return _shared(RUNS_ON, "Node", "", node, "spec.nodeName", optional)


def link_template(
    spec: PodSpec, path: str, namespace: str, *, over: bool = False, claimed: Collection[str] = ()
) -> tuple[Ref, ...]:
    """The references that every pod of this template has, in the same order.

    path: of the spec in the manifest. over: there will be no pod any more. claimed: the volumes that a
    StatefulSet puts a claim of its own in place of. A generic ephemeral volume is a claim of each pod.
    """
    links = _Links(path, namespace, optional=over)
    links.add_uses(spec, claimed)
    return tuple(links.found)


def used_names(links: Iterable[Ref]) -> dict[str, list[str]]:
    """The metadata that names what is used, by its fields: each name once, in the order of first use."""
    found: dict[str, dict[str, None]] = {}
    for link in links:
        key = _NAMED_AS.get(link.kind)
        if key is None:
            continue
        names = found.get(key)
        if names is None:
            found[key] = {link.name: None}
        else:
            names[link.name] = None
    return {key: list(names) for key, names in found.items()}


#: A pod does not start before these are there. A missing Secret of imagePullSecrets does not keep it.
_NEEDED_TO_START = frozenset((USES_CONFIGMAP, USES_SECRET, MOUNTS))
_NOT_NEEDED = "spec.imagePullSecrets"
_MOST_NAMED = 3
#: What `waits_for` begins with.
WAITING_FOR = "waiting for "


def waits_for(unresolved: Iterable[Ref | RefByUid]) -> str:
    """`waiting for ConfigMap web, which does not exist`; "" when nothing keeps the pod from starting."""
    names = {
        f"{each.kind} {each.name}": None
        for each in unresolved
        if each.type in _NEEDED_TO_START and not each.field.startswith(_NOT_NEEDED)
    }
    return f"{WAITING_FOR}{_tell_missing(names)}" if names else ""


def lacks_to_pull(unresolved: Iterable[Ref | RefByUid]) -> str:
    """`it names the imagePullSecret registry, which does not exist`: harmless while images come without."""
    names = {each.name: None for each in unresolved if each.field.startswith(_NOT_NEEDED)}
    many = "s" if len(names) > 1 else ""
    return f"it names the imagePullSecret{many} {_tell_missing(names)}" if names else ""


def _tell_missing(names: Collection[str]) -> str:
    """`Secret a and Secret b, which do not exist`."""
    named = list(names)[:_MOST_NAMED]
    if len(names) > _MOST_NAMED:
        named.append(f"{len(names) - _MOST_NAMED} more")
    text = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"{text}, which {'does' if len(names) == 1 else 'do'} not exist"


class _Links:
    """Collects the references of one pod or template, whose spec is at `path`."""

    __slots__ = ("found", "namespace", "optional", "path", "pod")

    def __init__(self, path: str, namespace: str, *, pod: str = "", optional: bool = False) -> None:
        """pod: its name, "" when it is a template. optional: all references are."""
        self.found: list[Ref] = []
        self.path = path
        self.pod = pod
        self.namespace = intern(namespace)
        self.optional = optional

    def add_uses(self, spec: PodSpec, claimed: Collection[str] = (), *, has_account: bool = True) -> None:
        path = self.path
        if spec.containers:
            self.add_containers(f"{path}.containers", spec.containers)
        if spec.init_containers:
            self.add_containers(f"{path}.initContainers", spec.init_containers)
        if spec.ephemeral_containers:
            self.add_containers(f"{path}.ephemeralContainers", spec.ephemeral_containers)
        for volume in spec.volumes or ():
            if not claimed or volume.name not in claimed:
                self.add_volume(volume)
        for secret in spec.image_pull_secrets or ():
            self.add_secret(secret, f"{path}.imagePullSecrets[{secret.name}]")
        if has_account:
            self.add_account(spec.service_account_name)
        if spec.priority_class_name or spec.runtime_class_name:
            self._add_classes(spec)
        if spec.resource_claims:
            self.add_claims(f"{path}.resourceClaims", spec.resource_claims)

    def _add_classes(self, spec: PodSpec) -> None:
        """Once admitted, a Pod has its priority, whatever becomes of the class."""
        for kind, key, name, optional in (
            ("PriorityClass", "priorityClassName", spec.priority_class_name, bool(self.pod)),
            ("RuntimeClass", "runtimeClassName", spec.runtime_class_name, False),
        ):
            if name:
                field = intern(f"{self.path}.{key}")
                self.found.append(Ref(USES_CLASS, kind, "", intern(name), field, optional or self.optional))

    def add_claims(self, path: str, claims: Iterable[PodResourceClaim]) -> None:
        """The ResourceClaims that exist already. One that is made of a template gets its name later."""
        for claim in claims:
            name = claim.resource_claim_name
            if name:
                field = intern(f"{path}[{claim.name}].resourceClaimName")
                self.found.append(Ref(CLAIMS, "ResourceClaim", self.namespace, name, field, self.optional))

    def add_account(self, name: str) -> None:
        """No name is the default one, which no namespace lacks: a template that names none needs none."""
        optional = self.optional or not (name or self.pod)
        name, field = intern(name or "default"), intern(f"{self.path}.serviceAccountName")
        kind = "ServiceAccount"
        self.found.append(_shared(USES_SERVICE_ACCOUNT, kind, self.namespace, name, field, optional))

    def add_configmap(self, source: Reference, field: str) -> None:
        if source.name:
            name, optional = intern(source.name), source.optional is True or self.optional
            self.found.append(
                _shared(USES_CONFIGMAP, "ConfigMap", self.namespace, name, intern(field), optional)
            )

    def add_secret(self, source: Reference | SecretVolume, field: str) -> None:
        if source.name:
            name, optional = intern(source.name), source.optional is True or self.optional
            self.found.append(_shared(USES_SECRET, "Secret", self.namespace, name, intern(field), optional))

    def add_containers(self, path: str, containers: Iterable[Container]) -> None:
        for container in containers:
            if container.env:
                self._add_env(f"{path}[{container.name}].env", container.env)
            if container.env_from:
                self._add_env_from(f"{path}[{container.name}].envFrom", container.env_from)
            if len(self.found) > MOST_LINKS:  # there may be as many more in each of the others
                raise InvalidObjectError(too_many_links(MOST_LINKS))

    def _add_env(self, path: str, env: Iterable[EnvVar]) -> None:
        for variable in env:
            source = variable.value_from
            if source is None:
                continue
            if source.config_map_key_ref is not None:
                field = f"{path}[{variable.name}].valueFrom.configMapKeyRef"
                self.add_configmap(source.config_map_key_ref, field)
            elif source.secret_key_ref is not None:
                self.add_secret(source.secret_key_ref, f"{path}[{variable.name}].valueFrom.secretKeyRef")

    def _add_env_from(self, path: str, sources: Iterable[EnvFrom]) -> None:
        for index, source in enumerate(sources):
            if source.config_map_ref is not None:
                self.add_configmap(source.config_map_ref, f"{path}[{index}].configMapRef")
            elif source.secret_ref is not None:
                self.add_secret(source.secret_ref, f"{path}[{index}].secretRef")

    def add_volume(self, volume: Volume) -> None:
        """A volume has one source; the frequent ones are looked at first."""
        path = f"{self.path}.volumes[{volume.name}]"
        if volume.projected is not None:
            self._add_projected(f"{path}.projected.sources", volume.projected.sources)
        elif volume.config_map is not None:
            self.add_configmap(volume.config_map, f"{path}.configMap")
        elif volume.secret is not None:
            self.add_secret(volume.secret, f"{path}.secret")
        elif volume.persistent_volume_claim is not None:
            self._add_claim(volume.persistent_volume_claim.claim_name, f"{path}.persistentVolumeClaim")
        elif volume.ephemeral is not None:
            if self.pod:
                self._add_claim(f"{self.pod}-{volume.name}", f"{path}.ephemeral", owned=True)
        else:
            self._add_remote(path, volume)

    def _add_projected(self, path: str, sources: Iterable[ProjectedSource] | None) -> None:
        for index, source in enumerate(sources or ()):
            if source.config_map is not None:
                self.add_configmap(source.config_map, f"{path}[{index}].configMap")
            elif source.secret is not None:
                self.add_secret(source.secret, f"{path}[{index}].secret")

    def _add_claim(self, name: str, field: str, *, owned: bool = False) -> None:
        if name:
            kind, optional = "PersistentVolumeClaim", self.optional
            self.found.append(Ref(MOUNTS, kind, self.namespace, name, intern(field), optional, owned=owned))

    def _add_remote(self, path: str, volume: Volume) -> None:
        """The volume kinds that name the Secret they are mounted with."""
        if volume.csi is not None:
            if volume.csi.node_publish_secret_ref is not None:
                self.add_secret(volume.csi.node_publish_secret_ref, f"{path}.csi.nodePublishSecretRef")
        elif volume.azure_file is not None:
            self.add_secret(volume.azure_file, f"{path}.azureFile")
        else:
            for key, source in volume.remotes():
                if source is not None and source.secret_ref is not None:
                    self.add_secret(source.secret_ref, f"{path}.{key}.secretRef")
