"""Keeps a simulated cluster busy for hours: rollouts, crashes, jobs and upgrades, in a steady state.

Promise: a state machine on an `ObjectStore` and nothing else. The same store and seed give the same writes;
the clock is passed in. Relations between objects stay consistent, except while a scenario is running, as in
a real cluster.
"""
