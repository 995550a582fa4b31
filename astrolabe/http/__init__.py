"""What clients see: REST, the stream over WebSocket and server-sent events, health, the viewer.

Promise: read-only. A client that applies a snapshot and the deltas after it in order holds exactly the
server's filtered graph. A slow peer costs bounded memory, and harms only itself.
"""
