"""A load test for a running Astrolabe: many clients at once, whose graphs are compared with each other.

Promise: bounded in clients and time; connects only to the given address. `run` takes a `Plan` and returns a
`Report`. Its `good` says whether every client held exactly the right graph.
"""

from astrolabe.client.load.report import Latency, Report
from astrolabe.client.load.run import Plan, run

__all__ = ["Latency", "Plan", "Report", "run"]
