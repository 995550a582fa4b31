"""The order of what a search finds."""

from __future__ import annotations

import pytest

from astrolabe.graph.search.hits import hit_order
from astrolabe.graph.search.parser import parse
from astrolabe.kinds.builtin import builtin_catalogue
from tests.support.worlds import World, facts


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("cart", ["cart", "cart-1", "my-cart", "db"]),
        ("CART -db", ["cart", "cart-1", "my-cart", "db"]),
        ("name:my* kind:pod", ["my-cart", "db", "cart", "cart-1"]),
        ("*-1", ["cart-1", "db", "cart", "my-cart"]),
        ("kind:pod", ["db", "cart", "cart-1", "my-cart"]),
        ("", ["db", "cart", "cart-1", "my-cart"]),
    ],
)
def test_the_most_similar_name_comes_first(search: str, names: list[str]) -> None:
    world = World()
    world.set(*[facts("Pod", name) for name in ("my-cart", "db", "cart-1", "cart")])
    order = hit_order(parse(search, builtin_catalogue().vocabulary()))
    assert [node.name for node in sorted(world.hub.graph.nodes.values(), key=order)] == names
