"""The single writer: an inbox of facts goes in, batches of graph changes come out.

Promise: one task mutates the graph, in slices that never hold the event loop; every batch it
publishes leaves a closed graph behind, and `seq` grows by one a batch.
"""
