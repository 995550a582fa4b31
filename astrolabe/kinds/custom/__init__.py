"""Kinds as data: what the API server says of a custom kind, and a rule if there is one, make its entry.

`definition` is what discovery and the CRD say, `rulebook` finds the rule, `entry` makes the entry of the
catalogue. A rule is compiled once into a projection (the named paths and nothing else) and closures; the
path of an object has no interpreter.
"""
