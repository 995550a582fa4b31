"""Graph sources that hold what a user may see. Users with equal rights share one.

The front doors serve such a source like the whole graph. They cannot reveal what is not in it.
"""
