"""`Churn`: many things going on at once, one write at a time."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

from astrolabe.sim.churn import mishaps, rollouts, schedules, upgrades
from astrolabe.sim.churn.scenario import Affair, Scenario
from astrolabe.sim.churn.world import Vanished, World
from astrolabe.sim.cluster.mint import NOW, Mint
from astrolabe.sim.store import Store

#: (how often it begins, what). Longer ones make more of the writes than their share here.
_SCENARIOS: tuple[tuple[int, Scenario], ...] = (
    (40, upgrades.heartbeat),
    (20, upgrades.touched_pod),
    (8, mishaps.replaced_pod),
    (6, schedules.scheduled_run),
    (5, rollouts.rollout),
    (5, mishaps.crash),
    (4, mishaps.restart_in_vain),
    (3, rollouts.scaling),
    (2, upgrades.helm_upgrade),
    (2, upgrades.recreated_settings),
    (1, rollouts.bad_rollout),
    (1, mishaps.replaced_replica),
    (1, mishaps.replaced_agent),
    (1, mishaps.cordon),
)

#: Shortest pause between two bursts of writes in `run`, in seconds.
_BURST = 0.005
_MOST_AT_ONCE = 500

#: How often a step looks for something to do before it gives up.
_TRIES = 1_000


class Churn:
    """Keeps a cluster in motion; about as large and about as broken as it was.

    width: how many things go on at once, those that rest not counted. now: where the clock of `step` begins.
    """

    def __init__(self, store: Store, seed: int = 0, *, width: int = 8, now: datetime = NOW) -> None:
        # Not the generator's sequence of the same seed, or objects would be born with uids that are taken.
        self._rng = random.Random(f"churn {seed}")
        self._world = World(store, Mint(self._rng, now, stream=1))
        self._store = store
        self._width = width
        self._steps = 0
        self._active: list[Affair] = []
        self._resting: list[tuple[int, Affair]] = []
        self._busy: set[str] = set()
        self._weights = [weight for weight, _ in _SCENARIOS]
        self._jitter = random.Random(seed)

    def step(self, now: datetime | None = None) -> None:
        """One write to the store, if anything is left to happen in it.

        now: the moment that it carries; a second after the one before when not given.
        """
        mint = self._world.mint
        mint.now = now if now is not None else mint.now + timedelta(seconds=1)
        self._steps += 1
        before = self._store.revision
        for _ in range(_TRIES):
            self._wake()
            if len(self._active) < self._width:
                self._begin()
            self._go_on()
            if self._store.revision != before:
                return

    def finish(self) -> None:
        """Let everything that is under way come to its end, beginning nothing new."""
        while self._active or self._resting:
            self._active += [affair for _, affair in self._resting]
            self._resting.clear()
            self._world.mint.now += timedelta(seconds=1)
            self._go_on()

    def look_anew(self) -> None:
        """Give up all that is under way: the store holds something else now, as after `Store.restore`.

        What was half done there stays so: see `finish`.
        """
        self._active, self._resting = [], []
        self._busy.clear()
        self._world = World(self._store, self._world.mint)

    async def run(self, rate: float) -> None:
        """Write about `rate` events a second, irregularly, by the clock of the machine, until cancelled."""
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
                due = loop.time()  # the machine is slower than the rate: what was missed is not made up for

    def _wake(self) -> None:
        """Those that have rested long enough go on."""
        self._active += [affair for until, affair in self._resting if until <= self._steps]
        self._resting = [entry for entry in self._resting if entry[0] > self._steps]

    def _begin(self) -> None:
        (choice,) = self._rng.choices(_SCENARIOS, self._weights)
        try:
            affair = choice[1](self._world)
        except Vanished:
            return
        if affair is not None and self._busy.isdisjoint(affair.scopes):
            self._busy.update(affair.scopes)
            self._active.append(affair)

    def _go_on(self) -> None:
        """One of those under way does its next write."""
        if not self._active:
            return
        affair = self._active.pop(self._rng.randrange(len(self._active)))
        try:
            rest = next(affair.process)
        except (StopIteration, Vanished):
            self._busy.difference_update(affair.scopes)
            return
        if rest:
            self._resting.append((self._steps + rest, affair))
        else:
            self._active.append(affair)
