"""What a user may see of a graph: a smaller graph, kept up to date incrementally.

Promise: the visible graph equals a new one made from the whole graph with the same rights. It reveals nothing
about an object that the user may not see, not even whether it exists.
"""
