"""The graph: nodes, edges, how references become edges, what neighbours tell of a node, filters.

Promise: pure. Nothing here knows asyncio, the clock, the environment, logging or the network, and
nothing here knows a Kubernetes kind by name: what is particular to a kind comes in as `Facts` and
`Rules`. The same input, in any order, ends in the same graph.
"""
