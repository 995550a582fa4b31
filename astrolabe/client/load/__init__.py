"""Load for a running Astrolabe: many clients at a time that hold what they are told against each other.

Promise: bounded in count and time; connects to the one address that it is given. `run` takes a `Plan` and
returns a `Report`; whether it is `good` says if every client was told exactly what it should have been.
"""

from astrolabe.client.load.plan import Plan
from astrolabe.client.load.report import Latency, Report
from astrolabe.client.load.run import run

__all__ = ["Latency", "Plan", "Report", "run"]
