from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge
from astrolabe.http.history import History, merge
from tests.support.worlds import a_pod

ONE, TWO = a_pod(1), a_pod(2)
ONE_BROKEN = a_pod(1, "Error", "it broke")
EDGE = Edge("owns", ONE.uid, TWO.uid, ("first",))
EDGE_ANEW = Edge("owns", ONE.uid, TWO.uid, ("second",))


def test_of_each_node_and_edge_the_latest_state_is_kept() -> None:
    merged = merge(
        [
            Changes(nodes_set=[ONE, TWO], edges_set=[EDGE]),
            Changes(edges_removed=[EDGE.key], nodes_removed=[TWO.uid]),
            Changes(nodes_set=[ONE_BROKEN]),
        ]
    )
    assert merged == Changes(nodes_set=[ONE_BROKEN], edges_removed=[EDGE.key], nodes_removed=[TWO.uid])


def test_what_came_back_is_set_and_not_removed() -> None:
    merged = merge(
        [
            Changes(edges_removed=[EDGE.key], nodes_removed=[TWO.uid]),
            Changes(nodes_set=[TWO], edges_set=[EDGE_ANEW]),
        ]
    )
    assert merged == Changes(nodes_set=[TWO], edges_set=[EDGE_ANEW])


def test_since_gives_what_came_after() -> None:
    history = History(10, limit=100)
    history.add(11, Changes(nodes_set=[ONE]))
    history.add(14, Changes(nodes_set=[TWO]))
    assert history.since(10) == Changes(nodes_set=[ONE, TWO])
    assert history.since(11) == Changes(nodes_set=[TWO])
    assert history.since(13) == Changes(nodes_set=[TWO])
    assert history.since(14) == Changes()
    assert history.since(9) is None


def test_the_oldest_deltas_are_forgotten_beyond_the_limit() -> None:
    history = History(0, limit=3)
    history.add(1, Changes(nodes_set=[ONE, TWO]))
    history.add(2, Changes(edges_removed=[EDGE.key], nodes_removed=[TWO.uid]))
    assert history.start == 1
    assert history.since(0) is None
    assert history.since(1) == Changes(edges_removed=[EDGE.key], nodes_removed=[TWO.uid])


def test_a_delta_beyond_the_limit_by_itself_is_not_kept() -> None:
    history = History(0, limit=1)
    history.add(5, Changes(nodes_set=[ONE, TWO]))
    assert history.start == 5
    assert history.since(4) is None
    assert history.since(5) == Changes()
