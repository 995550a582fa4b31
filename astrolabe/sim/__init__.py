"""A Kubernetes API server in memory, over real HTTP, with realistic clusters, churn and faults.

Promise: a client cannot tell it from a real kube-apiserver (1.36) in what Astrolabe reads: LIST and
WATCH with every way they have to end. The demo, the tests and the benchmarks run on it. It serves the
kinds it is given (those that ship by default) and nothing else; clients cannot write.

- `store`: objects, versions, event logs. What churn writes and what the server reads.
- `server`: `Simulator`, the HTTP server; `api` holds its answers, one module a matter.
- `faults`: what may go wrong on the way, switched on and off while it runs.
- `cluster`: a generator of realistic clusters of any size, the same bytes for the same seed.
- `churn`: the life of such a cluster, in a steady state for hours.
"""
