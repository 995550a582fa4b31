"""What a client asks for: filters, which nodes they keep, and the views that follow the graph.

Promise: a view always equals its filter applied to the whole graph, at the cost of what changed.
"""
