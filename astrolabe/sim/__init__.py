"""A Kubernetes API server in memory, over real HTTP, with realistic clusters, churn and faults.

Promise: in everything that Astrolabe reads, a client cannot tell it from a real kube-apiserver (1.36): LIST
and WATCH, and every way in which they end. The demo, the tests and the benchmarks run on it. It serves the
kinds it is given (by default the built-in ones), those of its CustomResourceDefinitions, and nothing else.
Clients cannot write, but they may ask for evictions.

- `store`: objects, versions and event logs. Churn writes it, the server reads it.
- `definitions`: what CustomResourceDefinitions look like, and what kinds they make.
- `server`: `Simulator`, the HTTP server. `api` has its responses, one module per topic.
- `faults`: fault injection, switched on and off while it runs.
- `cluster`: a generator of realistic clusters of any size; the same seed gives the same bytes.
- `churn`: keeps such a cluster changing, in a steady state for hours.
"""
