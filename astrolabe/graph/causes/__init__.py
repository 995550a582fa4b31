"""What is broken, why, and what depends on it: pure, over any state of the graph, with `now` handed in.

Promise: a `Causes` that has followed any history of changes says the same as a new one, given the same graph
and `now`. It reads only the graph that it is given, so it reveals nothing that a filtered view hides.
"""
