"""Union mode: one process serves several clusters as one graph, with one history.

Promise: each cluster has its own kinds, model, engine and watches, and nothing of one holds up another.
Batches of all of them get one epoch and one order (`writer`), and go to one hub. Ids of nodes begin with the
name of their cluster. A cluster that cannot be reached keeps its nodes; its state says that they may be
outdated.
"""
