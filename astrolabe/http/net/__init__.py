"""Sockets: accepting, HTTP/1.1, WebSocket and server-sent events, and the limits of all of these.

Promise: no peer keeps another waiting, holds more memory than the limits allow, or keeps the loop busy for
longer than a slice of time. Knows messages as bytes to be framed, and nothing of the graph.
"""
