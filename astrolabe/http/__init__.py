"""What clients see: REST, the stream over WebSocket and server-sent events, health, the viewer.

Promise: read-only, and whoever applies a snapshot and the deltas after it in order holds exactly the
server's filtered graph. A peer's slowness costs bounded memory, and ends that peer only.
"""
