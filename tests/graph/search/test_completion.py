"""What is proposed at the cursor of a search."""

from __future__ import annotations

import pytest

from astrolabe.graph.search.completion import ValueCount, closed_values, fields_for, place_of
from astrolabe.kinds.builtin import builtin_catalogue
from tests.graph.search.test_search import CART, DEPLOYMENT, SECRET, WEB

WORDS = builtin_catalogue().vocabulary(cluster="prod-eu")


def proposed(text: str) -> tuple[str, list[str]]:
    """What is replaced at the `|` of a text, and by what."""
    cursor = text.index("|")
    text = text.replace("|", "")
    place = place_of(text, cursor, WORDS)
    replaced = text[place.start : place.end]
    if place.field is None:
        return replaced, [each.text for each in fields_for(place, WORDS)]
    closed = closed_values(place, WORDS)
    if closed is not None:
        return replaced, [each.text for each in closed]
    count = ValueCount(place)
    for node in (CART, WEB, SECRET, DEPLOYMENT):
        count.add(node)
    return replaced, [each.text for each in count.proposals()]


@pytest.mark.parametrize(
    ("text", "replaced", "texts"),
    [
        ("stat|", "stat", ["status:", "staticPod:"]),
        ("web na|", "na", ["name:", "namespace:"]),
        ("-rea|", "rea", ["reason:", "ready:"]),
        ("clusteri|", "clusteri", ["clusterIP:"]),
        ("status:e|", "e", ["Error"]),
        ("-status:|", "", ["Ready", "Pending", "Error", "Unknown"]),
        ("kind:depl|", "depl", ["Deployment"]),
        ("kind:Pod,confi|", "confi", ["ConfigMap"]),
        ("edge:mo|unts web", "mounts", ["mounts"]),
        ("unresolved:|", "", ["true", "false"]),
        ("ns:|", "", ["shop", "shop-eu"]),
        ("ns:shop-|", "shop-", ["shop-eu"]),
        ("reason:|", "", ["Running", "CrashLoopBackOff", "Progressing"]),
        ("release:c|", "c", ["cart"]),
        ("label:app|", "app", ["app", "app=cart"]),
        ("image:reg|", "reg", ["registry.example/nginx:1.27"]),
        ("uses:secr|", "secr", ["Secret/"]),
        ("uses:secret/|", "secret/", ["secret/db"]),
        ("message:b|", "b", []),
        ('"two words|', '"two words', []),
        ("nosuch:x|", "nosuch:x", []),
    ],
)
def test_proposals(text: str, replaced: str, texts: list[str]) -> None:
    assert proposed(text) == (replaced, texts)


def test_all_fields_are_proposed_at_the_beginning() -> None:
    replaced, texts = proposed("ns:shop |")
    assert replaced == ""
    assert texts[:3] == ["name:", "namespace:", "kind:"]
    assert "used-by:" in texts
