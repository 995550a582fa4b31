"""Custom kinds: their entries are made from what the API server says about them, and from rules.

`definition` holds what discovery and the CRD say, `rulebook` finds the rule, if there is one, and `entry`
makes the entry of the catalogue. A rule is compiled once, into a projection (the paths that it names, and
nothing else) and closures. No rule is interpreted while objects are processed.
"""
