"""ValidatingWebhookConfiguration, MutatingWebhookConfiguration: who may refuse or change what is written.

A webhook that must not fail, and cannot be called, refuses every write that it is asked about: nothing can be
deployed any more, which is seen nowhere else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import READY, Status
from astrolabe.kinds.callees import (
    MAKES,
    READS,
    Callee,
    ClientConfig,
    derive_from_callees,
    link_callee,
)
from astrolabe.kinds.certificates import link_injected
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, about


class Webhook(Projection):
    """`failurePolicy` absent means Fail."""

    name: str = ""
    client_config: ClientConfig | None = None
    failure_policy: str | None = None


class WebhookConfiguration(Manifest):
    webhooks: Items[Webhook] | None = None


def _status(configuration: WebhookConfiguration) -> Status:
    return Status(READY, "Ready", "" if configuration.webhooks else "No webhooks")


class WebhookMetadata(Metadata):
    webhooks: Annotated[list[str], about("Their names.", ["validate.cert-manager.io"])] = []


def _metadata(configuration: WebhookConfiguration) -> WebhookMetadata:
    return WebhookMetadata(webhooks=[each.name for each in configuration.webhooks or () if each.name])


def _links(configuration: WebhookConfiguration) -> list[Ref]:
    called = [
        link
        for webhook in configuration.webhooks or ()
        if webhook.client_config is not None
        for link in link_callee(
            webhook.client_config.service, f"webhooks[{webhook.name}].clientConfig.service"
        )
    ]
    return [*called, *link_injected(configuration.metadata.annotations)]


def _callees(configuration: WebhookConfiguration) -> tuple[Callee, ...]:
    """The Services without which writes are refused."""
    return tuple(
        [
            webhook.client_config.service.callee(webhook.name)
            for webhook in configuration.webhooks or ()
            if webhook.failure_policy != "Ignore"
            and webhook.client_config is not None
            and webhook.client_config.service is not None
            and webhook.client_config.service.name
        ]
    )


VALIDATING_WEBHOOK_CONFIGURATION = Kind(
    name="ValidatingWebhookConfiguration",
    group="admissionregistration.k8s.io",
    version="v1",
    plural="validatingwebhookconfigurations",
    layer="policy",
    column=0,
    mark="vwc",
    manifest=WebhookConfiguration,
    status=_status,
    metadata=_metadata,
    shows=WebhookMetadata,
    links=_links,
    makes=MAKES,
    namespaced=False,
    optional=True,
    expected=False,
    details=_callees,
    derive=derive_from_callees,
    is_nothing_alone=True,
    reads=READS,
)

MUTATING_WEBHOOK_CONFIGURATION = replace(
    VALIDATING_WEBHOOK_CONFIGURATION,
    name="MutatingWebhookConfiguration",
    plural="mutatingwebhookconfigurations",
    mark="mwc",
)
