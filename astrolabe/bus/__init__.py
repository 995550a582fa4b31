"""Delivers batches from the single writer to everyone who serves the graph.

Promise: a listener gets every batch once and in order, or learns that it cannot. There are two
implementations: in memory, and through Redis.
"""
