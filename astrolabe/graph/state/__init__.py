"""What every process holds: nodes, edges, and the graph that batches build.

Promise: the graph is the same wherever the same batches were applied, and no edge in it lacks an end.
"""
