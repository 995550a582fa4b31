"""The graph for Grafana: its node graph panel over REST, and flat streams for generic plugins.

Promise: no edge ever lacks an end, not even between two responses that belong together. Above the limit,
resources are drawn as groups, never left out. A node keeps its place while others come and go.
"""
