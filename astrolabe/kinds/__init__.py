"""What Astrolabe knows about each Kubernetes kind: one entry in the catalogue, made of pure functions.

Promise: a kind is in one place. Watches, RBAC rules, the guide's table, the viewer's legend and the metrics'
labels are derived from the catalogue (`catalogue.Catalogue`). Each cluster has its own. `builtin` lists the
entries that ship. No I/O, no clock.
"""
