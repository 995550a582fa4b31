"""How batches get from the one writer to everyone who serves.

Promise: a listener gets every batch once, in order, or is told that it cannot. Two implementations
of one small protocol: in memory, and Redis.
"""
