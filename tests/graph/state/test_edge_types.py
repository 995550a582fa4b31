from astrolabe.graph.state.edge_types import ATTACHMENT_TYPES, CLOSURE_TYPES, EDGE_TYPES, INHERITANCE_TYPES


def test_each_type_is_under_its_name() -> None:
    assert all(name == each.name and each.description for name, each in EDGE_TYPES.items())


def test_the_closure() -> None:
    assert set(EDGE_TYPES) - CLOSURE_TYPES == {"selects", "routes-to", "scales"}


def test_what_a_release_takes_along() -> None:
    """All that extends the graph, but for what is owned, which inherits, and Nodes, which belong to nobody."""
    assert {"owns", "runs-on"} == CLOSURE_TYPES - ATTACHMENT_TYPES
    assert ATTACHMENT_TYPES < CLOSURE_TYPES


def test_what_is_inherited_along() -> None:
    assert {"owns", "endpoints"} == INHERITANCE_TYPES
