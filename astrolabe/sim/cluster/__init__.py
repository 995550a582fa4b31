"""Realistic clusters: object counts, a plan that meets them, and the manifests of a real server.

Promise: no I/O, no clock, no randomness except from a seed. The same scale, seed and time give the same
bytes. Builders take the manifest of an owner and make the manifests that it owns, so churn can use them as
well.
"""
