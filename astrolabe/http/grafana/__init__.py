"""What Grafana shows of the graph: its node graph panel over REST, and flat streams for generic plugins.

Promise: never an edge without both ends, not even between two answers that belong together; above the
limit resources are drawn together, never left out; what is drawn keeps its place while others come and go.
"""
