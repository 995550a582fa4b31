"""Pod: what it uses, mounts and runs on.

A cluster has millions of these references but few different ones, so their texts are interned.
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern

from astrolabe.graph.faults import Unfit
from astrolabe.graph.links import (
    MOUNTS,
    RUNS_ON,
    USES_CONFIGMAP,
    USES_SECRET,
    USES_SERVICE_ACCOUNT,
    Ref,
)
from astrolabe.kinds.common import MOST_LINKS, TOO_MANY_LINKS
from astrolabe.kinds.pod import (
    Container,
    EnvFrom,
    EnvVar,
    Pod,
    ProjectedSource,
    Reference,
    SecretVolume,
    Volume,
)

MAKES = (
    (USES_CONFIGMAP, "ConfigMap"),
    (USES_SECRET, "Secret"),
    (MOUNTS, "PersistentVolumeClaim"),
    (USES_SERVICE_ACCOUNT, "ServiceAccount"),
    (RUNS_ON, "Node"),
)


def link_pod(pod: Pod) -> tuple[Ref, ...]:
    """Its references, in this order: containers, volumes, imagePullSecrets, ServiceAccount, Node."""
    spec = pod.spec
    if spec is None:
        return ()
    links = _Links(pod.metadata.name, pod.metadata.namespace)
    links.add_containers("spec.containers", spec.containers)
    links.add_containers("spec.initContainers", spec.init_containers)
    links.add_containers("spec.ephemeralContainers", spec.ephemeral_containers)
    for volume in spec.volumes or ():
        links.add_volume(volume)
    for secret in spec.image_pull_secrets or ():
        links.add_secret(secret, f"spec.imagePullSecrets[{secret.name}]")
    links.add_surroundings(spec.service_account_name or "default", spec.node_name)
    return tuple(links.found)


class _Links:
    """Collects the references of one pod."""

    __slots__ = ("found", "namespace", "pod")

    def __init__(self, pod: str, namespace: str) -> None:
        self.found: list[Ref] = []
        self.pod = pod
        self.namespace = intern(namespace)

    def add_configmap(self, source: Reference, field: str) -> None:
        if source.name:
            name, optional = intern(source.name), source.optional is True
            self.found.append(Ref(USES_CONFIGMAP, "ConfigMap", self.namespace, name, intern(field), optional))

    def add_secret(self, source: Reference | SecretVolume, field: str) -> None:
        if source.name:
            name, optional = intern(source.name), source.optional is True
            self.found.append(Ref(USES_SECRET, "Secret", self.namespace, name, intern(field), optional))

    def add_surroundings(self, account: str, node: str) -> None:
        field = "spec.serviceAccountName"
        self.found.append(Ref(USES_SERVICE_ACCOUNT, "ServiceAccount", self.namespace, intern(account), field))
        if node:
            self.found.append(Ref(RUNS_ON, "Node", "", intern(node), "spec.nodeName"))

    def add_containers(self, path: str, containers: Iterable[Container] | None) -> None:
        for container in containers or ():
            if container.env:
                self._add_env(f"{path}[{container.name}].env", container.env)
            if container.env_from:
                self._add_env_from(f"{path}[{container.name}].envFrom", container.env_from)
            if len(self.found) > MOST_LINKS:  # there may be as many more in each of the others
                raise Unfit(TOO_MANY_LINKS)

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
        path = f"spec.volumes[{volume.name}]"
        if volume.projected is not None:
            self._add_projected(f"{path}.projected.sources", volume.projected.sources)
        elif volume.config_map is not None:
            self.add_configmap(volume.config_map, f"{path}.configMap")
        elif volume.secret is not None:
            self.add_secret(volume.secret, f"{path}.secret")
        elif volume.persistent_volume_claim is not None:
            self._add_claim(volume.persistent_volume_claim.claim_name, f"{path}.persistentVolumeClaim")
        elif volume.ephemeral is not None:
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
            kind = "PersistentVolumeClaim"
            self.found.append(Ref(MOUNTS, kind, self.namespace, name, intern(field), owned=owned))

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
