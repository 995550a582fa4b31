"""The life of a simulated cluster: rollouts, crashes, jobs, upgrades; for hours, in a steady state.

Promise: a state machine on a `Store` and nothing else. The same store and seed give the same writes; the
clock is passed in. Every relation that the generator made stays true, save while something is under way,
as in a real cluster.
"""
