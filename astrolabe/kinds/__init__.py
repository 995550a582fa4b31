"""What Astrolabe knows of each Kubernetes kind: one table entry each, pure functions only.

Promise: a kind is in one place. Watches, RBAC rules, the README's table, the viewer's legend and the
metrics' labels are derived from `astrolabe.kinds.table.KINDS`. No I/O, no clock.
"""
