"""How well statuses of custom resources are told, and that every difference of a rule that ships is meant."""

from tests.kinds.custom.disputes import DISPUTES
from tests.kinds.custom.scores import groups, outcomes, score


def test_with_a_rule() -> None:
    ruled = [each for each in outcomes(with_rules=True) if each.said.rule]
    differing = {(each.case.kind, each.case.name) for each in ruled if not each.equal}
    assert differing == set(DISPUTES)
    found = score(ruled)
    assert found.equal >= 0.95 * found.cases
    assert found.false_ready == 0


def test_without_a_rule() -> None:
    found = score(outcomes(with_rules=False))
    assert found.equal >= 0.78 * found.cases
    assert found.false_ready <= 0.03 * found.cases


def test_each_half_of_the_groups() -> None:
    """The words were found in the one half; the other says whether they are the words of all."""
    for half in (groups()[0::2], groups()[1::2]):
        found = score(each for each in outcomes(with_rules=False) if each.case.group in half)
        assert found.equal >= 0.75 * found.cases
        assert found.false_ready <= 0.045 * found.cases


def test_every_status_names_the_field_that_decided() -> None:
    """But for the built-in kinds, and what nothing decides."""
    for each in outcomes(with_rules=True):
        assert each.said.error is None
        if each.said.rule and each.said.status != "Unknown" and each.said.reason != "Ready":
            assert each.said.decided_by, each.case
