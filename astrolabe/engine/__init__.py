"""The single writer: facts go in through an inbox, batches of graph changes come out.

Promise: a single task mutates the graph, in slices that never block the event loop. Every batch that it
publishes leaves a closed graph, in which no edge dangles. `seq` grows by one with each batch.
"""
