from astrolabe.graph.state.edge_types import ATTACHMENT_TYPES, CLOSURE_TYPES, EDGE_TYPES, INHERITANCE_TYPES


def test_each_type_is_registered_under_its_name() -> None:
    assert all(name == each.name and each.description for name, each in EDGE_TYPES.items())


def test_the_closure() -> None:
    assert {
        "owns",
        "endpoints",
        "mounts",
        "binds",
        "uses-configmap",
        "uses-secret",
        "uses-sa",
        "uses-class",
        "runs-on",
        "governed-by",
        "makes",
        "manages",
    } == CLOSURE_TYPES


def test_types_a_release_includes() -> None:
    """All that extends the graph, but for what is owned, which inherits, Nodes, which belong to nobody, and
    what a delivery tool applied, which may be the whole cluster.
    """
    assert {"owns", "runs-on", "manages"} == CLOSURE_TYPES - ATTACHMENT_TYPES
    assert ATTACHMENT_TYPES < CLOSURE_TYPES


def test_types_a_release_is_inherited_along() -> None:
    assert {"owns", "endpoints"} == INHERITANCE_TYPES


def test_types_whose_target_is_not_needed() -> None:
    """What judges, limits or opens the way to something does not fail with it."""
    assert {name for name, each in EDGE_TYPES.items() if not each.needs} == {
        "limits",
        "binds-to",
        "allows",
        "reports-on",
    }


def test_types_hidden_at_first() -> None:
    assert {name for name, each in EDGE_TYPES.items() if each.hidden} == {
        "uses-sa",
        "uses-class",
        "runs-on",
        "grants",
        "binds-to",
        "allows",
    }
