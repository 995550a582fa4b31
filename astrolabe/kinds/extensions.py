"""APIService, CustomResourceDefinition: which APIs the API server has, and whether they work."""

from __future__ import annotations

from typing import Annotated

from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.callees import (
    MAKES,
    READS,
    CalledService,
    Callee,
    ClientConfig,
    derive_from_callees,
    link_callee,
)
from astrolabe.kinds.certificates import link_injected
from astrolabe.kinds.common import condition
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Condition, Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, about


class ApiServiceSpec(Projection):
    """`service` is absent for what the API server serves itself."""

    group: str = ""
    version: str = ""
    service: CalledService | None = None


class ExtensionStatus(Projection):
    conditions: Items[Condition] | None = None


class ApiService(Manifest):
    spec: ApiServiceSpec | None = None
    status: ExtensionStatus | None = None


def _api_status(api: ApiService) -> Status:
    """Another Service than a ready one makes it unavailable: the API server checks, and says so."""
    available = condition((api.status or ExtensionStatus()).conditions, "Available")
    if available is None:
        return Status(PENDING, "Pending", "Waiting for the API server to check it")
    since = available.last_transition_time
    if available.status == "True":
        return Status(READY, "Available", "", since)
    level = ERROR if available.status == "False" else UNKNOWN
    return Status(level, available.reason or "Unavailable", available.message, since)


class ApiServiceMetadata(Metadata):
    service: Annotated[str, about("Namespace and name, or Local.", "kube-system/metrics-server")] = ""


def _api_metadata(api: ApiService) -> ApiServiceMetadata:
    service = (api.spec or ApiServiceSpec()).service
    if service is None:
        return ApiServiceMetadata(service="Local")
    return ApiServiceMetadata(service=f"{service.namespace}/{service.name}")


def _api_links(api: ApiService) -> list[Ref]:
    called = link_callee((api.spec or ApiServiceSpec()).service, "spec.service")
    return [*called, *link_injected(api.metadata.annotations)]


API_SERVICE = Kind(
    name="APIService",
    group="apiregistration.k8s.io",
    version="v1",
    plural="apiservices",
    layer="cluster",
    column=0,
    mark="api",
    manifest=ApiService,
    status=_api_status,
    metadata=_api_metadata,
    shows=ApiServiceMetadata,
    links=_api_links,
    makes=MAKES,
    namespaced=False,
    optional=True,
    expected=False,
)


class ConversionWebhook(Projection):
    client_config: ClientConfig | None = None


class Conversion(Projection):
    webhook: ConversionWebhook | None = None


class DefinedNames(Projection):
    kind: str = ""


class DefinedVersion(Projection):
    """Its schema is not decoded."""

    name: str = ""
    served: bool = False


class DefinitionSpec(Projection):
    group: str = ""
    names: DefinedNames | None = None
    scope: str = ""
    versions: Items[DefinedVersion] | None = None
    conversion: Conversion | None = None

    @property
    def called(self) -> CalledService | None:
        """The Service that converts objects from one version to another."""
        webhook = self.conversion.webhook if self.conversion is not None else None
        config = webhook.client_config if webhook is not None else None
        return config.service if config is not None else None


class CustomResourceDefinition(Manifest):
    spec: DefinitionSpec | None = None
    status: ExtensionStatus | None = None


def _crd_status(crd: CustomResourceDefinition) -> Status:
    conditions = (crd.status or ExtensionStatus()).conditions
    terminating = condition(conditions, "Terminating")
    if terminating is not None and terminating.status == "True":
        return Status(PENDING, "Terminating", terminating.message, terminating.last_transition_time)
    names = condition(conditions, "NamesAccepted")
    if names is not None and names.status == "False":
        return Status(ERROR, names.reason or "NamesNotAccepted", names.message, names.last_transition_time)
    established = condition(conditions, "Established")
    if established is None or established.reason == "Installing":
        return Status(PENDING, "Installing", "Waiting for the API server to serve it")
    since = established.last_transition_time
    if established.status != "True":
        return Status(ERROR, established.reason or "NotEstablished", established.message, since)
    return Status(READY, "Established", "", since)


class CrdMetadata(Metadata):
    group: str = ""
    kind: Annotated[str, about("That it defines.", "Certificate")] = ""
    scope: Annotated[str, about("Namespaced or Cluster.")] = ""
    versions: Annotated[list[str], about("That are served.", ["v1"])] = []


def _crd_metadata(crd: CustomResourceDefinition) -> CrdMetadata:
    spec = crd.spec or DefinitionSpec()
    return CrdMetadata(
        group=spec.group,
        kind=spec.names.kind if spec.names is not None else "",
        scope=spec.scope,
        versions=[each.name for each in spec.versions or () if each.served],
    )


def _crd_links(crd: CustomResourceDefinition) -> list[Ref]:
    called = (crd.spec or DefinitionSpec()).called
    links = link_callee(called, "spec.conversion.webhook.clientConfig.service")
    return [*links, *link_injected(crd.metadata.annotations)]


def _crd_callees(crd: CustomResourceDefinition) -> tuple[Callee, ...]:
    """Without its conversion, objects can be neither read nor written."""
    called = (crd.spec or DefinitionSpec()).called
    return (called.callee("conversion"),) if called and called.name else ()


CUSTOM_RESOURCE_DEFINITION = Kind(
    name="CustomResourceDefinition",
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    layer="cluster",
    column=0,
    short_names=("crd", "crds"),
    manifest=CustomResourceDefinition,
    status=_crd_status,
    metadata=_crd_metadata,
    shows=CrdMetadata,
    links=_crd_links,
    makes=MAKES,
    namespaced=False,
    optional=True,
    expected=False,
    details=_crd_callees,
    derive=derive_from_callees,
    reads=READS,
)
