"""Which words of a Warning a status takes."""

from __future__ import annotations

import pytest

from astrolabe.graph.model.facts import Warned, WarningEvent
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.warnings import tell

PROVISIONING = WarningEvent(
    "ProvisioningFailed", 'storageclass "fast" not found', "2026-11-30T03:00:00Z", "2026-11-30T03:20:00Z"
)
OLDER = WarningEvent("FailedBinding", "no volume", "2026-11-30T02:00:00Z", "2026-11-30T02:50:00Z")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        pytest.param(
            Status(PENDING, "Pending", "Waiting for a volume"),
            Warned(Status(PENDING, "ProvisioningFailed", 'storageclass "fast" not found'), PROVISIONING),
            id="a vague word gives way",
        ),
        pytest.param(
            Status(PENDING, "Resizing"),
            Warned(Status(PENDING, "ProvisioningFailed", 'storageclass "fast" not found'), PROVISIONING),
            id="a word without a message gives way",
        ),
        pytest.param(
            Status(ERROR, "ResizeFailed", "no space"),
            Warned(Status(ERROR, "ResizeFailed", "no space"), PROVISIONING),
            id="a specific word stays",
        ),
        pytest.param(
            Status(READY, "Bound", "Bound"),
            Warned(Status(READY, "Bound", "Bound")),
            id="what is Ready shows none",
        ),
        pytest.param(
            Status(PENDING, "Pending", "Waiting", "2026-11-30T03:24:00Z"),
            Warned(
                Status(
                    PENDING, "ProvisioningFailed", 'storageclass "fast" not found', "2026-11-30T03:24:00Z"
                ),
                PROVISIONING,
            ),
            id="the last repetition may lag by five minutes",
        ),
        pytest.param(
            Status(PENDING, "Pending", "Waiting", "2026-11-30T03:25:01Z"),
            Warned(Status(PENDING, "Pending", "Waiting", "2026-11-30T03:25:01Z")),
            id="one from before the status began tells nothing",
        ),
        pytest.param(
            Status(PENDING, "Pending", "Waiting", "yesterday"),
            Warned(
                Status(PENDING, "ProvisioningFailed", 'storageclass "fast" not found', "yesterday"),
                PROVISIONING,
            ),
            id="a time that is none proves nothing",
        ),
    ],
)
def test_tell(status: Status, told: Warned) -> None:
    assert tell(status, None, (PROVISIONING, OLDER)) == told
