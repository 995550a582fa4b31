import pytest

from astrolabe.http.errors import Refusal
from astrolabe.http.query import StreamPosition, parse_position
from tests.support.serving import Site


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("e:0", StreamPosition("e", 0)),
        ("3f2a:57", StreamPosition("3f2a", 57)),
        ("2026-01-01T00:00:00Z:57", StreamPosition("2026-01-01T00:00:00Z", 57)),
    ],
)
def test_a_position(text: str, position: StreamPosition) -> None:
    assert parse_position("since", text) == position


@pytest.mark.parametrize(
    "text", ["", ":", "57", ":57", "e:", "e:-1", "e:1.5", "e:٣", "e: 1", "e:" + 19 * "9"]
)
def test_invalid_positions_are_refused_by_name(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_position("since", text)
    assert (refused.value.status, refused.value.error) == (400, "bad-filter")
    assert refused.value.message == f"since is <epoch>:<seq>, not {text!r}"


@pytest.mark.parametrize("query", ["min_seq=", "since=e:"])
async def test_a_number_that_is_too_long_is_refused_and_quoted_in_part(query: str, site: Site) -> None:
    path = "/api/v1/graph" if query == "min_seq=" else "/api/v1/events"
    status, document = await site.refused(f"{path}?{query}{5000 * '9'}")
    assert (status, document["error"]) == (400, "bad-filter")
    assert document["message"].endswith("99…'")
    assert len(document["message"]) < 120
