"""The stream: every change of the graph, for everyone who follows it.

Promise: a client that applies snapshot and deltas in order holds exactly the server's filtered graph, and is
told when it does not. No client has a queue; one that does not read costs the others nothing.
"""
