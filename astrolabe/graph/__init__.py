"""The pure core, in four rooms: what the writer knows (`model`), what everyone holds (`state`), what clients
ask for (`views`), and what is sent (`encoding`).

Promise: pure. Nothing here knows asyncio, the clock, the environment, logging or the network. Nothing here
knows a Kubernetes kind by name: `Facts` and `Rules` bring what is particular to a kind. The same input, in
any order, ends in the same graph.
"""
