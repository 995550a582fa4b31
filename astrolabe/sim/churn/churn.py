"""`Churn`: many scenarios at once, one write at a time."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

from astrolabe.sim.churn import chaos, rollouts, schedules, upgrades
from astrolabe.sim.churn.world import ObjectGone, Scenario, ScenarioRun, World
from astrolabe.sim.cluster.factory import NOW, ObjectFactory
from astrolabe.sim.store import ObjectStore

#: (weight, scenario). Longer scenarios make more of the writes than their weight says.
_SCENARIOS: tuple[tuple[int, Scenario], ...] = (
    (40, upgrades.heartbeat),
    (20, upgrades.noop_update),
    (8, chaos.replaced_pod),
    (6, schedules.scheduled_run),
    (5, rollouts.rollout),
    (5, chaos.crash),
    (4, chaos.crash_loop_restart),
    (3, rollouts.scaling),
    (2, upgrades.helm_upgrade),
    (2, upgrades.recreated_config),
    (1, rollouts.bad_rollout),
    (1, chaos.replaced_replica),
    (1, chaos.replaced_agent),
    (1, chaos.cordon),
)

#: Shortest pause between two bursts of writes in `run`, in seconds.
_BURST = 0.005
_MOST_AT_ONCE = 500

#: Steps between two checks for expired Events.
EXPIRE_EVERY = 500

#: Attempts of a step to find something to do before it gives up.
_TRIES = 1_000


class Churn:
    """Keeps a cluster changing, at about the same size and share of failures, and emits Events about it.

    width: scenarios that run at once, not counting waiting ones. now: start of the clock of `step`.
    """

    def __init__(self, store: ObjectStore, seed: int = 0, *, width: int = 8, now: datetime = NOW) -> None:
        # Not the generator's random sequence for the same seed, which would repeat its uids.
        self._rng = random.Random(f"churn {seed}")
        self._world = World(store, ObjectFactory(self._rng, now, stream=1))
        self._store = store
        self._width = width
        self._steps = 0
        self._active: list[ScenarioRun] = []
        self._resting: list[tuple[int, ScenarioRun]] = []
        self._busy: set[str] = set()
        self._weights = [weight for weight, _ in _SCENARIOS]
        self._jitter = random.Random(seed)

    def step(self, now: datetime | None = None) -> None:
        """Make one write to the store, if there is anything to do, and the Events that follow from it.

        now: the time of the write; by default one second after the previous one.
        """
        factory = self._world.factory
        factory.now = now if now is not None else factory.now + timedelta(seconds=1)
        self._steps += 1
        if not self._steps % EXPIRE_EVERY:
            self._world.recorder.expire(factory.now)
        before = self._store.revision
        for _ in range(_TRIES):
            self._wake()
            if len(self._active) < self._width:
                self._begin()
            self._advance()
            if self._store.revision != before:
                return

    def finish(self) -> None:
        """Run all scenarios to their end, without starting new ones."""
        while self._active or self._resting:
            self._active += [run for _, run in self._resting]
            self._resting.clear()
            self._world.factory.now += timedelta(seconds=1)
            self._advance()

    def resync(self) -> None:
        """Abandon all scenarios, because the content of the store was replaced, as by `ObjectStore.restore`.

        Half-finished changes stay: see `finish`.
        """
        self._active, self._resting = [], []
        self._busy.clear()
        self._world = World(self._store, self._world.factory)

    async def run(self, rate: float) -> None:
        """Make about `rate` writes per second at random intervals, until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await asyncio.sleep(max(_BURST, due - loop.time()))
            for _ in range(_MOST_AT_ONCE):
                if due > loop.time():
                    break
                self.step(datetime.now(UTC))
                due += self._jitter.expovariate(rate)
            else:
                due = loop.time()  # the machine is slower than the rate: do not catch up

    def _wake(self) -> None:
        """Resume the scenarios whose wait is over."""
        self._active += [run for until, run in self._resting if until <= self._steps]
        self._resting = [entry for entry in self._resting if entry[0] > self._steps]

    def _begin(self) -> None:
        (choice,) = self._rng.choices(_SCENARIOS, self._weights)
        try:
            run = choice[1](self._world)
        except ObjectGone:
            return
        if run is not None and self._busy.isdisjoint(run.scopes):
            self._busy.update(run.scopes)
            self._active.append(run)

    def _advance(self) -> None:
        """Let one active scenario make its next write."""
        if not self._active:
            return
        run = self._active.pop(self._rng.randrange(len(self._active)))
        try:
            rest = next(run.process)
        except (StopIteration, ObjectGone):
            self._busy.difference_update(run.scopes)
            return
        if rest:
            self._resting.append((self._steps + rest, run))
        else:
            self._active.append(run)
