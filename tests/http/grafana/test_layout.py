"""Places: nobody moves because of others, no two are in one, layers go from left to right."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from astrolabe.http.grafana.layout import COLUMN, FEWEST, ROW, Layout, LayoutNode, spots
from astrolabe.kinds.kind import LAYERS, Layer
from tests.support.steps import finish

#: Sets of numbers that are drawn one after another; a number's layer is always the same.
NUMBERS = st.sets(st.integers(0, 30), min_size=12, max_size=2 * FEWEST)
LINKS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40)


def layer_of(number: int) -> Layer:
    return LAYERS[number * 7 % len(LAYERS)]


def spots_of(numbers: set[int], links: list[tuple[int, int]]) -> list[LayoutNode]:
    inside = [(str(a), str(b)) for a, b in links if a in numbers and b in numbers]
    return finish(spots({str(number): layer_of(number) for number in sorted(numbers)}, inside))


@given(st.lists(NUMBERS, min_size=2, max_size=12), LINKS)
def test_nodes_keep_their_place_and_never_overlap(
    steps: list[set[int]], links: list[tuple[int, int]]
) -> None:
    layout = Layout()
    before: dict[str, tuple[int, int]] = {}
    for numbers in steps:
        places = layout.update(spots_of(numbers, links))
        assert set(places) == {str(number) for number in numbers}
        assert len(set(places.values())) == len(places)
        assert {id: place for id, place in before.items() if id in places} == {
            id: places[id] for id in before if id in places
        }
        before = places


@given(st.lists(NUMBERS, min_size=2, max_size=12), LINKS)
def test_layers_go_from_left_to_right_and_rows_stay_near(
    steps: list[set[int]], links: list[tuple[int, int]]
) -> None:
    layout = Layout()
    for numbers in steps:
        places = layout.update(spots_of(numbers, links))
        ranked = sorted((LAYERS.index(layer_of(int(id))), x) for id, (x, _) in places.items())
        assert [x for _, x in ranked] == sorted(x for _, x in ranked)
        assert all(x % COLUMN == 0 and y % ROW == 0 for x, y in places.values())
        assert all(0 <= y <= 2 * len(steps[0] | numbers) * ROW + FEWEST * ROW for _, y in places.values())


@given(NUMBERS, LINKS)
def test_the_same_drawing_has_the_same_places(numbers: set[int], links: list[tuple[int, int]]) -> None:
    assert Layout().update(spots_of(numbers, links)) == Layout().update(spots_of(numbers, links))


def test_linked_nodes_share_a_row() -> None:
    chain = {"ingress": "ingress", "service": "service", "deployment": "workload", "pod": "pod"}
    layers: dict[str, Layer] = {
        f"{name}-{number}": layer  # type: ignore[misc]
        for number in range(4)
        for name, layer in chain.items()
    }
    links = [
        (f"{first}-{number}", f"{second}-{number}")
        for number in range(4)
        for first, second in [("ingress", "service"), ("service", "deployment"), ("deployment", "pod")]
    ]
    places = Layout().update(finish(spots(layers, links)))
    rows = {name: y // ROW for name, (_, y) in places.items()}
    assert rows == {f"{name}-{number}": number for number in range(4) for name in chain}


def test_a_large_layer_has_several_columns() -> None:
    places = Layout().update([LayoutNode(id=str(number), layer="pod") for number in range(200)])
    width = max(x for x, _ in places.values()) - min(x for x, _ in places.values())
    height = max(y for _, y in places.values())
    assert 0.5 < width / height < 2.5


def test_large_size_changes_trigger_a_new_layout() -> None:
    layout = Layout()
    layout.update([LayoutNode(id=str(number), layer="pod") for number in range(50)])
    for size in (100, 101, 26, 25):
        grown = [LayoutNode(id=str(number), layer="pod") for number in range(size)]
        fresh = Layout().update(grown)
        assert (layout.update(grown) == fresh) is (size in (101, 25))
