"""Graph sources of what somebody may see: one for all who may see the same.

The front doors serve such a source as they serve the whole graph, so that nothing they compute can tell of
what is not in it.
"""
