"""Responses of a kube-apiserver, one module per topic, with the texts and shapes of a real 1.36 server.

Promise: no HTTP library here. Each module takes values and returns bytes or raises `StatusError`.
"""
