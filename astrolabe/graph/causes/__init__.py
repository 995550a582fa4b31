"""What is broken, why, and what depends on it: pure, over any state of the graph, with `now` handed in.

Promise: `Causes` that followed any history of changes says what a new one says of the same graph at the same
`now`. It reads only what the given graph shows, so a filtered view tells nothing that is invisible in it.
"""
