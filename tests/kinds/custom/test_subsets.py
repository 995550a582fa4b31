"""What subsets of hosts lack, after any history, is what it is for the same objects read at once."""

from __future__ import annotations

from random import Random

import pytest

from astrolabe.graph.model.facts import Facts
from tests.kinds.custom.test_linking import DESTINATION_RULE, named, pod, subsets, told, world
from tests.kinds.support import make

LABELS, APPS = ("v1", "v2"), ("web", "api")


def change(chance: Random) -> tuple[str, Facts | None]:
    """An object that came or changed, or the uid of one that went."""
    app = chance.choice(APPS)
    match chance.randrange(8):
        case 0:
            hosts = [app, f"{app}.shop.svc.cluster.local", "example.com"]
            names = chance.sample(LABELS, chance.randrange(3))
            return "dr", named(DESTINATION_RULE, "dr", spec=subsets(chance.choice(hosts), *names))
        case 1 | 2:
            spec = {"selector": {"app": chance.choice(APPS)}} if chance.random() < 0.9 else {}
            gone = chance.random() < 0.2
            return app, None if gone else make("Service", metadata={"name": app, "uid": app}, spec=spec)
    name = f"pod-{chance.randrange(5)}"
    if chance.random() < 0.25:
        return name, None
    version = {"version": chance.choice(LABELS)} if chance.random() < 0.7 else {}
    return name, pod(name, app=app, **version)


@pytest.mark.parametrize("seed", range(5))
def test_incremental_equals_rebuilt(seed: int) -> None:
    chance = Random(seed)
    of, known = world(DESTINATION_RULE), dict[str, Facts]()
    for _ in range(80):
        for _ in range(chance.choice((1, 1, 2, 4))):
            uid, facts = change(chance)
            if facts is not None:
                known[uid] = facts
                of.step(facts)
            elif known.pop(uid, None) is not None:
                of.step(uid)
        if "dr" not in known:
            continue
        fresh = world(DESTINATION_RULE)
        for each in known.values():
            fresh.step(each)
        assert told(of, "dr") == told(fresh, "dr")
