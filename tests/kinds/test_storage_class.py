import pytest

from astrolabe.graph.state.status import Status
from astrolabe.kinds.storage_class import DEFAULT_CLASS_ALIAS, StorageClassDetails
from tests.kinds.support import Json, make


@pytest.mark.parametrize(
    ("annotations", "aliases"),
    [
        ({"storageclass.kubernetes.io/is-default-class": "true"}, (DEFAULT_CLASS_ALIAS,)),
        ({"storageclass.beta.kubernetes.io/is-default-class": "true"}, (DEFAULT_CLASS_ALIAS,)),
        ({"storageclass.kubernetes.io/is-default-class": "false"}, ()),
        ({}, ()),
        (None, ()),
    ],
)
def test_the_default_class(annotations: Json | None, aliases: tuple[str, ...]) -> None:
    assert make("StorageClass", metadata={"annotations": annotations}).aliases == aliases


@pytest.mark.parametrize(
    ("mode", "binds_late"), [("WaitForFirstConsumer", True), ("Immediate", False), (None, False)]
)
def test_details_of_a_storage_class(mode: str | None, binds_late: bool) -> None:
    facts = make("StorageClass", volumeBindingMode=mode, provisioner="p")
    assert facts.details == StorageClassDetails(binds_late, "p")
    assert facts.status == Status("Ready", "Ready")
