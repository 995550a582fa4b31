"""What Astrolabe knows of each Kubernetes kind: one entry of the catalogue each, pure functions only.

Promise: a kind is in one place. Watches, RBAC rules, the guide's table, the viewer's legend and the
metrics' labels are derived from the catalogue (`catalogue.Catalogue`), which each cluster has of its own; the
entries that ship are listed in `builtin`. No I/O, no clock.
"""
