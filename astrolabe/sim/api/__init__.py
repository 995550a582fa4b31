"""What a kube-apiserver answers, one matter a module; texts and shapes as a real 1.36 server sends them.

Promise: no HTTP library in here. Each module takes values and returns bytes or raises `StatusError`.
"""
