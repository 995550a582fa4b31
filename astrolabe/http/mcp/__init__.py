"""The door for agents: the Model Context Protocol at `/mcp`.

Promise: read-only and stateless. Each answer is short, says how far it may be trusted, what was left out and
how to ask for it, and marks all text that comes from the cluster as data.
"""
