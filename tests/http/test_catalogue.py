"""A catalogue that changes while its graph is served: everything that tells of kinds follows."""

from dataclasses import replace
from typing import Any

from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kinds.custom.columns import ShownKey, metadata_type
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.metadata import Metadata
from tests.support.kinds import CATALOGUE
from tests.support.serving import serve
from tests.support.worlds import shop


class WidgetMetadata(Metadata):
    colour: str = ""


WIDGET: Kind[Any] = replace(
    CATALOGUE["ConfigMap"],
    name="Widget",
    group="example.com",
    plural="widgets",
    short_names=("wd",),
    shows=WidgetMetadata,
)


async def test_kinds_follow_the_catalogue() -> None:
    catalogue = builtin_catalogue()
    async with serve(shop(), catalogue=catalogue) as site:

        async def told() -> tuple[bool, int, bool, bool, bool]:
            """Whether lists, filters, metrics and the description know it."""
            kinds = [kind["kind"] for kind in await site.json("/api/v1/kinds")]
            async with site.get("/api/v1/graph?kind=wd") as answer:
                status = answer.status
            async with site.get("/metrics") as answer:
                metrics = await answer.text()
            schemas = (await site.json("/openapi.json"))["components"]["schemas"]
            return (
                WIDGET.key in kinds,
                status,
                'kind="Widget.example.com"' in metrics,
                WIDGET.key in schemas["Kind"]["enum"],
                "colour" in schemas["Metadata"]["properties"],
            )

        assert await told() == (False, 400, False, False, False)
        catalogue.change(added=[WIDGET])
        assert await told() == (True, 200, True, True, True)
        catalogue.change(removed=[WIDGET.id])
        assert await told() == (False, 400, False, False, False)


def test_other_clusters_have_a_catalogue_of_their_own() -> None:
    one, other = builtin_catalogue(), builtin_catalogue()
    one.change(added=[WIDGET])
    assert WIDGET.key in one
    assert WIDGET.key not in other


async def test_kinds_with_conflicting_metadata_keys_are_described() -> None:
    """Custom kinds decide their keys at run time: they may be those of another kind, or what all nodes have."""
    keys = [
        ShownKey("colour", (), "string"),
        ShownKey("creationTimestamp", (), "date"),
        ShownKey("age", (), "integer"),
    ]
    others = [ShownKey("age", (), "string"), ShownKey("images", (), "list"), ShownKey("colour", (), "string")]
    catalogue = builtin_catalogue()
    catalogue.change(
        added=[
            WIDGET,
            replace(WIDGET, group="example.org", shows=metadata_type("Widget", keys)),
            replace(WIDGET, group="example.net", shows=metadata_type("Widget", others)),
        ]
    )
    async with serve(shop(), catalogue=catalogue) as site:
        schemas = (await site.json("/openapi.json"))["components"]["schemas"]
    properties = schemas["Metadata"]["properties"]
    assert properties["colour"] == {"type": "string"}
    assert properties["age"].get("type") is None, "it is of several types"
    assert properties["creationTimestamp"]["format"] == "date-time"
