"""Kinds come, change and go while the model runs, and it equals one that knew them from the beginning."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrolabe.graph.model.derivation import RulesError
from astrolabe.graph.model.facts import Derived, Facts, Read, Rules
from astrolabe.graph.model.links import Ref, RefByUid
from astrolabe.graph.model.model import Model, UnknownKindError
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.status import READY, Status
from tests.graph.histories import RULES, histories, roots
from tests.graph.test_model import World, check_equal

#: Kinds that are known at the beginning, and what may be known of each later.
FIRST = {"Namespace", "Pod", "Service"}
VARIANTS = {
    rules.kind: (
        rules,
        msgspec.structs.replace(rules, api_version=f"{rules.api_version}beta1", derive=None, reads=()),
        msgspec.structs.replace(rules, inherits=frozenset()),
    )
    for rules in RULES
}
changes = st.tuples(st.just("kind"), st.sampled_from(list(VARIANTS)), st.sampled_from((None, 0, 1, 2)))


class ChangingWorld(World):
    """A world whose kinds come and go."""

    def __init__(self, roots: Selector | None) -> None:
        super().__init__(roots, [rules for rules in RULES if rules.kind in FIRST])

    def step(self, step: Any) -> None:
        known = {rules.kind for rules in self.rules}
        if isinstance(step, tuple) and step[0] == "kind":
            self.change(step[1], step[2])
        elif (
            not isinstance(step, Facts | tuple)
            or (step.kind if isinstance(step, Facts) else step[0]) in known
        ):
            super().step(step)

    def change(self, kind: str, variant: int | None) -> None:
        """The kind goes with its objects; or it comes, or is judged by other rules and listed again."""
        of_kind = [facts for facts in self.facts.values() if facts.kind == kind]
        others = [rules for rules in self.rules if rules.kind != kind]
        if variant is None:
            for facts in of_kind:
                super().step(facts.uid)
            self.commit()
            self.rules = others
            self.model.change_rules(removed=(kind,))
            self.synced.pop(kind, None)
            self.outdated.pop(kind, None)
            return
        rules = VARIANTS[kind][variant]
        self.rules = [*others, rules]
        self.model.change_rules(added=(rules,))
        for facts in of_kind:
            assert self.model.upsert(facts) is not None


@given(
    history=histories,
    kinds=st.lists(st.tuples(st.integers(0, 40), changes), max_size=8),
    roots=roots,
)
def test_histories_with_changing_kinds(
    history: list[Any], kinds: list[tuple[int, Any]], roots: Selector | None
) -> None:
    for at, change in kinds:
        history = [*history[:at], change, *history[at:]]
    world = ChangingWorld(roots)
    for step in history:
        world.step(step)
    world.commit()
    check_equal(world.graph, world.expected())


DERIVED = Rules(
    "Pod",
    "v1",
    derive=lambda own, around: Derived(
        Status(READY, "Complete" if around.is_complete("Widget.example.com") else "Incomplete")
    ),
    reads=(Read("outgoing", "uses", "Widget.example.com"),),
)
WIDGET = Rules("Widget.example.com", "example.com/v1", "Widget")


def fact(kind: str, name: str, **parts: Any) -> Facts:
    return Facts(kind, f"{kind}-{name}", name, "shop", {}, Status(READY, "Ready"), {}, **parts)


def test_a_target_counts_as_missing_only_while_its_kind_is_known() -> None:
    model = Model([DERIVED])
    needs = Ref("mounts", "Widget.example.com", "shop", "w", "spec.widget")

    def pod() -> tuple[str, bool]:
        model.commit()
        node = model.node("Pod-p")
        assert node is not None
        return node.document()["reason"], node.unresolved

    model.upsert(fact("Pod", "p", links=(needs,)))
    assert pod() == ("Incomplete", False)
    model.change_rules(added=(WIDGET,))
    model.set_synced("Widget.example.com", "", True)
    assert pod() == ("Complete", True)
    model.upsert(fact("Widget.example.com", "w"))
    assert pod() == ("Complete", False)
    model.remove("Widget.example.com-w")
    assert pod() == ("Complete", True)
    model.change_rules(removed=("Widget.example.com",))
    assert pod() == ("Incomplete", False)
    with pytest.raises(UnknownKindError):
        model.upsert(fact("Widget.example.com", "w"))


def test_a_kind_is_removed_after_its_objects() -> None:
    model = Model([WIDGET])
    model.upsert(fact("Widget.example.com", "w"))
    with pytest.raises(ValueError, match="there are Widget"):
        model.change_rules(removed=("Widget.example.com",))
    assert model.count("Widget.example.com") == 1


def test_rules_that_read_in_a_circle_are_refused_and_the_others_stay() -> None:
    model = Model([DERIVED])
    circle = msgspec.structs.replace(WIDGET, reads=(Read("incoming", "uses", "Pod"),))
    with pytest.raises(RulesError):
        model.change_rules(added=(circle,))
    model.upsert(fact("Pod", "p"))
    assert [node.uid for node in model.commit().nodes_set] == ["Pod-p"]
    model.change_rules(added=(WIDGET,))


def test_the_time_of_a_change_does_not_depend_on_the_resources() -> None:
    """A kind that comes looks at no record of another kind."""
    model = Model([Rules("Pod", "v1")])
    for number in range(50):
        model.upsert(fact("Pod", f"p{number}"))
    model.commit()
    model.change_rules(added=(WIDGET,))
    assert model.pending == 0
    assert not model.commit()


def test_an_owner_counts_as_missing_only_while_its_custom_kind_is_known() -> None:
    owner = RefByUid(
        "owns", "w1", "Widget", "shop", "w", "metadata.ownerReferences[0].uid", True, group="example.com"
    )
    model = Model([Rules("Pod", "v1"), Rules("Widget.other.io", "other.io/v1", "Widget")])
    model.set_synced("Widget.other.io", "", True)
    model.upsert(fact("Pod", "p", links=(owner,)))

    def unresolved() -> list[dict[str, str]]:
        model.commit()
        node = model.node("Pod-p")
        assert node is not None
        found: list[dict[str, str]] = node.document().get("unresolved", [])
        return found

    assert unresolved() == []
    model.change_rules(added=(WIDGET,))
    model.set_synced("Widget.example.com", "", True)
    (missing,) = unresolved()
    assert (missing["kind"], missing["namespace"], missing["name"]) == ("Widget.example.com", "shop", "w")
    model.upsert(msgspec.structs.replace(fact("Widget.example.com", "w"), uid="w1"))
    assert unresolved() == []
    model.remove("w1")
    model.commit()
    model.change_rules(removed=("Widget.example.com",))
    assert unresolved() == []
