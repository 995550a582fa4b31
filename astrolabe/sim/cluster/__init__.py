"""Realistic clusters: a census, a plan that keeps to it, and the manifests a real server would send.

Promise: no I/O, no clock, no randomness but from a seed. The same scale, seed and moment give the same bytes.
Builders take the manifest of an owner and make that of what it owns, so that churn uses them as well.
"""
