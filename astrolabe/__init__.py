"""Astrolabe: a live graph of a Kubernetes cluster, over REST and WebSocket."""

__version__ = "1.0.0"
