"""How one process gets a graph to serve, and keeps it up to date.

`standalone` holds the graph in memory. `replicated` shares it with equal processes through Redis. Both return
a graph source and register their tasks with a `Supervisor`.

Promise: once the function has returned, the source can be served, and `ready` waits until it holds the
graph of the whole cluster. If the function raises, closing the supervisor ends all that was started.
"""
